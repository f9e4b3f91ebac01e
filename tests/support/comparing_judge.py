"""A model server that writes pairs, and judges two answers by whether they say what the reference says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tests.support.chat_servers import Body
from tests.support.document_replies import pairs_for

_SHOWN = re.compile(
    r"<prompt>\n(.*?)\n</prompt>\n<reference>\n(.*?)\n</reference>\n<a>\n(.*?)\n</a>\n<b>\n(.*?)\n</b>", re.DOTALL
)


@dataclass
class Judge:
    """compared: (prompt, reference, a, b) of every call as a verifier. mumbles: prompts it has no verdict on."""

    compared: list[tuple[str, str, str, str]] = field(default_factory=list)
    mumbles: set[str] = field(default_factory=set)
    systems: set[str] = field(default_factory=set)

    def answer(self, sent: Body, _: str) -> tuple[int, Body]:
        shown = sent["messages"][1]["content"]
        if "<comparison" not in shown:
            text = json.dumps({"pairs": pairs_for(shown)})
        else:
            text = self._verdict(*_SHOWN.search(shown).groups())  # type: ignore[union-attr]
            self.systems.add(sent["messages"][0]["content"])
        return 200, {
            "model": sent["model"],
            "usage": {"prompt_tokens": 100, "completion_tokens": 50},
            "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        }

    def _verdict(self, prompt: str, reference: str, a: str, b: str) -> str:
        self.compared.append((prompt, reference, a, b))
        if prompt in self.mumbles:
            return "Both have their merits."
        scores = {name: 9.0 if said == reference else 3.0 for name, said in (("a", a), ("b", b))}
        return json.dumps({"comparisons": [{"n": 1, **scores, "reasoning": "It says what the reference says."}]})

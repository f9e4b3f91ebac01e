"""A verifier that finds of each record what a test says of its answer, at a price, and keeps what it was shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from dataforge.quality.verification import CRITERIA
from dataforge.records import Answer, Question
from dataforge.teachers.prices import Price
from dataforge.teachers.scripted import Line, ScriptedTeacher

PRICE = Price(100.0, 1000.0)
_RECORD = re.compile(r'<record n="(\d+)"[^>]*>.*?<answer>\n(.*?)\n</answer>', re.DOTALL)
Label = Callable[[str], str]
"""From an answer to `good`, `bad`, `doubtful`, or `silent`: the reply does not speak of it."""


def shown(text: str) -> list[tuple[int, str]]:
    """Number and answer of every record in the question."""
    return [(int(n), answer) for n, answer in _RECORD.findall(text)]


def is_verifiers(system: str) -> bool:
    return system.startswith("You check records of training data. Each is a question")


def reply(text: str, label: Label) -> str:
    found = [(n, answer, label(answer)) for n, answer in shown(text)]
    return json.dumps({"records": [verdict(n, answer, said) for n, answer, said in found if said != "silent"]})


def verdict(number: int, answer: str, label: str) -> dict[str, Any]:
    said: dict[str, Any] = {"n": number, "unsupported": [], "reason": "The source says so."}
    said |= {**dict.fromkeys(CRITERIA, "yes"), "score": 9}
    if label == "bad":
        said |= {"unsupported": [answer.split()[-1]], "reason": "The source says another thing."}
        said |= {"supported": "no", "score": 2}
    elif label == "doubtful":
        said |= {"reason": "It speaks of something not named.", "stands_alone": "no", "score": 5}
    return said


class ScriptedVerifier(ScriptedTeacher):
    """before: what becomes of its first calls, as the lines of a ScriptedTeacher; None is the usual reply."""

    def __init__(self, label: Label, before: Sequence[Line | BaseException | None] = ()) -> None:
        super().__init__([lambda q: reply(q.messages[1].content, label)], name="checking:model")
        self._before = list(before)

    async def ask(self, question: Question) -> Answer:
        line = self._before.pop(0) if self._before else None
        if line is None:
            return _priced(await super().ask(question))
        self.asked.append(question)
        if isinstance(line, BaseException):
            raise line
        text = line(question) if callable(line) else line
        return _priced(Answer(text, self.name, "stop", len(question.messages[1].content) // 4, len(text) // 4))

    @property
    def seen(self) -> list[list[str]]:
        """The answers that each question showed."""
        return [[answer for _, answer in shown(q.messages[1].content)] for q in self.asked]


def _priced(answer: Answer) -> Answer:
    return replace(answer, cost_usd=PRICE.of(answer.input_tokens, answer.output_tokens))

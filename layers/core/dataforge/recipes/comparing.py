"""Two answers to the same prompt, scored beside each other by a model that is not told where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataforge.recipes.record_lists import listed, numbered, score, tagged
from dataforge.recipes.reply_json import property_names
from dataforge.records import Answer, Message, Passage, Question, Slot
from dataforge.text.normal_forms import repair_surrogates

_SCHEMA = listed("comparisons", {"a": {"type": "number"}, "b": {"type": "number"}, "reasoning": {"type": "string"}})
_FIELDS = property_names(_SCHEMA)
_TAGS = ("comparison", "prompt", "reference", "a", "b")
MOST_REASONING = 4000
"""Characters."""


@dataclass(frozen=True, slots=True)
class TwoAnswers:
    prompt: str
    a: str
    b: str
    reference: str | None = None
    """The right answer, where there is one."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores 1-10 with one decimal."""

    a: float
    b: float
    reasoning: str


def question(
    shown: Sequence[TwoAnswers], slots: Sequence[Slot], *, rules: str, kind: str, domain: str | None = None
) -> Question:
    """rules: what is better, and that the reply is {"comparisons": [{"n": 1, "a": 8.5, "b": 4.0, "reasoning": ""}]}."""
    comparisons = "\n\n".join(_rendered(number, one) for number, one in enumerate(shown, 1))
    about = f"Domain: {domain}\n\n" if domain is not None else ""
    return Question(
        (Message("system", rules), Message("user", f"{about}{comparisons}\n\nCompare all {len(shown)}.")),
        Passage(domain or ""),
        tuple(slots),
        kind=kind,
        temperature=0.0,
        max_tokens=256 + 300 * len(shown),
        json_schema=_SCHEMA,
    )


def _rendered(number: int, one: TwoAnswers) -> str:
    texts = {"prompt": one.prompt, "reference": one.reference, "a": one.a, "b": one.b}
    shown = [tagged(tag, text, tags=_TAGS) for tag, text in texts.items() if text is not None]
    return "\n".join((f'<comparison n="{number}">', *shown, "</comparison>"))


def read(answer: Answer, count: int) -> list[Scored | None]:
    """One per comparison; None where the reply does not have both scores and the reasons."""
    made: list[Scored | None] = []
    for found in numbered(answer, count, _FIELDS):
        a, b = (score(found.get("a")), score(found.get("b"))) if found else (None, None)
        why = found.get("reasoning") if found else None
        if a is None or b is None or not isinstance(why, str) or not why.strip():
            made.append(None)
        else:
            made.append(Scored(a, b, repair_surrogates(why).strip()[:MOST_REASONING]))
    return made

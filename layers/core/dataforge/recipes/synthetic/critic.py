"""The critic pass of preference_v1: both answers scored without being told which was meant to be the better one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataforge.recipes.judging import listed, numbered, score
from dataforge.recipes.reply_json import property_names
from dataforge.recipes.synthetic.shapes import STRING, Payload
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.records import Answer, Message, Passage, Question
from dataforge.text.normal_forms import repair_surrogates

KIND = "critic"

_RULES = """You compare two answers to the same prompt, A and B, for training data. For each prompt score both answers
from 1 to 10 with at most one decimal, for correctness, helpfulness, safety and clarity together. Use the range: an
answer with a wrong fact, an unsafe piece of advice or a missing step is a 5 at best. Then say in one or two sentences
why the stronger response is better; call them "the stronger response" and "the weaker response", never A or B.
Reply with JSON only: {"comparisons": [{"n": 1, "a": 8.5, "b": 4.0, "reasoning": "..."}]}"""
_SCHEMA = listed("comparisons", {"a": {"type": "number"}, "b": {"type": "number"}, "reasoning": STRING})
_FIELDS = property_names(_SCHEMA)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scores 1-10 with one decimal."""

    chosen: float
    rejected: float
    reasoning: str


def question(payloads: Sequence[Payload], slots: Sequence[RecordSlot], *, domain: str) -> Question:
    """Which answer stands first follows from the slot's seed, so neither side gains by its place."""
    shown = []
    for number, (payload, slot) in enumerate(zip(payloads, slots, strict=True), 1):
        a, b = ("chosen", "rejected") if _chosen_first(slot) else ("rejected", "chosen")
        shown.append(
            f'<comparison n="{number}">\n<prompt>\n{payload["prompt"]}\n</prompt>\n<a>\n{payload[a]}\n</a>\n'
            f"<b>\n{payload[b]}\n</b>\n</comparison>"
        )
    comparisons = "\n\n".join(shown)
    return Question(
        (Message("system", _RULES), Message("user", f"Domain: {domain}\n\n{comparisons}\n\nCompare all {len(shown)}.")),
        Passage(domain),
        tuple(slots),
        kind=KIND,
        temperature=0.0,
        max_tokens=256 + 300 * len(shown),
        json_schema=_SCHEMA,
    )


def read(answer: Answer, slots: Sequence[RecordSlot]) -> list[Comparison | None]:
    made: list[Comparison | None] = []
    for found, slot in zip(numbered(answer, len(slots), _FIELDS), slots, strict=True):
        a, b = (score(found.get("a")), score(found.get("b"))) if found else (None, None)
        why = found.get("reasoning") if found else None
        if a is None or b is None or not isinstance(why, str) or not why.strip():
            made.append(None)
        else:
            chosen, rejected = (a, b) if _chosen_first(slot) else (b, a)
            made.append(Comparison(chosen, rejected, repair_surrogates(why).strip()[:4000]))
    return made


def _chosen_first(slot: RecordSlot) -> bool:
    return slot.seed % 2 == 0

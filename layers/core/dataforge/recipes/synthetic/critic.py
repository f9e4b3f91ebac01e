"""The critic pass of preference_v1: both answers scored without being told which was meant to be the better one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataforge.recipes import comparing
from dataforge.recipes.comparing import TwoAnswers
from dataforge.recipes.synthetic.shapes import Payload
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.records import Answer, Question

KIND = "critic"

_RULES = """You compare two answers to the same prompt, A and B, for training data. For each prompt score both answers
from 1 to 10 with at most one decimal, for correctness, helpfulness, safety and clarity together. Use the range: an
answer with a wrong fact, an unsafe piece of advice or a missing step is a 5 at best. Then say in one or two sentences
why the stronger response is better; call them "the stronger response" and "the weaker response", never A or B.
Reply with JSON only: {"comparisons": [{"n": 1, "a": 8.5, "b": 4.0, "reasoning": "..."}]}"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scores 1-10 with one decimal."""

    chosen: float
    rejected: float
    reasoning: str


def question(payloads: Sequence[Payload], slots: Sequence[RecordSlot], *, domain: str) -> Question:
    """Which answer stands first follows from the slot's seed, so neither side gains by its place."""
    shown = []
    for payload, slot in zip(payloads, slots, strict=True):
        a, b = ("chosen", "rejected") if _chosen_first(slot) else ("rejected", "chosen")
        shown.append(TwoAnswers(str(payload["prompt"]), str(payload[a]), str(payload[b])))
    return comparing.question(shown, slots, rules=_RULES, kind=KIND, domain=domain)


def read(answer: Answer, slots: Sequence[RecordSlot]) -> list[Comparison | None]:
    made: list[Comparison | None] = []
    for scored, slot in zip(comparing.read(answer, len(slots)), slots, strict=True):
        if scored is None:
            made.append(None)
        else:
            chosen, rejected = (scored.a, scored.b) if _chosen_first(slot) else (scored.b, scored.a)
            made.append(Comparison(chosen, rejected, scored.reasoning))
    return made


def _chosen_first(slot: RecordSlot) -> bool:
    return slot.seed % 2 == 0

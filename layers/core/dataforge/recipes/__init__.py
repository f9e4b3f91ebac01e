"""What to ask a teacher and how to read the answer; one module per kind of record, chosen by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dataforge.recipes import qa
from dataforge.records import Answer, Draft, Passage, Question, Slot


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller of a run may ask of every call."""

    temperature: float = 0.7
    max_tokens: int = 4096
    system_prompt: str | None = None
    style: str = "mixed"
    seed: int = 0


class Recipe(Protocol):
    def question(self, passage: Passage, slots: Sequence[Slot], wishes: Wishes) -> Question: ...

    def read(self, answer: Answer, slots: Sequence[Slot]) -> list[Draft]:
        """At most one draft per slot, in slot order. Raises BadReply when nothing can be read or drafts are missing;
        its `drafts` then hold what could be read."""
        ...


RECIPES: dict[str, Recipe] = {"qa": qa}

"""What to ask a teacher and how to read the answer; one module per kind of record, chosen by name.

planning    slots over passages               prompts   what every prompt says alike
spreading   kinds, personas, styles over slots
reading     objects of a reply -> drafts      replies   JSON out of what a model wrote
excerpts, labels   texts and topics of a classification
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dataforge.recipes import classification, conversation, instruction, qa, summary
from dataforge.recipes.reading import Form
from dataforge.records import Answer, Draft, Passage, Question, Slot


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller of a run may ask of every call."""

    temperature: float = 0.7
    max_tokens: int = 4096
    system_prompt: str | None = None
    style: str = "mixed"
    seed: int = 0
    turns: int = 3
    """User turns of a conversation."""
    labels: tuple[str, ...] = ()
    """What a classification chooses from."""
    summary_style: str = "mixed"


class Recipe(Protocol):
    FORM: Form
    VARIETIES: tuple[str, ...]
    """The kinds of question, task or situation that a plan spreads over the slots; empty: the recipe does it alone."""
    SPREADS: tuple[str, ...]
    """Which of `spreading.DIMENSIONS` its slots can be asked for."""
    MULTI_HOP: bool
    """Can ask about several passages at once."""
    SLOTS_PER_CALL: int
    PAIRS_PER_CHUNK: int
    """What a passage is asked for when the caller does not say."""

    def room(self, passage: Passage, tokens: int, wishes: Wishes, /) -> int:
        """How many different records a passage of so many tokens can be asked for, whoever writes them."""
        ...

    def question(self, passage: Passage, slots: Sequence[Slot], wishes: Wishes) -> Question: ...

    def read(self, answer: Answer, question: Question) -> list[Draft]:
        """At most one draft per slot, in slot order. Raises BadReply when nothing can be read or drafts are missing;
        its `drafts` then hold what could be read."""
        ...


RECIPES: dict[str, Recipe] = {
    "qa": qa,
    "instruction": instruction,
    "conversation": conversation,
    "summary": summary,
    "classification": classification,
}

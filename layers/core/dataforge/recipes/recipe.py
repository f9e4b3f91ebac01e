"""Everything that the service has to know of one kind of record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from dataforge.quality.record_scoring import Grounder, ground_pair
from dataforge.recipes import draft_reading
from dataforge.recipes.draft_reading import Found, ReplyForm
from dataforge.recipes.options import GenerationOptions, Option
from dataforge.records import Answer, Draft, Passage, Question, Slot

Ask: TypeAlias = Callable[[Passage, Sequence[Slot], GenerationOptions], Question]


def _question_and_answer(draft: Draft) -> str:
    return f"{draft.question}\n{draft.answer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How records of one kind are asked for, read, grounded, compared and estimated.

    A new kind is a module with one of these and an entry in `recipes.RECIPES`; nothing else names kinds. What has a
    default fits a question with its answer.
    """

    name: str
    """`generation_type` of the API."""
    form: ReplyForm
    question: Ask
    """One call for some slots of a passage, or of the same passages."""
    draft: Callable[[Found, Slot, Question], Draft | str]
    """An object of the reply and the slot it is for; a text says what is wrong with the object, in words for its
    writer."""
    max_records: Callable[[Passage, int, GenerationOptions], int]
    """How many different records a passage of so many tokens can be asked for, whoever writes them."""
    output_tokens: Callable[[GenerationOptions], tuple[int, int]]
    """What a teacher writes for one record in its JSON, evidence included: least and most tokens."""
    sample: Callable[[Question, Slot], dict[str, object]]
    """A well-formed object of a reply, made of the words of the passage: what the scripted teacher writes."""
    ground: Grounder = ground_pair
    """Where its passage supports a draft: what a reviewer is shown."""
    compared_text: Callable[[Draft], str] = _question_and_answer
    """The text whose near-repetition makes a record a duplicate: what a user brings along is no repetition."""
    asks: bool = True
    """A record is a question and its answer, so that another name or number in the question makes another record."""
    duplicate_group: str = ""
    """Records of kinds with the same group can be duplicates of each other; empty: only of their own kind."""
    varieties: tuple[str, ...] = ()
    """The kinds of question, task or situation that a plan spreads over the slots; empty: the recipe does it alone."""
    spreads: tuple[str, ...] = ()
    """Which of `spreading.DIMENSIONS` its slots can be asked for."""
    multi_hop: bool = False
    """Can ask about several passages at once."""
    uses_labels: bool = False
    """Chooses from labels: the caller's, else the topics that the headings of the chosen chunks name."""
    slots_per_call: int = 3
    pairs_per_chunk: int = 1
    """What a passage is asked for when the caller does not say."""
    options: tuple[Option[Any], ...] = ()
    """Keys of a run's configuration that mean something for this kind only."""

    @property
    def config_defaults(self) -> dict[str, Any]:
        """Of its own options; an empty one (no label) is not stored."""
        return {option.name: option.default for option in self.options if option.default}

    def read(self, answer: Answer, question: Question) -> list[Draft]:
        """One draft per slot, in slot order. Raises BadReply when drafts are missing; its `drafts` then hold what could
        be read, by the index of its slot."""
        return draft_reading.drafts(
            answer, question.slots, self.form, lambda found, slot: self.draft(found, slot, question)
        )

    def can_repeat(self, other: Recipe) -> bool:
        """Whether records of the two kinds can be duplicates of each other."""
        return self.name == other.name or (bool(self.duplicate_group) and self.duplicate_group == other.duplicate_group)

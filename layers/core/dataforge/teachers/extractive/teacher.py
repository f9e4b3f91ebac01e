"""The offline teacher: real pairs out of the passage itself, no model, no key, no network."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from dataforge.errors import TeacherRefused
from dataforge.records import Answer, Draft, Passage, Question, Slot
from dataforge.teachers.extractive.ranking import ranked
from dataforge.teachers.ports import Capabilities


def capacity(passage: Passage) -> int:
    """How many different pairs can be made of it."""
    return len(pairs(passage))


def pairs(passage: Passage) -> tuple[Draft, ...]:
    """In the fixed order of the passage; its document's name plays no part."""
    return ranked(passage.content, passage.heading_path, passage.content_type)


class ExtractiveTeacher:
    """Slot number k of a passage (`ordinal`) gets the k-th pair of the passage, so top-ups never repeat.

    Within one call the pairs go to the slots whose difficulty and question type they fit best. Fewer pairs than slots
    mean that the passage is exhausted. The answer does not depend on the seed, the prompt or the time.
    """

    name = "extractive"
    can = Capabilities(json_schema=True, offline=True, kinds=("qa",), capacity=capacity)

    async def ask(self, question: Question) -> Answer:
        if question.kind != "qa":
            raise TeacherRefused(
                f"The extractive teacher writes question-answer pairs only, not {question.kind!r}: choose another "
                f"model_id"
            )
        made = pairs(question.passage)
        open_slots = [s for s in question.slots if s.ordinal < len(made)]
        found = _assigned(open_slots, [made[s.ordinal] for s in open_slots])
        text = orjson.dumps({"pairs": [_plain(draft) for draft in found]}).decode()
        return Answer(text, self.name)

    async def close(self) -> None:
        """Holds nothing."""


def _assigned(slots: Sequence[Slot], drafts: Sequence[Draft]) -> list[Draft]:
    """One draft per slot: slots that wish for something choose first, in their order, the best that is left."""
    left = list(drafts)
    given: dict[int, Draft] = {}
    for at in sorted(range(len(slots)), key=lambda i: (slots[i].question_type is None, slots[i].difficulty is None, i)):
        best = max(left, key=lambda d: _fit(slots[at], d))
        left.remove(best)
        given[at] = best
    return [given[i] for i in range(len(slots))]


def _fit(slot: Slot, draft: Draft) -> int:
    return 2 * (slot.question_type == draft.question_type) + (slot.difficulty == draft.difficulty)


def _plain(draft: Draft) -> dict[str, object]:
    return {
        "question": draft.question,
        "answer": draft.answer,
        "question_type": draft.question_type,
        "difficulty": draft.difficulty,
        "evidence": list(draft.evidence),
    }

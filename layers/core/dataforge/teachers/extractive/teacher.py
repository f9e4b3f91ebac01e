"""The offline teacher: real records out of the passage itself, no model, no key, no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from dataforge.errors import TeacherRefused
from dataforge.recipes import RECIPES, classification, conversation, summary
from dataforge.records import Answer, Draft, Passage, Question, Slot
from dataforge.teachers.extractive.conversations import conversations
from dataforge.teachers.extractive.ranking import ranked
from dataforge.teachers.extractive.summaries import summary_of
from dataforge.teachers.extractive.tasks import tasks
from dataforge.teachers.extractive.topics import topics
from dataforge.teachers.ports import Capabilities

Written = dict[str, Any]
"""One object of a reply, in the form that the recipe of its kind reads."""


def pairs(passage: Passage) -> tuple[Draft, ...]:
    """In the fixed order of the passage; its document's name plays no part."""
    return ranked(passage.content, passage.heading_path, passage.content_type)


def _tasks(asked: Question) -> list[Written]:
    p = asked.passage
    return [
        {
            "instruction": t.request,
            "input": t.material,
            "output": t.work,
            "task": t.kind,
            "difficulty": t.difficulty,
            "evidence": list(t.evidence),
        }
        for t in tasks(p.content, p.heading_path, p.content_type)
    ]


def _conversations(asked: Question) -> list[Written]:
    p = asked.passage
    return [
        {
            "turns": [
                {"user": u.content, "assistant": a.content} for u, a in zip(d.turns[::2], d.turns[1::2], strict=True)
            ],
            "situation": d.question_type,
            "difficulty": d.difficulty,
            "evidence": list(d.evidence),
        }
        for d in conversations(p.content, p.heading_path, p.content_type, conversation.TURNS.of(asked))
    ]


def _summaries(asked: Question) -> list[Written]:
    p = asked.passage
    made = summary_of(p.content, p.heading_path, p.content_type, summary.STYLE.of(asked))
    if made is None:
        return []
    request, d = made
    return [{"request": request, "summary": d.answer, "style": d.question_type, "difficulty": d.difficulty}]


def _labels(asked: Question) -> list[Written]:
    found = topics(asked.passage, classification.LABELS.of(asked))
    return [{"label": label, "request": "", "evidence": [], "difficulty": "medium"} for label in found]


def _pairs(asked: Question) -> list[Written]:
    return [_plain(d) for d in pairs(asked.passage)]


@dataclass(frozen=True, slots=True)
class _Writer:
    write: Callable[[Question], list[Written]]
    """All that can be made of the question's passage, best first."""
    chooses: bool = False
    """Slots get the records that fit their difficulty and question type best; else the k-th slot the k-th record."""


_WRITERS = {
    "qa": _Writer(_pairs, chooses=True),
    "instruction": _Writer(_tasks),
    "conversation": _Writer(_conversations),
    "summary": _Writer(_summaries),
    "classification": _Writer(_labels),
}
"""What this teacher can write; other kinds it refuses."""


def capacity(asked: Question) -> int:
    """How many different records of the question's kind can be made of its passage."""
    return len(_WRITERS[asked.kind].write(asked))


class ExtractiveTeacher:
    """Slot number k of a passage (`ordinal`) gets the k-th record of the passage, so top-ups never repeat.

    Within one call pairs go to the slots whose difficulty and question type they fit best. Fewer records than slots
    mean that the passage is exhausted. The answer does not depend on the seed, the prompt or the time.
    """

    name = "extractive"
    can = Capabilities(
        json_schema=True, offline=True, kinds=tuple(_WRITERS), labels=False, instructions=False, capacity=capacity
    )

    async def ask(self, question: Question) -> Answer:
        if question.kind not in _WRITERS:
            raise TeacherRefused(f"The extractive teacher does not write {question.kind!r}: choose another model_id")
        writer = _WRITERS[question.kind]
        made = writer.write(question)
        open_slots = {n: s for n, s in enumerate(question.slots, 1) if s.ordinal < len(made)}
        found = [made[s.ordinal] for s in open_slots.values()]
        if writer.chooses:
            found = _assigned(list(open_slots.values()), found)
        numbered = [{"number": n, **w} for n, w in zip(open_slots, found, strict=True)]
        return Answer(orjson.dumps({RECIPES[question.kind].form.key: numbered}).decode(), self.name)

    async def close(self) -> None:
        """Holds nothing."""


def _assigned(slots: Sequence[Slot], written: Sequence[Written]) -> list[Written]:
    """One pair per slot: slots that wish for something choose first, in their order, the best that is left."""
    left = list(written)
    given: dict[int, Written] = {}
    for at in sorted(range(len(slots)), key=lambda i: (slots[i].question_type is None, slots[i].difficulty is None, i)):
        best = max(left, key=lambda w: _fit(slots[at], w))
        left.remove(best)
        given[at] = best
    return [given[i] for i in range(len(slots))]


def _fit(slot: Slot, written: Written) -> int:
    return 2 * bool(slot.question_type == written["question_type"]) + bool(slot.difficulty == written["difficulty"])


def _plain(draft: Draft) -> Written:
    return {
        "question": draft.question,
        "answer": draft.answer,
        "question_type": draft.question_type,
        "difficulty": draft.difficulty,
        "evidence": list(draft.evidence),
    }

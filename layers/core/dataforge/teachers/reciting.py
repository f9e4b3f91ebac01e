"""Well-formed replies of every kind out of the words of the passage: what the shipped fake says. Not training data."""

from __future__ import annotations

import json
from collections.abc import Callable

from dataforge.recipes import summary
from dataforge.records import Passage, Question, Slot

_WORDS = 12


def recite(question: Question) -> str:
    """A good reply to any question: each slot gets its own stretch of the passage."""
    key, one = _REPLIES[question.kind]
    return json.dumps({key: [{"number": n, **one(question, slot)} for n, slot in enumerate(question.slots, 1)]})


def _quotes(question: Question, number: int) -> tuple[int, list[str]]:
    """The number-th stretch of each passage, and where that of the first begins."""
    found = [_stretch(passage, number) for passage in question.passage.all]
    return found[0][0], [quote for _, quote in found]


def _stretch(passage: Passage, number: int) -> tuple[int, str]:
    """Where the number-th stretch begins, and its words."""
    words = passage.content.split() or ["nothing"]
    start = number * _WORDS % len(words)
    return start + 1, " ".join(words[start : start + _WORDS])


def _pair(question: Question, slot: Slot) -> dict[str, object]:
    start, quotes = _quotes(question, slot.ordinal)
    return {
        "question": f"What stands in {' and '.join(slot.chunk_ids)} from word {start} on, as record {slot.index}?",
        "answer": " ".join(quotes),
        "question_type": "factual",
        "difficulty": slot.difficulty or "easy",
        "evidence": quotes,
    }


def _task(question: Question, slot: Slot) -> dict[str, object]:
    start, quotes = _quotes(question, slot.ordinal)
    where = " and ".join(slot.chunk_ids)
    return {
        "instruction": f"Copy what stands in {where} from word {start} on, for record {slot.index}.",
        "input": "",
        "output": " ".join(quotes),
        "task": slot.question_type or "extract",
        "difficulty": slot.difficulty or "easy",
        "evidence": quotes,
    }


def _conversation(question: Question, slot: Slot) -> dict[str, object]:
    turns, quotes = [], []
    for turn in range(question.turns):
        start, quote = _stretch(question.passage, slot.ordinal * question.turns + turn)
        asked = "And" if turn else f"In {slot.chunk_id}, for record {slot.index}:"
        turns.append({"user": f"{asked} what stands there from word {start} on?", "assistant": quote})
        quotes.append(quote)
    return {
        "turns": turns,
        "situation": slot.question_type or "learning",
        "difficulty": slot.difficulty or "easy",
        "evidence": quotes,
    }


def _summary(question: Question, slot: Slot) -> dict[str, object]:
    """A third of the passage, beginning elsewhere for each style."""
    words = question.passage.content.split() or ["nothing"]
    size = max(1, len(words) // 3)
    first = slot.ordinal * size % len(words)
    chosen = words[first : first + size]
    style = summary.style_of(slot, question.summary_style)
    half = -(-len(chosen) // 2)
    said = f"- {' '.join(chosen[:half])}\n- {' '.join(chosen[half:])}" if style == "bullets" else " ".join(chosen)
    return {"request": f"Shorten this text, for record {slot.index}.", "summary": said, "difficulty": "easy"}


def _label(question: Question, slot: Slot) -> dict[str, object]:
    labels = question.labels or ("nothing",)
    return {
        "label": labels[slot.index % len(labels)],
        "request": "",
        "difficulty": "easy",
        "evidence": question.passage.content.split()[-1:],
    }


_REPLIES: dict[str, tuple[str, Callable[[Question, Slot], dict[str, object]]]] = {
    "qa": ("pairs", _pair),
    "instruction": ("tasks", _task),
    "conversation": ("conversations", _conversation),
    "summary": ("summaries", _summary),
    "classification": ("labelled", _label),
}

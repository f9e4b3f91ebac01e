"""Question-answer pairs from one passage of a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataforge.recipes import prompts, reading
from dataforge.recipes.reply_json import property_names
from dataforge.records import Answer, Draft, Passage, Question, Slot

if TYPE_CHECKING:
    from dataforge.recipes import Wishes

VARIETIES: tuple[str, ...] = (
    "factual",
    "how-to",
    "definition",
    "reason",
    "condition",
    "comparison",
    "list",
    "numeric",
)
SPREADS: tuple[str, ...] = ("question_types", "personas", "styles")
MULTI_HOP = True
SLOTS_PER_CALL: int = 5
PAIRS_PER_CHUNK: int = 3
TOKENS_PER_PAIR = 24
"""A passage is never asked for more pairs than one per this many of its tokens (and always for one)."""

_TASK = f"""You write training data that teaches a model the content of an organisation's documents.
From the passage you are given, write question-answer pairs.

What every pair must be:
- Answerable from the passage alone, and correct by it. Never add facts from elsewhere.
- {prompts.ALONE}
- A question that a real user, customer or colleague would ask, in natural words.
- An answer that is complete: it says what is needed to act on it, in whole sentences, and no more.
- Different from the other pairs: no two may ask for the same fact.
- Backed by evidence: copy, word for word, the sentences or table cells of the passage that prove the answer.

Write questions and answers in the language of the passage."""
_FORM = """{"pairs": [{"question": "...", "answer": "...", "question_type": "...", "difficulty": "easy|medium|hard",
"evidence": ["..."]}]}"""

_DIFFICULTY = {
    "easy": "easy: one fact, stated in one place",
    "medium": "medium: a condition, a procedure or a list that has to be put together",
    "hard": "hard: needs two or more places of the passage, a comparison, a consequence or a calculation",
}

SCHEMA = prompts.list_of(
    "pairs",
    {
        "question": prompts.TEXT,
        "answer": prompts.TEXT,
        "question_type": prompts.TEXT,
        "difficulty": prompts.LEVEL,
        "evidence": prompts.TEXTS,
    },
)
FORM = reading.Form("pairs", "pair", property_names(SCHEMA))


def room(_: Passage, tokens: int, __: Wishes) -> int:
    return max(1, tokens // TOKENS_PER_PAIR)


def question(passage: Passage, slots: Sequence[Slot], wishes: Wishes) -> Question:
    count = len(slots)
    wanted = [f"Write exactly {count} pair{'s' if count != 1 else ''}, in this order:"]
    for number, slot in enumerate(slots, 1):
        wish = prompts.level_of(slot, _DIFFICULTY)
        kind = f", of type {slot.question_type}" if slot.question_type else ""
        wanted.append(f"{number}. {wish}{kind}{prompts.manner(slot)}")
    system = prompts.rules(_TASK, wishes, form=_FORM, count_of="pair")
    return prompts.ask("qa", system, wanted, passage, slots, wishes, SCHEMA)


def read(answer: Answer, question: Question) -> list[Draft]:
    return reading.drafts(answer, question.slots, FORM, _draft)


def _draft(found: reading.Found, _: Slot) -> Draft | str:
    asked, answered = reading.text(found.get("question")), reading.text(found.get("answer"))
    if not asked or not answered:
        return 'it lacked a non-empty string in "question" or "answer"'
    if len(asked) > reading.MOST_QUESTION_CHARACTERS:
        return '"question" is far too long'
    return Draft(
        asked,
        answered[: reading.MOST_ANSWER_CHARACTERS],
        reading.word(found.get("question_type"), "factual"),
        reading.level(found.get("difficulty")),
        reading.quotes(found.get("evidence")),
    )

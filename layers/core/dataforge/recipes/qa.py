"""Question-answer pairs from one passage of a document."""

from __future__ import annotations

from collections.abc import Sequence

from dataforge.recipes import draft_reading, prompts, samples
from dataforge.recipes.draft_reading import Found, ReplyForm
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.recipe import Recipe
from dataforge.recipes.reply_json import property_names
from dataforge.records import Draft, Passage, Question, Slot

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
- Backed by evidence: copy, word for word, the sentences or table cells of the passage that prove the answer."""
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
        "difficulty": prompts.DIFFICULTY,
        "evidence": prompts.TEXTS,
    },
)
FORM = ReplyForm("pairs", "pair", property_names(SCHEMA))


def _max_records(_: Passage, tokens: int, __: GenerationOptions) -> int:
    return max(1, tokens // TOKENS_PER_PAIR)


def _question(passage: Passage, slots: Sequence[Slot], options: GenerationOptions) -> Question:
    count = len(slots)
    wanted = [f"Write exactly {count} pair{'s' if count != 1 else ''}, in this order:"]
    for number, slot in enumerate(slots, 1):
        difficulty = prompts.difficulty_of(slot, _DIFFICULTY)
        kind = f", of type {slot.question_type}" if slot.question_type else ""
        wanted.append(f"{number}. {difficulty}{kind}{prompts.asker_and_style(slot)}")
    system = prompts.rules(_TASK, options, form=_FORM, count_of="pair")
    return prompts.ask("qa", passage, slots, options, system=system, wanted=wanted, schema=SCHEMA)


def _draft(found: Found, _: Slot, __: Question) -> Draft | str:
    asked, answered = draft_reading.text(found.get("question")), draft_reading.text(found.get("answer"))
    if not asked or not answered:
        return 'it lacked a non-empty string in "question" or "answer"'
    if len(asked) > draft_reading.MOST_QUESTION_CHARACTERS:
        return '"question" is far too long'
    return Draft(
        asked,
        answered[: draft_reading.MOST_ANSWER_CHARACTERS],
        question_type=draft_reading.word(found.get("question_type"), "factual"),
        difficulty=draft_reading.difficulty(found.get("difficulty")),
        evidence=draft_reading.quotes(found.get("evidence")),
    )


def _sample(question: Question, slot: Slot) -> dict[str, object]:
    start, quotes = samples.quotes(question, slot.ordinal)
    return {
        "question": f"What stands in {' and '.join(slot.chunk_ids)} from word {start} on, as record {slot.index}?",
        "answer": samples.ended(" ".join(quotes)),
        "question_type": "factual",
        "difficulty": slot.difficulty or "easy",
        "evidence": quotes,
    }


RECIPE = Recipe(
    name="qa",
    form=FORM,
    question=_question,
    draft=_draft,
    max_records=_max_records,
    output_tokens=lambda _: (70, 260),
    sample=_sample,
    duplicate_group="questions",
    varieties=("factual", "how-to", "definition", "reason", "condition", "comparison", "list", "numeric"),
    spreads=("question_types", "personas", "styles"),
    multi_hop=True,
    slots_per_call=5,
    pairs_per_chunk=3,
)

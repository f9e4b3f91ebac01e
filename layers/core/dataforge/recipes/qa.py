"""Question-answer pairs from one passage of a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataforge.errors import BadReply
from dataforge.recipes.replies import objects, whole_characters
from dataforge.records import DIFFICULTIES, Answer, Draft, Message, Passage, Question, Slot

if TYPE_CHECKING:
    from dataforge.recipes import Wishes

MOST_QUESTION_CHARACTERS = 4000
MOST_ANSWER_CHARACTERS = 20_000
"""A longer answer is cut here, and its length rejects it; a longer question is no question."""
MOST_QUOTES = 50

QUESTION_TYPES = ("factual", "how-to", "definition", "reason", "condition", "comparison", "list", "numeric")

_RULES = """You write training data that teaches a model the content of an organisation's documents.
From the passage you are given, write question-answer pairs.

What every pair must be:
- Answerable from the passage alone, and correct by it. Never add facts from elsewhere.
- Understandable without the passage: the reader of the question has never seen it. Name the thing you ask about;
  never write "the passage", "the text", "the document", "above", "this section".
- A question that a real user, customer or colleague would ask, in natural words.
- An answer that is complete: it says what is needed to act on it, in whole sentences, and no more.
- Different from the other pairs: no two may ask for the same fact.
- Backed by evidence: copy, word for word, the sentences or table cells of the passage that prove the answer.

Write questions and answers in the language of the passage.
Reply with JSON only, in this form:
{"pairs": [{"question": "...", "answer": "...", "question_type": "...", "difficulty": "easy|medium|hard",
"evidence": ["..."]}]}"""

_DIFFICULTY = {
    "easy": "easy: one fact, stated in one place",
    "medium": "medium: a condition, a procedure or a list that has to be put together",
    "hard": "hard: needs two or more places of the passage, a comparison, a consequence or a calculation",
}

SCHEMA: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["pairs"],
    "properties": {
        "pairs": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["question", "answer", "question_type", "difficulty", "evidence"],
                "properties": {
                    "question": {"type": "string"},
                    "answer": {"type": "string"},
                    "question_type": {"type": "string"},
                    "difficulty": {"type": "string", "enum": list(DIFFICULTIES)},
                    "evidence": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}


def question(passage: Passage, slots: Sequence[Slot], wishes: Wishes) -> Question:
    """One call for all slots of a passage: the rules first (a provider may cache them), then what is particular."""
    rules = _RULES
    if wishes.system_prompt:
        rules += f"\n\nInstructions of the dataset's owner (they add to the rules above):\n{wishes.system_prompt}"
    return Question(
        messages=(Message("system", rules), Message("user", _request(passage, slots, wishes.style))),
        passage=passage, slots=tuple(slots), kind="qa", temperature=wishes.temperature,
        max_tokens=wishes.max_tokens, json_schema=SCHEMA, seed=wishes.seed,
    )


def _request(passage: Passage, slots: Sequence[Slot], style: str) -> str:
    lines = [f"Document: {passage.document_name}"] if passage.document_name else []
    if passage.heading_path:
        lines.append("Section: " + " > ".join(passage.heading_path))
    lines += ["", "<passage>", passage.content, "</passage>", ""]
    count = len(slots)
    lines.append(f"Write exactly {count} pair{'s' if count != 1 else ''}, in this order:")
    for number, slot in enumerate(slots, 1):
        wish = _DIFFICULTY.get(slot.difficulty or "", "any difficulty")
        kind = f", of type {slot.question_type}" if slot.question_type else ""
        lines.append(f"{number}. {wish}{kind}")
    if style != "mixed":
        lines.append(f"Style of the answers: {style}")
    return "\n".join(lines)


def read(answer: Answer, slots: Sequence[Slot]) -> list[Draft]:
    """Raises BadReply as `recipes.Recipe.read` says."""
    found = objects(answer.text)
    drafts = [d for d in (_draft(o) for o in found) if d is not None][: len(slots)]
    if len(drafts) == len(slots):
        return drafts
    raise BadReply(_why(answer, len(found), len(drafts), len(slots)), drafts=drafts)


def _why(answer: Answer, found: int, read: int, wanted: int) -> str:
    if answer.finish_reason == "content_filter" and not found:
        return "the provider's content filter withheld the reply"
    if answer.finish_reason == "length":
        return f"the reply was cut off after {read} of {wanted} pairs; write shorter answers"
    if not found:
        return 'the reply held no JSON; reply with the JSON object {"pairs": [...]} only'
    if read < found:
        return f"{found - read} of the objects lacked a non-empty string in \"question\" or \"answer\""
    return f"the reply held {read} of the {wanted} pairs"


def _draft(found: dict[str, object]) -> Draft | None:
    asked, answered = _text(found.get("question")), _text(found.get("answer"))
    if not asked or not answered or len(asked) > MOST_QUESTION_CHARACTERS:
        return None
    evidence = found.get("evidence")
    quotes = [evidence] if isinstance(evidence, str) else evidence if isinstance(evidence, list) else []
    difficulty = found.get("difficulty")
    kind = _text(found.get("question_type"))
    return Draft(
        asked, answered[:MOST_ANSWER_CHARACTERS], kind if 0 < len(kind) <= 40 else "factual",
        next((d for d in DIFFICULTIES if d == difficulty), "medium"),
        tuple(whole_characters(q) for q in quotes if isinstance(q, str) and q.strip())[:MOST_QUOTES],
    )


def _text(value: object) -> str:
    """Empty for what is no text."""
    return whole_characters(value).strip() if isinstance(value, str) else ""

"""Summaries: the user's turn brings the text, the answer says the same in fewer words.

A language model writes the style it is asked for; the offline teacher says with each summary which style it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from zlib import crc32

from dataforge.recipes import prompts, reading
from dataforge.recipes.instruction import with_material
from dataforge.recipes.reply_json import property_names
from dataforge.records import Answer, Draft, Passage, Question, Slot
from dataforge.text.claims import tokens

if TYPE_CHECKING:
    from dataforge.recipes import Wishes

STYLES: tuple[str, ...] = ("sentence", "paragraph", "bullets")
"""What `config.summary_style` may name, beside `mixed`."""
VARIETIES: tuple[str, ...] = ()
SPREADS: tuple[str, ...] = ()
MULTI_HOP = False
SLOTS_PER_CALL: int = 3
PAIRS_PER_CHUNK: int = 1
LEAST_WORDS = 40
"""A shorter text is its own summary."""

_TASK = """You write training data that teaches a model to summarise an organisation's documents.
For the passage you are given, write the request of a user who pastes this very text, and the summary.

What every summary must be:
- Faithful: all it says stands in the passage, with the same numbers, names, conditions and exceptions. Add nothing,
  judge nothing.
- To the point: what a reader has to know comes first, detail that the rest does not need is left out.
- In your own plain words, in whole sentences, without "the passage says" or "this text is about".
- Of the length and form that is asked for.

The request says in one sentence, in natural words, what is wanted (length and form), as if the text followed below it;
it does not contain the text. Vary the wording of the requests.
Write in the language of the passage."""
_FORM = """{"summaries": [{"number": 1, "request": "...", "summary": "...", "difficulty": "easy|medium|hard"}]}"""

SCHEMA = prompts.list_of(
    "summaries",
    {
        "number": prompts.NUMBER,
        "request": prompts.TEXT,
        "summary": prompts.TEXT,
        "difficulty": prompts.LEVEL,
    },
)
FORM = reading.Form("summaries", "summary", property_names(SCHEMA) | {"style"}, numbered=True)


def room(passage: Passage, _: int, wishes: Wishes) -> int:
    """One of each style: a second of the same style would say the same again."""
    if len(tokens(passage.content)) < LEAST_WORDS or passage.content_type in ("code", "heading"):
        return 0
    return len(STYLES) if wishes.summary_style == "mixed" else 1


def style_of(slot: Slot, wished: str) -> str:
    """Styles differ within a passage, and from one passage to the next."""
    if wished != "mixed":
        return wished
    return STYLES[(crc32(slot.chunk_id.encode()) + slot.ordinal) % len(STYLES)]


def most_words(passage: str) -> int:
    """Of a summary in a paragraph: about a third of the text, 30 to 120."""
    return max(30, min(120, len(tokens(passage)) // 3))


def question(passage: Passage, slots: Sequence[Slot], wishes: Wishes) -> Question:
    forms = {
        "sentence": "one sentence of at most 35 words",
        "paragraph": f"one paragraph of at most {most_words(passage.content)} words",
        "bullets": 'three to six bullet points, each line beginning with "- ", each of at most 20 words',
    }
    count = len(slots)
    wanted = [f"Write exactly {count} summar{'ies' if count != 1 else 'y'}, numbered:"]
    for number, slot in enumerate(slots, 1):
        style = style_of(slot, wishes.summary_style)
        wanted.append(f"{number}. {style}: {forms[style]}")
    system = prompts.rules(_TASK, wishes, form=_FORM, count_of="summary")
    return prompts.ask("summary", system, wanted, passage, slots, wishes, SCHEMA)


def read(answer: Answer, question: Question) -> list[Draft]:
    return reading.drafts(answer, question.slots, FORM, lambda found, slot: _draft(found, slot, question))


def _draft(found: reading.Found, slot: Slot, question: Question) -> Draft | str:
    request, said = reading.text(found.get("request")), reading.text(found.get("summary"))
    if not request or not said:
        return 'it lacked a non-empty string in "request" or "summary"'
    if len(request) > 500:
        return '"request" is too long: it must not contain the text'
    text = question.passage.content.strip()
    if len(said) >= len(text):
        return "a summary is as long as the passage itself"
    asked, at = with_material(request, text)
    told = found.get("style")
    style = next((s for s in STYLES if s == told), style_of(slot, question.summary_style))
    return Draft(
        asked,
        said,
        style,
        reading.level(found.get("difficulty")),
        material_at=at,
    )

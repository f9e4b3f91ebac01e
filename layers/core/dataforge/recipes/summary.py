"""Summaries: the user's turn brings the text, the answer says the same in fewer words.

A language model writes the style it is asked for; the offline teacher says with each summary which style it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from zlib import crc32

from dataforge.quality import grounding
from dataforge.recipes import draft_reading, options, prompts
from dataforge.recipes.draft_reading import Found, ReplyForm
from dataforge.recipes.instruction import with_material
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.recipe import Recipe
from dataforge.recipes.reply_json import property_names
from dataforge.records import Draft, Passage, Question, Slot
from dataforge.text import claims

STYLES: tuple[str, ...] = ("sentence", "paragraph", "bullets")
STYLE = options.choice(
    "summary_style",
    "mixed",
    choices=("mixed", *STYLES),
    doc="`summary_style`: `sentence`, `paragraph`, `bullets` or `mixed` (`mixed`)",
)
_BULLET = re.compile(r"^[^\S\n]*+(?:[-*•]|\d{1,2}[.)])[^\S\n]++\S", re.MULTILINE)
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
it does not contain the text. Vary the wording of the requests."""
_FORM = """{"summaries": [{"number": 1, "request": "...", "summary": "...", "difficulty": "easy|medium|hard"}]}"""

SCHEMA = prompts.list_of(
    "summaries",
    {
        "number": prompts.NUMBER,
        "request": prompts.TEXT,
        "summary": prompts.TEXT,
        "difficulty": prompts.DIFFICULTY,
    },
)
FORM = ReplyForm("summaries", "summary", property_names(SCHEMA) | {"style"}, numbered=True)


def _max_records(passage: Passage, _: int, chosen: GenerationOptions) -> int:
    """One of each style: a second of the same style would say the same again."""
    if len(claims.tokens(passage.content)) < LEAST_WORDS or passage.content_type in ("code", "heading"):
        return 0
    return len(STYLES) if STYLE.of(chosen) == "mixed" else 1


def style_of(slot: Slot, wished: str) -> str:
    """Styles differ within a passage, and from one passage to the next."""
    if wished != "mixed":
        return wished
    return STYLES[(crc32(slot.chunk_id.encode()) + slot.ordinal) % len(STYLES)]


def most_words(passage: str) -> int:
    """Of a summary in a paragraph: about a third of the text, 30 to 120."""
    return max(30, min(120, len(claims.tokens(passage)) // 3))


def _question(passage: Passage, slots: Sequence[Slot], chosen: GenerationOptions) -> Question:
    forms = {
        "sentence": "one sentence of at most 35 words",
        "paragraph": f"one paragraph of at most {most_words(passage.content)} words",
        "bullets": 'three to six bullet points, each line beginning with "- ", each of at most 20 words',
    }
    count = len(slots)
    wanted = [f"Write exactly {count} summar{'ies' if count != 1 else 'y'}, numbered:"]
    for number, slot in enumerate(slots, 1):
        style = style_of(slot, STYLE.of(chosen))
        wanted.append(f"{number}. {style}: {forms[style]}")
    system = prompts.rules(_TASK, chosen, form=_FORM, count_of="summary")
    return prompts.ask("summary", passage, slots, chosen, system=system, wanted=wanted, schema=SCHEMA)


def _draft(found: Found, slot: Slot, question: Question) -> Draft | str:
    request, said = draft_reading.text(found.get("request")), draft_reading.text(found.get("summary"))
    if not request or not said:
        return 'it lacked a non-empty string in "request" or "summary"'
    if len(request) > 500:
        return '"request" is too long: it must not contain the text'
    text = question.passage.content.strip()
    if len(said) >= len(text):
        return "a summary is as long as the passage itself"
    asked, at = with_material(request, text)
    named = found.get("style")
    style = next((s for s in STYLES if s == named), style_of(slot, STYLE.of(question)))
    return Draft(
        asked,
        said,
        question_type=style,
        difficulty=draft_reading.difficulty(found.get("difficulty")),
        material_at=at,
    )


def _sample(question: Question, slot: Slot) -> dict[str, object]:
    """A third of the passage, beginning elsewhere for each style."""
    words = question.passage.content.split() or ["nothing"]
    size = max(1, len(words) // 3)
    first = slot.ordinal * size % len(words)
    chosen = words[first : first + size]
    style = style_of(slot, STYLE.of(question))
    half = -(-len(chosen) // 2)
    said = f"- {' '.join(chosen[:half])}\n- {' '.join(chosen[half:])}" if style == "bullets" else " ".join(chosen)
    return {"request": f"Shorten this text, for record {slot.index}.", "summary": said, "difficulty": "easy"}


RECIPE = Recipe(
    name="summary",
    form=FORM,
    question=_question,
    draft=_draft,
    max_records=_max_records,
    output_tokens=lambda _: (60, 360),
    sample=_sample,
    ground=lambda case: grounding.ground(case.draft.answer, case.passage),
    asks=False,
    compared_text=lambda draft: draft.answer,
    slots_per_call=3,
    options=(STYLE,),
)

"""Texts to be labelled: the user's turn brings a text of the passage and the labels, the answer is one of them.

The texts are cut out of the passage here, not by the teacher: they are verbatim, none comes twice, and the teacher has
only to judge. Labels stand in another order in each record, so that none is learnt by its place.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from dataforge.quality import grounding
from dataforge.quality.record_scoring import ScoringCase
from dataforge.recipes import draft_reading, prompts
from dataforge.recipes.draft_reading import Found, ReplyForm
from dataforge.recipes.excerpts import excerpts
from dataforge.recipes.options import GenerationOptions, Option
from dataforge.recipes.recipe import Recipe
from dataforge.recipes.reply_json import property_names
from dataforge.records import Draft, Grounding, Passage, Question, Slot
from dataforge.text import topic_labels
from dataforge.text.topic_labels import match, topic_of

LABELS: Option[tuple[str, ...]] = Option(
    name="labels",
    default=(),
    doc="`labels`: 2-50 different texts",
    read=lambda value: tuple(map(str, value)) if isinstance(value, list) else None,
    check=topic_labels.check,
)
"""What a classification chooses from."""

REQUESTS = (
    "Which of these topics does the text below belong to? Answer with the topic only.",
    "Classify the following text. Choose exactly one of these labels and give nothing else.",
    "Read the text and name the one label that fits it best.",
    "Assign the text below to one of these categories. Reply with the category alone.",
)

_TASK = """You label texts for training data that teaches a model to classify an organisation's documents.
You are given numbered texts, all out of one passage, and the labels. For every text, choose the one label that fits it
best, by what the text is about or does, not by single words in it.

For every text give:
- "label": one of the labels, copied exactly. Never another one, never two.
- "request": how a user who pastes this text would ask for its label, in one sentence, in natural words;
  without the labels and without the text. Vary the wording.
- "evidence": the few words of the text, copied exactly, that decided it.
- "difficulty": easy when the text names its subject, medium when one has to infer it, hard when another label is
  close."""
_FORM = """{"labelled": [{"number": 1, "label": "...", "request": "...", "evidence": ["..."],
"difficulty": "easy|medium|hard"}]}"""


def _max_records(passage: Passage, _: int, __: GenerationOptions) -> int:
    return len(excerpts(passage.content)) if passage.content_type != "code" else 0


def schema(labels: Sequence[str]) -> dict[str, object]:
    return prompts.list_of(
        "labelled",
        {
            "number": prompts.NUMBER,
            "label": {"type": "string", "enum": list(labels)},
            "request": prompts.TEXT,
            "evidence": prompts.TEXTS,
            "difficulty": prompts.DIFFICULTY,
        },
    )


FORM = ReplyForm("labelled", "label", property_names(schema(())), numbered=True)


def _question(passage: Passage, slots: Sequence[Slot], options: GenerationOptions) -> Question:
    texts = "\n\n".join(f"[Text {number}]\n{text_of(passage, slot)}" for number, slot in enumerate(slots, 1))
    count = len(slots)
    wanted = [f"Label exactly {count} text{'s' if count != 1 else ''}, in this order."]
    task = "\n".join([_TASK, "", "The labels:", *(f"- {label}" for label in LABELS.of(options))])
    system = prompts.rules(task, options, form=_FORM, count_of="text")
    return prompts.ask(
        "classification",
        passage,
        slots,
        options,
        system=system,
        wanted=wanted,
        schema=schema(LABELS.of(options)),
        shown=texts,
    )


def text_of(passage: Passage, slot: Slot) -> str:
    """Empty when the passage has no such text (it was edited since the run was planned)."""
    found = excerpts(passage.content)
    return found[slot.ordinal] if slot.ordinal < len(found) else ""


def _draft(found: Found, slot: Slot, question: Question) -> Draft | str:
    said = draft_reading.text(found.get("label"))
    label = match(said, LABELS.of(question))
    text = text_of(question.passage, slot)
    if not said:
        return 'it lacked a non-empty string in "label"'
    if label is None:
        return f"{said[:100]!r} is none of the labels, which are: {'; '.join(LABELS.of(question))}"
    if not text:
        return "the passage was changed meanwhile and has no such text any more"
    order = random.Random(f"{question.seed}/{slot.chunk_id}/{slot.ordinal}")
    shown = list(LABELS.of(question))
    order.shuffle(shown)
    request = draft_reading.text(found.get("request"))
    if not request or len(request) > 500:
        request = order.choice(REQUESTS)
    asked = "\n".join([request, "", *(f"- {each}" for each in shown), "", ""])
    return Draft(
        asked + text,
        label,
        question_type="classification",
        difficulty=draft_reading.difficulty(found.get("difficulty")),
        evidence=draft_reading.quotes(found.get("evidence")),
        material_at=len(asked),
    )


def _ground(case: ScoringCase) -> Grounding:
    """By the heading, or by the quoted words."""
    draft = case.draft
    spans = tuple(s for q in draft.evidence if (s := grounding.find_quote(q, case.passage)))
    share = len(spans) / len(draft.evidence) if draft.evidence else 0.3
    by_heading = topic_of(case.headings, case.labels or [draft.answer]) == draft.answer
    missing = tuple(q for q in draft.evidence if not grounding.find_quote(q, case.passage))
    return Grounding(1.0 if by_heading else round(0.3 + 0.7 * share, 4), spans, missing)


def _sample(question: Question, slot: Slot) -> dict[str, object]:
    labels = LABELS.of(question) or ("nothing",)
    return {
        "label": labels[slot.index % len(labels)],
        "request": "",
        "difficulty": "easy",
        "evidence": question.passage.content.split()[-1:],
    }


RECIPE = Recipe(
    name="classification",
    form=FORM,
    question=_question,
    draft=_draft,
    max_records=_max_records,
    output_tokens=lambda _: (25, 80),
    sample=_sample,
    ground=_ground,
    asks=False,
    compared_text=lambda draft: draft.material or draft.question,
    uses_labels=True,
    options=(LABELS,),
    slots_per_call=5,
)

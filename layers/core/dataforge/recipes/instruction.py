"""Tasks that a user would set about the material, each with the work done: a checklist, an extract, a reply."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from dataforge.quality import grounding
from dataforge.quality.record_scoring import ScoringCase
from dataforge.recipes import draft_reading, prompts, samples
from dataforge.recipes.draft_reading import Found, ReplyForm
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.recipe import Recipe
from dataforge.recipes.reply_json import property_names
from dataforge.records import Draft, Grounding, Passage, Question, Slot
from dataforge.text.normal_forms import normalise

_TASKS = {
    "checklist": "turn rules or steps into a checklist that can be ticked off",
    "extract": "pull out the named data (dates, amounts, duties, contacts ...) as a list, a table or JSON",
    "explain": "explain a rule, a term or a procedure to somebody who is new to it, in plain words",
    "reply": "answer a message of a customer or colleague; the message itself stands in the instruction or the input",
    "compare": "compare two or more things the material speaks of, by what matters",
    "rewrite": "put it for another reader or medium: a notice, an e-mail to staff, a slide",
    "apply": "decide a concrete case by the rules and say which rule decides it",
    "faq": "write a short list of frequent questions with their answers",
}
TOKENS_PER_TASK = 40
MOST_INPUT_CHARACTERS = 12_000

_COURTESY = re.compile(
    r"^[^\w\n]*+(?:dear|hello|hi|good (?:morning|afternoon|evening|day)|(?:kind|best|warm)? ?regards|yours|sincerely|"
    r"thank you|thanks|subject|please (?:let|contact|feel|do not hesitate)|if you have any (?:further )?"
    r"questions)\b.*$",
    re.IGNORECASE | re.MULTILINE,
)
_ASKED = re.compile(r"^(?:.*\w)?[^\w\n?]*+\?[^\w\n]*+$", re.MULTILINE)
"""A question claims nothing."""

_TASK = f"""You write training data that teaches a model to work with the content of an organisation's documents.
From the passage you are given, write instructions as a real user, customer or colleague would give them to an
assistant, and the finished work.

What every task must be:
- An order to do something, not a question for a fact: the answer is a piece of work.
- Doable from the passage alone. The work is correct by it and adds no facts from elsewhere.
- {prompts.ALONE}
- If the user would hand over text to work on, give that text as "input", copied word for word from the passage or, for
  a message to be answered, written by you; else "input" is empty. Only then may the instruction speak of "the following
  text".
- Finished: the output is the work itself, in the form that the instruction asks for, without talk about it.
- Different from the other tasks.
- Backed by evidence: copy, word for word, the sentences or table cells of the passage that the output rests on."""
_FORM = """{"tasks": [{"instruction": "...", "input": "...", "output": "...", "task": "...",
"difficulty": "easy|medium|hard", "evidence": ["..."]}]}"""

_DIFFICULTY = {
    "easy": "easy: one step, one place of the passage",
    "medium": "medium: several facts brought into a form",
    "hard": "hard: facts from several places weighed, combined or applied to a case",
}

SCHEMA = prompts.list_of(
    "tasks",
    {
        "instruction": prompts.TEXT,
        "input": prompts.TEXT,
        "output": prompts.TEXT,
        "task": prompts.TEXT,
        "difficulty": prompts.DIFFICULTY,
        "evidence": prompts.TEXTS,
    },
)
FORM = ReplyForm("tasks", "task", property_names(SCHEMA))


def _max_records(_: Passage, tokens: int, __: GenerationOptions) -> int:
    return max(1, tokens // TOKENS_PER_TASK)


def _question(passage: Passage, slots: Sequence[Slot], options: GenerationOptions) -> Question:
    count = len(slots)
    wanted = [f"Write exactly {count} task{'s' if count != 1 else ''}, in this order:"]
    for number, slot in enumerate(slots, 1):
        difficulty = prompts.difficulty_of(slot, _DIFFICULTY)
        described = _TASKS.get(slot.question_type or "")
        kind = f"{slot.question_type}{f' ({described})' if described else ''}, " if slot.question_type else ""
        wanted.append(f"{number}. {kind}{difficulty}{prompts.asker_and_style(slot)}")
    wanted.append('If the passage does not lend itself to a kind of task, choose another kind and name it in "task".')
    system = prompts.rules(_TASK, options, form=_FORM, count_of="task")
    return prompts.ask("instruction", passage, slots, options, system=system, wanted=wanted, schema=SCHEMA)


def _draft(found: Found, slot: Slot, _: Question) -> Draft | str:
    order, work = draft_reading.text(found.get("instruction")), draft_reading.text(found.get("output"))
    if not order or not work:
        return 'it lacked a non-empty string in "instruction" or "output"'
    if len(order) > draft_reading.MOST_QUESTION_CHARACTERS:
        return '"instruction" is far too long; put the text to work on into "input"'
    given = draft_reading.text(found.get("input"))
    if len(given) > MOST_INPUT_CHARACTERS:
        return '"input" is far too long; copy only what is worked on'
    asked, at = with_material(order, given)
    return Draft(
        asked,
        work[: draft_reading.MOST_ANSWER_CHARACTERS],
        question_type=draft_reading.word(found.get("task"), slot.question_type or "task"),
        difficulty=draft_reading.difficulty(found.get("difficulty")),
        evidence=draft_reading.quotes(found.get("evidence")),
        material_at=at,
    )


def with_material(request: str, material: str) -> tuple[str, int | None]:
    """The user's turn of request and text, and where the text begins."""
    if not material or material == request:
        return request, None
    return f"{request}\n\n{material}", len(request) + 2


def _ground(case: ScoringCase) -> Grounding:
    """The work, courtesies aside, in the passage or in the text that the request brings along."""
    draft = case.draft
    source = case.passage
    if draft.material and normalise(draft.material) not in normalise(source):
        source += f"\n\n{draft.material}"
    claims = _ASKED.sub("", _COURTESY.sub("", draft.answer)).strip() or draft.answer
    found = grounding.ground(claims, source, question=draft.request, quoted=draft.evidence)
    return replace(found, spans=tuple(s for s in found.spans if s.end <= len(case.passage)))


def _sample(question: Question, slot: Slot) -> dict[str, object]:
    start, quotes = samples.quotes(question, slot.ordinal)
    where = " and ".join(slot.chunk_ids)
    return {
        "instruction": f"Copy what stands in {where} from word {start} on, for record {slot.index}.",
        "input": "",
        "output": samples.ended(" ".join(quotes)),
        "task": slot.question_type or "extract",
        "difficulty": slot.difficulty or "easy",
        "evidence": quotes,
    }


RECIPE = Recipe(
    name="instruction",
    form=FORM,
    question=_question,
    draft=_draft,
    max_records=_max_records,
    output_tokens=lambda _: (90, 420),
    sample=_sample,
    ground=_ground,
    asks=False,
    compared_text=lambda draft: f"{draft.request}\n{draft.answer}",
    duplicate_group="questions",
    varieties=tuple(_TASKS),
    spreads=("question_types", "personas"),
    multi_hop=True,
    slots_per_call=3,
    pairs_per_chunk=3,
)

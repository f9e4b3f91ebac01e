"""Tasks that a user would set about the material, each with the work done: a checklist, an extract, a reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataforge.recipes import prompts, reading
from dataforge.recipes.reply_json import property_names
from dataforge.records import Answer, Draft, Passage, Question, Slot

if TYPE_CHECKING:
    from dataforge.recipes import Wishes

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
VARIETIES: tuple[str, ...] = tuple(_TASKS)
SPREADS: tuple[str, ...] = ("question_types", "personas")
MULTI_HOP = True
SLOTS_PER_CALL: int = 3
PAIRS_PER_CHUNK: int = 3
TOKENS_PER_TASK = 40
MOST_INPUT_CHARACTERS = 12_000

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
- Backed by evidence: copy, word for word, the sentences or table cells of the passage that the output rests on.

Write in the language of the passage."""
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
        "difficulty": prompts.LEVEL,
        "evidence": prompts.TEXTS,
    },
)
FORM = reading.Form("tasks", "task", property_names(SCHEMA))


def room(_: Passage, tokens: int, __: Wishes) -> int:
    return max(1, tokens // TOKENS_PER_TASK)


def question(passage: Passage, slots: Sequence[Slot], wishes: Wishes) -> Question:
    count = len(slots)
    wanted = [f"Write exactly {count} task{'s' if count != 1 else ''}, in this order:"]
    for number, slot in enumerate(slots, 1):
        wish = prompts.level_of(slot, _DIFFICULTY)
        said = _TASKS.get(slot.question_type or "")
        kind = f"{slot.question_type}{f' ({said})' if said else ''}, " if slot.question_type else ""
        wanted.append(f"{number}. {kind}{wish}{prompts.manner(slot)}")
    wanted.append('If the passage does not lend itself to a kind of task, choose another kind and name it in "task".')
    system = prompts.rules(_TASK, wishes, form=_FORM, count_of="task")
    return prompts.ask("instruction", system, wanted, passage, slots, wishes, SCHEMA)


def read(answer: Answer, question: Question) -> list[Draft]:
    return reading.drafts(answer, question.slots, FORM, _draft)


def _draft(found: reading.Found, slot: Slot) -> Draft | str:
    order, work = reading.text(found.get("instruction")), reading.text(found.get("output"))
    if not order or not work:
        return 'it lacked a non-empty string in "instruction" or "output"'
    if len(order) > reading.MOST_QUESTION_CHARACTERS:
        return '"instruction" is far too long; put the text to work on into "input"'
    given = reading.text(found.get("input"))
    if len(given) > MOST_INPUT_CHARACTERS:
        return '"input" is far too long; copy only what is worked on'
    asked, at = with_material(order, given)
    return Draft(
        asked,
        work[: reading.MOST_ANSWER_CHARACTERS],
        reading.word(found.get("task"), slot.question_type or "task"),
        reading.level(found.get("difficulty")),
        reading.quotes(found.get("evidence")),
        material_at=at,
    )


def with_material(request: str, material: str) -> tuple[str, int | None]:
    """The user's turn of request and text, and where the text begins."""
    if not material or material == request:
        return request, None
    return f"{request}\n\n{material}", len(request) + 2

"""From a reply to drafts: the objects in it, each made a draft or a reason, in the places of their slots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dataforge.errors import BadReply
from dataforge.recipes.latex_escapes import is_damaged
from dataforge.recipes.reply_json import objects
from dataforge.records import DIFFICULTIES, Answer, Difficulty, Draft, Slot
from dataforge.text.normal_forms import repair_surrogates

MOST_QUESTION_CHARACTERS = 4000
MOST_ANSWER_CHARACTERS = 20_000
"""A longer answer is cut here, and its length rejects it; a longer question is no question."""
MOST_QUOTES = 50
DAMAGED = "it holds control characters: write a backslash in a text as two, as JSON wants it"
COMMON_FIELDS = frozenset({"number", "difficulty", "evidence"})
"""Most kinds of record have them, so models write them also where they are not asked for."""

Found = dict[str, object]
Make = Callable[[Found, Slot], Draft | str]
"""An object of the reply and the slot it is for -> a draft, or what is wrong with the object."""


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """key: what the list of objects is called; noun: one of them, for people; asked_fields: every name that its schema
    has (`reply_json.property_names`); whole: an inner list that is part of one object; numbered: objects say by
    "number" which slot they are for, else their order does."""

    key: str
    noun: str
    asked_fields: frozenset[str] = frozenset()
    whole: str | None = None
    numbered: bool = False

    @property
    def fields(self) -> frozenset[str]:
        """Every name that a reply may hold."""
        return self.asked_fields | COMMON_FIELDS


def drafts(answer: Answer, slots: tuple[Slot, ...], form: ReplyForm, make: Make) -> list[Draft]:
    """Raises BadReply as `Recipe.read` says."""
    found = objects(answer.text, whole=form.whole, fields=form.fields)
    placed: dict[int, Draft] = {}
    wrong: list[str] = []
    for position, candidate in enumerate(found):
        at = _place(candidate, position) if form.numbered else len(placed)
        if not 0 <= at < len(slots) or at in placed:
            continue
        made = DAMAGED if is_damaged(candidate) else make(candidate, slots[at])
        if isinstance(made, str):
            wrong.append(made)
        else:
            placed[at] = made
    if len(placed) == len(slots):
        return [placed[at] for at in range(len(slots))]
    read = {slots[at].index: draft for at, draft in sorted(placed.items())}
    raise BadReply(_why(answer, form, found=len(found), read=len(read), wanted=len(slots), wrong=wrong), drafts=read)


def _place(candidate: Found, position: int) -> int:
    number = candidate.get("number")
    return number - 1 if isinstance(number, int) and not isinstance(number, bool) else position


def _why(answer: Answer, form: ReplyForm, *, found: int, read: int, wanted: int, wrong: list[str]) -> str:
    if answer.finish_reason == "content_filter" and not found:
        return "the provider's content filter withheld the reply"
    if answer.finish_reason == "length":
        return f"the reply was cut off after {read} of {wanted} {form.noun}s; write shorter answers"
    if not found:
        return f'the reply held no JSON; reply with the JSON object {{"{form.key}": [...]}} only'
    if wrong:
        reasons = "; ".join(list(dict.fromkeys(wrong))[:3])
        return f"{len(wrong)} of the objects cannot be used: {reasons}"
    return f"the reply held {read} of the {wanted} {form.noun}s"


def text(value: object) -> str:
    """Empty for what is no text."""
    return repair_surrogates(value).strip() if isinstance(value, str) else ""


def quotes(value: object) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(repair_surrogates(q) for q in found if isinstance(q, str) and q.strip())[:MOST_QUOTES]


def difficulty(value: object) -> Difficulty:
    return next((d for d in DIFFICULTIES if d == value), "medium")


def word(value: object, otherwise: str) -> str:
    """A short name such as a question type."""
    name = text(value)
    return name if 0 < len(name) <= 40 else otherwise

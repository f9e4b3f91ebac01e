"""Conversations about one passage: several questions of one user, each answered, later ones leaning on earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dataforge.recipes import prompts, reading
from dataforge.recipes.reply_json import property_names
from dataforge.records import Answer, Draft, Message, Passage, Question, Slot

if TYPE_CHECKING:
    from dataforge.recipes import Wishes

_SITUATIONS = {
    "learning": "somebody new to the subject finds their way into it, from the general to the particular",
    "case": "somebody describes their own case little by little and wants to know what holds for it",
    "procedure": "somebody goes through a procedure step by step and asks at each step",
    "clarifying": "somebody asks back: what exactly, what if, what about this exception",
    "checking": "somebody believes something that is partly wrong; the assistant sets it right politely",
}
VARIETIES: tuple[str, ...] = tuple(_SITUATIONS)
SPREADS: tuple[str, ...] = ("question_types", "personas", "styles")
MULTI_HOP = False
SLOTS_PER_CALL: int = 2
PAIRS_PER_CHUNK: int = 1
LEAST_TURNS, MOST_TURNS = 2, 10
TOKENS_PER_TURN = 30
MOST_USER_CHARACTERS, MOST_ASSISTANT_CHARACTERS = 2000, 7000
"""Of one turn, so that ten fit an item of a table. A longer answer is cut here, and its length rejects it."""

_TASK = """You write training data that teaches a model to talk about the content of an organisation's documents.
From the passage you are given, write conversations between a user and an assistant.

What every conversation must be:
- Answerable from the passage alone, and correct by it in every turn. Never add facts from elsewhere.
- Understandable without the passage: the reader has never seen it. The first user turn names what it is about; never
  write "the passage", "the text", "the document", "this section".
- Natural: later user turns lean on what was said before ("and for children?", "what if that is too late?"), as people
  do, and are not a list of unrelated questions.
- To the point: each assistant turn answers its user turn, in whole sentences, and does not repeat what was said.
- No pleasantries: no turn that only greets, thanks or offers help.
- Different from the other conversations.
- Backed by evidence: copy, word for word, the sentences or table cells of the passage that prove the answers.

Write in the language of the passage."""
_FORM = """{"conversations": [{"turns": [{"user": "...", "assistant": "..."}, ...], "situation": "...",
"difficulty": "easy|medium|hard", "evidence": ["..."]}]}"""

_DIFFICULTY = {
    "easy": "easy: plain facts, one after the other",
    "medium": "medium: conditions or a procedure, put together over the turns",
    "hard": "hard: exceptions, comparisons or consequences that need several places of the passage",
}

_EXCHANGE: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["user", "assistant"],
    "properties": {"user": prompts.TEXT, "assistant": prompts.TEXT},
}
SCHEMA = prompts.list_of(
    "conversations",
    {
        "turns": {"type": "array", "items": _EXCHANGE},
        "situation": prompts.TEXT,
        "difficulty": prompts.LEVEL,
        "evidence": prompts.TEXTS,
    },
)
FORM = reading.Form("conversations", "conversation", property_names(SCHEMA) | {"role", "content"}, whole="turns")


def room(_: Passage, tokens: int, wishes: Wishes) -> int:
    return max(1, tokens // (TOKENS_PER_TURN * wishes.turns))


def question(passage: Passage, slots: Sequence[Slot], wishes: Wishes) -> Question:
    count = len(slots)
    wanted = [
        f"Write exactly {count} conversation{'s' if count != 1 else ''}, each of exactly {wishes.turns} user turns and "
        f"as many assistant turns, in this order:"
    ]
    for number, slot in enumerate(slots, 1):
        wish = _DIFFICULTY.get(slot.difficulty or "", "any difficulty")
        said = _SITUATIONS.get(slot.question_type or "")
        kind = f"{slot.question_type}{f' ({said})' if said else ''}, " if slot.question_type else ""
        wanted.append(f"{number}. {kind}{wish}{prompts.manner(slot)}")
    system = prompts.rules(_TASK, wishes, form=_FORM, count_of="conversation")
    return prompts.ask("conversation", system, wanted, passage, slots, wishes, SCHEMA)


def read(answer: Answer, question: Question) -> list[Draft]:
    return reading.drafts(answer, question.slots, FORM, lambda found, slot: _draft(found, slot, question.turns))


def _draft(found: reading.Found, slot: Slot, wanted: int) -> Draft | str:
    """A conversation that is longer than asked is good up to there; a shorter one is not what was asked."""
    told = found.get("turns")
    exchanges = list(_exchanges(told)) if isinstance(told, list) else []
    if not exchanges:
        return 'it lacked "turns": a list of {"user": "...", "assistant": "..."}'
    if any(not said or not answered for said, answered in exchanges[:wanted]):
        return 'a turn lacked a non-empty string in "user" or "assistant"'
    if len(exchanges) < wanted:
        return f"a conversation had {len(exchanges)} of the {wanted} user turns"
    kept = exchanges[:wanted]
    if any(len(said) > MOST_USER_CHARACTERS for said, _ in kept):
        return 'a "user" turn is far too long'
    turns = tuple(
        message
        for said, answered in kept
        for message in (Message("user", said), Message("assistant", answered[:MOST_ASSISTANT_CHARACTERS]))
    )
    return Draft(
        turns[0].content,
        turns[-1].content,
        reading.word(found.get("situation"), slot.question_type or "conversation"),
        reading.level(found.get("difficulty")),
        reading.quotes(found.get("evidence")),
        turns,
    )


def _exchanges(told: list[object]) -> Iterator[tuple[str, str]]:
    """Exchanges as asked for, or chat messages, which some models write whatever they are told. A user turn without
    an answer has an empty one."""
    asked: str | None = None
    for turn in told:
        if not isinstance(turn, dict):
            continue
        if "role" not in turn:
            yield reading.text(turn.get("user")), reading.text(turn.get("assistant"))
        elif turn["role"] == "user":
            if asked is not None:
                yield asked, ""
            asked = reading.text(turn.get("content"))
        elif turn["role"] == "assistant":
            yield asked or "", reading.text(turn.get("content"))
            asked = None

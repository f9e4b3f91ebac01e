"""Conversations about one passage: several questions of one user, each answered, later ones leaning on earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dataforge.quality import grounding
from dataforge.quality.record_scoring import ScoringCase
from dataforge.recipes import draft_reading, options, prompts, samples
from dataforge.recipes.draft_reading import Found, ReplyForm
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.recipe import Recipe
from dataforge.recipes.reply_json import property_names
from dataforge.records import Draft, Grounding, Message, Passage, Question, Slot, Span
from dataforge.text import claims

_SITUATIONS = {
    "learning": "somebody new to the subject finds their way into it, from the general to the particular",
    "case": "somebody describes their own case little by little and wants to know what holds for it",
    "procedure": "somebody goes through a procedure step by step and asks at each step",
    "clarifying": "somebody asks back: what exactly, what if, what about this exception",
    "checking": "somebody believes something that is partly wrong; the assistant sets it right politely",
}
TURNS = options.number("turns", 3, low=2, high=10, doc="`turns` 2-10 (3)")
"""User turns of a conversation."""
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
- Backed by evidence: copy, word for word, the sentences or table cells of the passage that prove the answers."""
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
        "difficulty": prompts.DIFFICULTY,
        "evidence": prompts.TEXTS,
    },
)
FORM = ReplyForm("conversations", "conversation", property_names(SCHEMA) | {"role", "content"}, whole="turns")


def _max_records(_: Passage, tokens: int, wanted: GenerationOptions) -> int:
    return max(1, tokens // (TOKENS_PER_TURN * TURNS.of(wanted)))


def _question(passage: Passage, slots: Sequence[Slot], chosen: GenerationOptions) -> Question:
    count = len(slots)
    wanted = [
        f"Write exactly {count} conversation{'s' if count != 1 else ''}, each of exactly {TURNS.of(chosen)} user turns "
        f"and as many assistant turns, in this order:"
    ]
    for number, slot in enumerate(slots, 1):
        difficulty = _DIFFICULTY.get(slot.difficulty or "", "any difficulty")
        described = _SITUATIONS.get(slot.question_type or "")
        kind = f"{slot.question_type}{f' ({described})' if described else ''}, " if slot.question_type else ""
        wanted.append(f"{number}. {kind}{difficulty}{prompts.asker_and_style(slot)}")
    system = prompts.rules(_TASK, chosen, form=_FORM, count_of="conversation")
    return prompts.ask("conversation", passage, slots, chosen, system=system, wanted=wanted, schema=SCHEMA)


def _draft(found: Found, slot: Slot, question: Question) -> Draft | str:
    """A conversation that is longer than asked is good up to there; a shorter one is not what was asked."""
    turns_given, wanted = found.get("turns"), TURNS.of(question)
    exchanges = list(_exchanges(turns_given)) if isinstance(turns_given, list) else []
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
        question_type=draft_reading.word(found.get("situation"), slot.question_type or "conversation"),
        difficulty=draft_reading.difficulty(found.get("difficulty")),
        evidence=draft_reading.quotes(found.get("evidence")),
        turns=turns,
    )


def _exchanges(turns_given: list[object]) -> Iterator[tuple[str, str]]:
    """Exchanges as asked for, or chat messages, which some models write whatever they are told. A user turn without
    an answer has an empty one."""
    asked: str | None = None
    for turn in turns_given:
        if not isinstance(turn, dict):
            continue
        if "role" not in turn:
            yield draft_reading.text(turn.get("user")), draft_reading.text(turn.get("assistant"))
        elif turn["role"] == "user":
            if asked is not None:
                yield asked, ""
            asked = draft_reading.text(turn.get("content"))
        elif turn["role"] == "assistant":
            yield asked or "", draft_reading.text(turn.get("content"))
            asked = None


def _ground(case: ScoringCase) -> Grounding:
    """Every answer against the question with all that was asked before it."""
    draft = case.draft
    asked = ""
    each: list[tuple[Grounding, int]] = []
    for question, answer in zip(draft.turns[::2], draft.turns[1::2], strict=False):
        asked = f"{asked} {question.content}".strip()
        if words := len(claims.content_words(answer.content)):
            said = grounding.ground(answer.content, case.passage, question=asked, quoted=draft.evidence)
            each.append((said, words))
    return _together([g for g, _ in each], [w for _, w in each])


def _together(each: Sequence[Grounding], weights: Sequence[int]) -> Grounding:
    """One grounding of several: the mean by length, all spans in the order of the passage, all that is unsupported."""
    if not each:
        return Grounding(0.0)
    score = sum(g.score * w for g, w in zip(each, weights, strict=True)) / sum(weights)
    spans: list[Span] = []
    for span in sorted({s for g in each for s in g.spans}, key=lambda s: (s.start, -s.end)):
        if not spans or span.start >= spans[-1].end:
            spans.append(span)
    unsupported = tuple(dict.fromkeys(text for g in each for text in g.unsupported))
    return Grounding(round(score, 4), tuple(spans), unsupported)


def _sample(question: Question, slot: Slot) -> dict[str, object]:
    turns, quotes = [], []
    for turn in range(TURNS.of(question)):
        start, quote = samples.stretch(question.passage, slot.ordinal * TURNS.of(question) + turn)
        asked = "And" if turn else f"In {slot.chunk_id}, for record {slot.index}:"
        turns.append({"user": f"{asked} what stands there from word {start} on?", "assistant": samples.ended(quote)})
        quotes.append(quote)
    return {
        "turns": turns,
        "situation": slot.question_type or "learning",
        "difficulty": slot.difficulty or "easy",
        "evidence": quotes,
    }


RECIPE = Recipe(
    name="conversation",
    form=FORM,
    question=_question,
    draft=_draft,
    max_records=_max_records,
    output_tokens=lambda chosen: (80 * TURNS.of(chosen), 300 * TURNS.of(chosen)),
    sample=_sample,
    ground=_ground,
    asks=False,
    compared_text=lambda draft: "\n".join(m.content for m in draft.turns),
    varieties=tuple(_SITUATIONS),
    spreads=("question_types", "personas", "styles"),
    slots_per_call=2,
    options=(TURNS,),
)

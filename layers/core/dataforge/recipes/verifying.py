"""The verifier: one question about several records of any origin, each with its source, question and answer.

The records stand in random order, and nothing says who wrote them. For each the model quotes what the source does not
support and says why, before it answers the criteria, and those before it gives a score: a score that comes first is
only defended by what follows it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from dataforge.quality.verification import CRITERIA, Says, Verification
from dataforge.recipes.record_lists import MATERIAL, listed, numbered, score, shielded, tagged
from dataforge.recipes.reply_json import property_names
from dataforge.records import Answer, Draft, Message, Passage, Question
from dataforge.text.normal_forms import normalise, repair_surrogates

KIND = "verify"
MOST_WORDS, MOST_QUOTED, MOST_REASON = 10, 300, 400
"""Quotes that are kept of a record; characters of one, and of a reason."""

EVIDENCE: dict[str, object] = {
    "unsupported": {"type": "array", "items": {"type": "string"}},
    "reason": {"type": "string"},
}
"""What comes before every score, of the judge too."""
EVIDENCE_RULES = """- "unsupported": the words of the answer that are not supported, quoted from it word for word, each
  as short as it can be; an empty list where there are none.
- "reason": what is wrong, or why nothing is, in one sentence of at most 25 words, in English."""
_ASKED: dict[str, str] = {
    "answerable": "the source answers the question (no source: a reader who knows the field can answer it)",
    "stands_alone": "a reader who has never seen the source understands the question: it names what it is about, and "
    'says neither "the passage" nor "it" or "this" without a name before',
    "supported": "the source supports everything that the answer says (no source: all of it is true)",
    "answers_the_question": "the answer gives what was asked, not something else that is true as well",
    "worth_asking": "a real person could ask this and learn from the answer: it is no gibberish, is not about the form "
    "of a document, and does not hold its own answer",
}
_CRITERIA = "\n".join(f'  "{name}": {asked}.' for name, asked in _ASKED.items())
_FORM = ", ".join(f'"{name}": "yes"' for name in _ASKED)
_RULES = f"""You check records of training data. Each is a question with its answer, or a conversation; most have
sources, the texts that the answer must rest on. Judge what stands there, not the style. Supported are: a paraphrase
that keeps the meaning, a translation, a sum or a conversion that is right, a conclusion that follows. Not supported
are: another number, unit, date or name; two things swapped; a condition, a limit or a "not" that was dropped or added;
"may" made "must"; anything the sources do not say, be it true. {MATERIAL}

Write one object for each record, in this order:
- "n": the number of the record.
{EVIDENCE_RULES}
- then "yes", "no" or "unsure" for each of these:
{_CRITERIA}
- "score": from 1 to 10, how good the record is as it stands; below 6 where a careful reviewer would not accept it.
Reply with JSON only: {{"records": [{{"n": 1, "unsupported": [], "reason": "...", {_FORM}, "score": 9}}]}}"""
_SCHEMA = listed(
    "records",
    {
        **EVIDENCE,
        **{name: {"type": "string", "enum": ["yes", "no", "unsure"]} for name in CRITERIA},
        "score": {"type": "number"},
    },
)
_FIELDS = property_names(_SCHEMA)
_SAYS: dict[str, Says] = {"yes": "yes", "true": "yes", "y": "yes", "no": "no", "false": "no", "n": "no"}


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """What a verifier sees of a record."""

    turns: tuple[Message, ...]
    """A question and its answer, or every message of a conversation; a system message is left out."""
    sources: tuple[str, ...] = ()
    """Empty: the record was not written from a text."""
    material: str = ""
    """The text that the question brings along, which its message does not hold."""

    @property
    def answers(self) -> list[str]:
        """Everything that a model would learn to say."""
        return [m.content for m in self.turns if m.role == "assistant"]


def of_draft(draft: Draft, sources: Sequence[str] = ()) -> ShownRecord:
    turns = draft.turns or (Message("user", draft.request), Message("assistant", draft.answer))
    return ShownRecord(turns, tuple(sources), "" if draft.turns else draft.material)


def question(records: Sequence[ShownRecord], *, seed: int = 0, max_tokens: int | None = None) -> Question:
    """max_tokens: None for the usual number."""
    sources = list(dict.fromkeys(text for record in records for text in record.sources))
    places = {text: n for n, text in enumerate(sources, 1)}
    shown = [tagged("source", text, n=n) for n, text in enumerate(sources, 1)]
    shown += [_rendered(n, records[place], places) for n, place in enumerate(_order(len(records), seed), 1)]
    return Question(
        (
            Message("system", _RULES),
            Message("user", "\n\n".join((*shown, f"Check all {len(records)}, in the order of their numbers."))),
        ),
        Passage(""),
        (),
        kind=KIND,
        temperature=0.0,
        max_tokens=max_tokens or 256 + 300 * len(records),
        json_schema=_SCHEMA,
        seed=seed,
    )


def read(answer: Answer, records: Sequence[ShownRecord], *, seed: int = 0) -> list[Verification | None]:
    """What the reply to `question` says, in the order of the records; None for one that it does not wholly speak of."""
    made: list[Verification | None] = [None] * len(records)
    found = numbered(answer, len(records), _FIELDS, whole="unsupported")
    for place, one in zip(_order(len(records), seed), found, strict=True):
        made[place] = _verification(one, records[place], answer.model) if one else None
    return made


def _order(count: int, seed: int) -> list[int]:
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return order


def _rendered(number: int, record: ShownRecord, places: Mapping[str, int]) -> str:
    of = ",".join(str(places[text]) for text in record.sources) or "none"
    told = [m for m in record.turns if m.role != "system"]
    if len(told) == 2 and [m.role for m in told] == ["user", "assistant"]:
        said = [tagged("question", told[0].content)]
        said += [tagged("material", record.material)] if record.material else []
        said.append(tagged("answer", told[1].content))
    else:
        said = [tagged("turn", m.content, by=m.role) for m in told]
    return "\n".join((f'<record n="{number}" source="{of}">', *said, "</record>"))


def _verification(found: Mapping[str, object], record: ShownRecord, model: str) -> Verification | None:
    grouped = found.get("criteria")
    said = {**found, **(grouped if isinstance(grouped, Mapping) else {})}
    criteria, value = {name: says(said.get(name)) for name in CRITERIA}, score(said.get("score"))
    if value is None or None in criteria.values():
        return None
    words, reason = evidence(said, record.answers)
    known = cast("dict[str, Says]", criteria)
    if (known["supported"] == "no" and not words) or (known["supported"] == "yes" and words):
        known["supported"] = "unsure"  # it can show no word for its "no", or contradicts its own "yes"
    return Verification(known, value, words, reason, model)


def says(value: object) -> Says | None:
    """None: there is no answer."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str) or not (first := value.casefold().split()):
        return None
    return _SAYS.get(first[0].strip(".,;:!*\"'"), "unsure")


def evidence(found: Mapping[str, object], answers: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The quoted words that really stand in the answers, and the reason."""
    reason = found.get("reason")
    said = " ".join(repair_surrogates(reason).split())[:MOST_REASON] if isinstance(reason, str) else ""
    given = found.get("unsupported")
    quotes = [text for one in (given if isinstance(given, list) else [given]) for text in _texts(one)]
    # What was shown is not quite what stands in the record: see `shielded`.
    within = [normalise(text) for answer in answers for text in dict.fromkeys((answer, shielded(answer)))]
    words = (quote for quote in map(_trimmed, quotes[: 4 * MOST_WORDS]) if quote and _stands(quote, within))
    return tuple(dict.fromkeys(words))[:MOST_WORDS], said


def _texts(quoted: object) -> list[str]:
    """Some models quote in objects: {"words": "...", "why": "..."}."""
    if isinstance(quoted, Mapping):
        return [value for value in quoted.values() if isinstance(value, str)][:1]
    return [quoted] if isinstance(quoted, str) else []


def _trimmed(quote: str) -> str:
    return repair_surrogates(quote)[:MOST_QUOTED].strip(" \t\r\n\"'“”„«»‘’`")


def _stands(quote: str, within: Sequence[str]) -> bool:
    """Whether all that a quote shows stands in one of the texts: it may leave out a middle."""
    shown = normalise(quote.replace("[...]", "..."))  # one character of an ellipsis becomes three
    parts = [part.strip() for part in shown.split("...") if part.strip()]
    return bool(parts) and any(all(_has(text, part) for part in parts) for text in within)


def _has(text: str, part: str) -> bool:
    """In whole words: "5" does not stand in "15". Where words have no blanks between them, anywhere."""
    before, after = (r"(?<![0-9a-z])" if part[0].isascii() else ""), (r"(?![0-9a-z])" if part[-1].isascii() else "")
    return re.search(f"{before}{re.escape(part)}{after}", text) is not None

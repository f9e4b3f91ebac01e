"""Is a record well formed, whatever it says? The checks of `quality.format_checks`, each exchange by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from dataforge.quality import format_checks, grounding
from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.records import Draft
from dataforge.text import claims
from dataforge.text.sentences import sentences

_LEAST_GROUNDING = 0.1
_MOST_SHARE = 0.8
_BULLET = re.compile(r"^[^\S\n]*+(?:[-*•]|\d{1,2}[.)])[^\S\n]++\S", re.MULTILINE)
_SAYS = {
    "empty_question": "The question is empty",
    "empty_answer": "The answer is empty",
    "question_too_short": "The question is too short to say what is asked",
    "answer_too_long": "The answer is longer than an answer may be",
    "truncated": "The answer is cut off",
    "unclosed_code": "A code block is not closed",
    "prompt_leak": "Pieces of the teacher's instructions are in the record",
    "refusal": "The teacher refuses instead of answering",
    "role_tokens": "Roles or control tokens of a chat template are in the record",
    "question_repeated": "The answer only says the question again",
    "copy_of_passage": "The answer is most of the passage",
    "refers_to_passage": "It speaks of the passage, which a reader does not have",
}
_NOT_OF_KIND = {
    "summary": {"question_repeated", "refers_to_passage", "copy_of_passage"},
    "classification": _SAYS.keys() - {"empty_question", "empty_answer"},
}


def _form(name: str) -> Callable[[CheckedRecord], Signal | None]:
    fails = format_checks.CHECKS[name]

    def look(record: CheckedRecord) -> Signal | None:
        if name in _NOT_OF_KIND.get(record.kind, ()) or (name == "refers_to_passage" and record.material):
            return None
        exchanges = _exchanges(record)
        first = next(exchanges)
        later = () if name == "question_too_short" else exchanges
        return Signal() if any(fails(candidate) for candidate in (first, *later)) else None

    return look


def _exchanges(record: CheckedRecord) -> Iterator[format_checks.Candidate]:
    turns = record.turns
    pairs = [(q.content, a.content) for q, a in zip(turns[::2], turns[1::2], strict=False)]
    for question, answer in pairs or [(record.request, record.answer)]:
        draft = Draft(question, answer)
        yield format_checks.Candidate(draft, record.passage or "", record.system_prompt, record.finish_reason)


def _ungrounded(record: CheckedRecord) -> Signal | None:
    """Nothing of the answer stands in the source."""
    if not record.source or record.kind == "classification":
        return None
    found = grounding.ground(" ".join(record.answers), record.source, question=record.request, quoted=record.evidence)
    return Signal(words=found.unsupported[:5]) if found.score < _LEAST_GROUNDING else None


def _unknown_label(record: CheckedRecord) -> Signal | None:
    return Signal(words=(record.answer,)) if record.labels and record.answer not in record.labels else None


def _not_shorter(record: CheckedRecord) -> Signal | None:
    text = record.material or record.passage
    if record.kind != "summary" or not text:
        return None
    return Signal() if len(claims.tokens(record.answer)) > _MOST_SHARE * len(claims.tokens(text)) else None


def _wrong_form(record: CheckedRecord) -> Signal | None:
    if record.kind != "summary":
        return None
    bullets = len(_BULLET.findall(record.answer))
    if record.question_type == "bullets":
        return Signal() if bullets < 2 else None
    if record.question_type == "sentence":
        return Signal() if bullets > 1 or len(sentences(record.answer)) > 2 else None
    return None


def _turn_repeated(record: CheckedRecord) -> Signal | None:
    from dataforge.quality import duplicates  # numpy: see text.normal_forms

    if len(record.answers) < 2:
        return None
    return Signal() if duplicates.near_duplicates(list(record.answers)) else None


CHECKS: dict[str, Check] = {
    **{name: Check(_form(name), "reject", says) for name, says in _SAYS.items() if name != "refers_to_passage"},
    "refers_to_passage": Check(_form("refers_to_passage"), "review", _SAYS["refers_to_passage"]),
    "unknown_label": Check(_unknown_label, "reject", "The label is none of those to choose from"),
    "not_shorter": Check(_not_shorter, "reject", "The summary is hardly shorter than its text"),
    "wrong_form": Check(_wrong_form, "reject", "The summary has not the form that was asked for"),
    "turn_repeated": Check(_turn_repeated, "reject", "The same is said in two turns"),
    "ungrounded": Check(_ungrounded, "reject", "Nothing of the answer stands in the source"),
}

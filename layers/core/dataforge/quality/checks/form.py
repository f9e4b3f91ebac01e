"""Is the record whole: something asked, something said to its end, in the form that its kind has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.checks.wording import exchanges, is_dialogue
from dataforge.text.claims import tokens
from dataforge.text.languages.identifying import letters
from dataforge.text.normal_forms import flattened, folded, normalise
from dataforge.text.sentences import sentences
from dataforge.text.topic_labels import match

MOST_ANSWER_CHARACTERS = 6000
LEAST_SHORTER = 0.8
"""A summary has at most this share of the words of its text."""
_FENCE = re.compile(r"^[ \t]*(```|~~~)", re.MULTILINE)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_FINISHED = re.compile(r"[.!?。！？…؟।;|%°)\]}>\"'”’»」』）】`*]\s*$|\d\s*$")
_OPEN_END = re.compile(r"[,:،、，：(\[{（【「『«“„–—&+]$|(?<=[^\W\d_])-$|(?<=\s)[-/]$")
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("（", "）"), ("「", "」"), ("『", "』"), ("«", "»"), ("【", "】"))
_CLAUSE = re.compile(r"[,;،؛，、；]")
_BULLET = re.compile(r"^[^\S\n]*+(?:[-*•]|\d{1,2}[.)])[^\S\n]++\S", re.MULTILINE)
_TAIL_WORDS, _TAIL_CHARACTERS = 3, 5
_LEAST_WORDS, _LEAST_CHARACTERS = 7, 10
_GOES_ON = re.compile(r"[ \t]?[^\W_]")


def _is_empty(text: str) -> bool:
    return not any(c.isalnum() for c in text)


def _empty_question(record: CheckedRecord) -> Signal | None:
    return Signal() if any(_is_empty(asked) for asked, _ in exchanges(record)) else None


def _empty_answer(record: CheckedRecord) -> Signal | None:
    return Signal() if any(_is_empty(said) for said in record.answers) else None


def _question_too_short(record: CheckedRecord) -> Signal | None:
    """One word, or too few characters to say what is asked; a pair of characters counts as a word in CJK."""
    question = record.request.strip()
    if _is_empty(question) or (record.material_at is not None and len(tokens(question)) > 0):
        return None
    short = len(tokens(question)) < 2 or len(question) < (4 if not question.isascii() else 8)
    return Signal(words=(question,)) if short else None


def _answer_too_long(record: CheckedRecord) -> Signal | None:
    return Signal() if any(len(said) > MOST_ANSWER_CHARACTERS for said in record.answers) else None


def _unclosed_code(record: CheckedRecord) -> Signal | None:
    return Signal() if any(len(_FENCE.findall(said)) % 2 for said in record.answers) else None


def _truncated(record: CheckedRecord) -> Signal | None:
    """Cut off: by the teacher's own word, or to the eye. Code and list items need no full stop."""
    for said in record.answers:
        answer = said.rstrip()
        cut = record.finish_reason == "length" and said is record.answers[-1]
        if not _is_empty(answer) and not _FENCE.search(answer) and _is_cut(answer, record, cut=cut):
            return Signal(words=(answer[-40:].split(None, 1)[-1],))
    return None


def _is_cut(answer: str, record: CheckedRecord, *, cut: bool) -> bool:
    if _FINISHED.search(answer):
        return False
    prose = _CODE.sub("", answer)
    last = answer.rsplit(None, 1)[-1]
    if cut or (_OPEN_END.search(answer) and set(answer.rsplit("\n", 1)[-1].strip()) != {"-"}):
        return True
    if any(prose.count(a) > prose.count(b) for a, b in _PAIRS):
        return True
    if len(answer.split()) < 4 or (len(last) == 1 and last.isupper()):
        return False
    return any(folded(last) in p.unfinished for p in record.phrases)


def _unfinished(record: CheckedRecord) -> Signal | None:
    """Without a mark at its end, and its passage goes on with the same clause there."""
    answer = record.answer.rstrip()
    if not record.passage or _FINISHED.search(answer) or "\n" in answer or record.is_label:
        return None
    line, source = flattened(answer), flattened(record.passage)
    spaced = " " in line
    words = line.split() if spaced else list(line)
    if len(words) < (_LEAST_WORDS if spaced else _LEAST_CHARACTERS) or not (
        _CLAUSE.search(line) or len(words) > 2 * _LEAST_WORDS or line[:1].isupper()
    ):
        return None
    tail = " ".join(words[-_TAIL_WORDS:]) if spaced else line[-_TAIL_CHARACTERS:]
    at = source.casefold().find(tail.casefold())
    goes_on = at >= 0 and _GOES_ON.match(source, at + len(tail)) is not None
    return Signal(words=(tail,)) if goes_on else None


def _unknown_label(record: CheckedRecord) -> Signal | None:
    if not record.labels or match(record.answer, record.labels) == record.answer:
        return None
    return Signal(words=(record.answer[:100],))


def _not_shorter(record: CheckedRecord) -> Signal | None:
    text = record.material or record.passage
    if not record.is_digest or not text:
        return None
    return Signal() if len(tokens(record.answer)) > LEAST_SHORTER * (len(tokens(text)) or 1) else None


def _wrong_form(record: CheckedRecord) -> Signal | None:
    if not record.is_digest:
        return None
    bullets = len(_BULLET.findall(record.answer))
    if record.question_type == "bullets":
        return Signal() if bullets < 2 else None
    if record.question_type == "sentence":
        return Signal() if bullets > 1 or len(sentences(record.answer)) > 2 else None
    return None


def _turn_repeated(record: CheckedRecord) -> Signal | None:
    if not is_dialogue(record):
        return None
    from dataforge.quality.duplicates import near_duplicates  # numpy: see text.normal_forms

    return Signal() if near_duplicates(list(record.answers)) else None


def _words_of(text: str) -> Iterator[str]:
    yield from normalise(text).split()


def _repeats_itself(record: CheckedRecord) -> Signal | None:
    """Says the same words again and again, as models that lost their way do."""
    for said in record.answers:
        if letters(said) > 200:
            words = list(_words_of(said))
            runs = [" ".join(words[i : i + 5]) for i in range(len(words) - 4)]
            if len(words) >= 60 and 2 * len(set(runs)) < len(runs):
                return Signal()
    return None


CHECKS: dict[str, Check] = {
    "empty_question": Check(_empty_question, "reject", "The question is empty"),
    "empty_answer": Check(_empty_answer, "reject", "The answer is empty"),
    "question_too_short": Check(_question_too_short, "reject", "The question is too short to ask anything"),
    "answer_too_long": Check(_answer_too_long, "reject", "The answer is too long"),
    "truncated": Check(_truncated, "reject", "The answer is cut off"),
    "unclosed_code": Check(_unclosed_code, "reject", "A block of code is not closed"),
    "unfinished": Check(_unfinished, "review", "The answer stops where its passage goes on"),
    "repeats_itself": Check(_repeats_itself, "reject", "The answer says the same again and again"),
    "unknown_label": Check(_unknown_label, "reject", "The answer is none of the labels"),
    "not_shorter": Check(_not_shorter, "reject", "The summary is hardly shorter than its text"),
    "wrong_form": Check(_wrong_form, "reject", "The summary is not in the form that was asked for"),
    "turn_repeated": Check(_turn_repeated, "reject", "The assistant says the same twice"),
}

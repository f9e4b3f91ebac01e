"""Questions that nobody can read: words out of order, characters at random."""

from __future__ import annotations

import re
from itertools import pairwise

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.checks.wording import LONGEST_QUESTION, brings_text
from dataforge.text.languages.function_words import function_words
from dataforge.text.languages.word_order import Order, order_of
from dataforge.text.normal_forms import Word, flattened, words

_CERTAIN = 2.0
_SPOILED = re.compile(r"(?<![^\W_])[^\W\d_]{2,}+(?:[§¤¶�#@*+=|~^%$&]{1,4}|\d{1,3})[^\W\d_]{2,}|�|Ã[\u0080-\u00bf]|â€")
"""Signs and digits within a word, bytes read in the wrong encoding."""
_STUTTER = re.compile(r"([^\W\d_])\1{3,}|([^\W\d_]{2,4})\2{3,}")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn")
_MASHED = re.compile("|".join(sorted({row[i : i + 5] for row in _ROWS for i in range(len(row) - 4)})))
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{9,}+", re.IGNORECASE)
_NO_VOWEL = re.compile(r"(?<!\w)[bcdfghjklmnpqrstvwxz]{5,}(?!\w)")
_CJK_SMALL = re.compile(
    r"的了|了在|的吗|的在|在的|吗若|把吗|了的|的的|和的(?!谐)|吗的|的把|呢吗|若[？?]$|的[？?]$|和[？?]$|を[？?]$|をは|はを|のを|がを|をが|のは?の(?!で)|にを"
)
_LATE_MARK = re.compile(r"[^\W\d_] ¿")
_CJK_SPACED = re.compile(r"(?:[\u3400-\u9fff] ){5,}")


def _gibberish(record: CheckedRecord) -> Signal | None:
    question = flattened(record.request)
    if brings_text(record) or not 0 < len(question) <= LONGEST_QUESTION:
        return None
    odd = [*_spoiled(question, record)]
    for language in record.languages:
        found = odd + _out_of_order(question, language)
        if sum(weight for _, weight in found) >= _CERTAIN:
            return Signal(words=tuple(dict.fromkeys(word for word, _ in found))[:4])
    if sum(weight for _, weight in odd) >= _CERTAIN:
        return Signal(words=tuple(dict.fromkeys(word for word, _ in odd))[:4])
    return None


def _spoiled(question: str, record: CheckedRecord) -> list[tuple[str, float]]:
    """What is no word in any language, unless the passage has it."""
    found = []
    for pattern, weight in (
        (_SPOILED, 1.0), (_STUTTER, 2.0), (_MASHED, 2.0), (_CONSONANTS, 2.0), (_NO_VOWEL, 1.0), (_CJK_SPACED, 2.0)
    ):  # fmt: skip
        found += [(m.group(), weight) for m in pattern.finditer(question) if m.group() not in record.source]
    return found


def _out_of_order(question: str, language: str) -> list[tuple[str, float]]:
    if language in ("zh", "ja"):
        return [(m.group(), 1.0) for m in _CJK_SMALL.finditer(question)]
    order = order_of(language)
    said = words(question)
    found = [(f"{a.folded} {b.folded}", 1.0) for a, b in pairwise(said) if not b.apart and _cannot(a, b, order)]
    if len(said) > 3 and _opens_only(said[-1], order):
        found.append((said[-1].folded, 1.0))
    asking = [
        w for n, w in enumerate(said) if w.folded in order.interrogatives and not _is_joined(said, n, order, question)
    ]
    if language in ("ar", "es") and len(asking) > 1:
        found += [(w.folded, 1.0) for w in asking[1:]]
    if language == "ar":
        found += [(w.folded, 1.0) for w in said[2:] if w.folded == "هل" and not w.apart]
    if language == "es" and _LATE_MARK.search(question):
        found.append(("¿", 1.0))
    if len(said) >= 5 and _is_fragments(said, order, language, question):
        found.append((question[:60], 2.0))
    return found


def _cannot(first: Word, second: Word, order: Order) -> bool:
    """The second word cannot follow the first."""
    a, b = first.folded, second.folded
    small = a in order.articles or a in order.prepositions or a in order.auxiliaries
    if small and a == b:
        return True
    if a in _GERMAN and "wem" in order.interrogatives:
        return b in order.interrogatives or (a == "den" and b in order.auxiliaries)
    if a in order.articles:
        return (
            b
            in order.articles
            | order.conjunctions
            | order.auxiliaries
            | order.interrogatives
            | order.prepositions - _AMBIGUOUS
        )
    if a in order.prepositions:
        return b in order.auxiliaries | order.conjunctions
    if a in order.conjunctions:
        return b in order.conjunctions - _AMBIGUOUS
    return a in order.auxiliaries and b in order.auxiliaries - _AFTER_MODAL and a not in _AFTER_MODAL


_AMBIGUOUS = frozenset(["de", "di", "du", "des", "w", "z", "o", "a", "e", "y", "si", "que", "che", "wenn", "but"])
"""Of two kinds, or at home after an article: "el de la puerta"."""
_GERMAN = frozenset(["der", "die", "das", "den", "dem"])
"""Articles that stand for a noun as well: before a question word they are lost."""
_AFTER_MODAL = frozenset(
    [
        "sein",
        "werden",
        "haben",
        "können",
        "müssen",
        "dürfen",
        "sollen",
        "hat",
        "haben",
        "ist",
        "sind",
        "wird",
        "war",
        "waren",
        "wordt",
        "worden",
        "zijn",
        "moeten",
        "kunnen",
        "mogen",
        "hebben",
        "heeft",
        "is",
        "do",
        "did",
        "has",
        "had",
    ]
)


def _opens_only(last: Word, order: Order) -> bool:
    """A question does not end with what opens a phrase."""
    if last.folded in ("der", "den", "dem") and "wem" in order.interrogatives:
        return True
    return last.folded in order.articles | order.conjunctions or last.folded in order.interrogatives


def _is_joined(said: list[Word], at: int, order: Order, question: str) -> bool:
    """ "and how": after a comma or an "and"."""
    word = said[at]
    before = said[at - 1].folded if at else ""
    between = question[said[at - 1].end : word.start] if at else ""
    return (
        bool(set(between) & set(",;:.!?،؛؟"))
        or before in order.conjunctions
        or before in ("y", "et", "e", "و")
        or word.folded[:1] == "و"
    )


def _is_fragments(said: list[Word], order: Order, language: str, question: str) -> bool:
    """Names, numbers and abbreviations in a row, without any of the language's small words."""
    small = function_words(language)
    if not small or any(w.folded in small or w.folded in order.interrogatives for w in said):
        return False
    return 3 * sum(w.folded[0].isdigit() or w.apart for w in said) >= len(said) and question.rstrip().endswith("?")


CHECKS: dict[str, Check] = {
    "gibberish_question": Check(_gibberish, "reject", "Nobody can read the question"),
}

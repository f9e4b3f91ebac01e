"""Do two records say the same thing? What they ask and answer is compared, not how alike they look.

A table gives a hundred records of one form that are a hundred facts; two records without a word in common can be one.
So a pair that somebody found (near in trigrams, over one chunk, of one question) is judged here by what differs: where
one question has a number, a name or a content word in the place of another one's, it asks for another fact.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

from dataforge.text import claims
from dataforge.text.languages.function_words import function_words
from dataforge.text.languages.identifying import language_of
from dataforge.text.languages.numerals import numerals
from dataforge.text.normal_forms import folded

Relation: TypeAlias = Literal["near_duplicate", "reworded_repeat", "translated_repeat", "contradicts"]
Words: TypeAlias = frozenset[str]

LONGEST = 4000
"""Characters of a text that are looked at."""
LIGHT = 2
"""Words that may differ in a light repeat."""
_SHORT = 3
"""Content words of an answer that is a name or a thing."""
_STEM = 6
"""Letters of a word that are compared: what follows is inflection more often than another word."""
_FEW = 10
"""Words of a question of which each may be missing in the other one's."""
_NEAR = 0.12
"""Of the length of two chunks: as far apart may a sentence and its translation stand."""
_WORD = re.compile(r"[^\W_]+(?:[.,:'’\-][^\W_]+)*")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+")
_UNSPACED_FUNCTION = frozenset(
    "的了呢吗嗎吧啊么麼是在和与與就最都也还還很会會能可以要有请請问問个個多少几幾哪谁誰何怎什后後前被没有のはがをにでともかですます"
)
_MEASURES = """
    many much long often far big large high old tall deep wide heavy soon early late kind sort
    viel viele vielen lange oft hoch groß weit alt schwer früh spät combien temps fois longtemps souvent
    tiempo veces mucho tempo quanto quanti lang vaak ile długo często يوم عدد مدة
"""
_ASKING = frozenset(_MEASURES.split())
"""Words that ask for a measure: another one of them does not make another question."""
_MARKS_NAMES = frozenset(("en", "fr", "es", "pt", "it", "nl", "pl"))
_NO = frozenset(["no", "nein", "non", "nee", "nie", "não", "nej", "لا", "कभी", "नहीं"])
_YES = frozenset(["yes", "ja", "oui", "sí", "si", "sim", "tak", "نعم", "أجل", "हाँ", "हां"])
_UNSPACED_NO = "不没沒否"


@dataclass(frozen=True, slots=True)
class Content:
    """A text without its function words. values: numbers and codes (E7, R5), as they are worth; words: stems."""

    values: Words
    words: Words
    names: Words = frozenset()
    """Those of the words that a capital within a sentence marks, where a language marks only names so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a record says, as far as it is compared; small, so that many can be kept."""

    language: str
    """Empty: not known."""
    asked: Content
    answered: Content
    yes: bool | None
    """Whether the answer begins with a yes or a no."""
    sources: Words
    """Checksums of the sentences that support it."""
    said: Content
    """... and what they say."""
    chunk_id: str
    start: int | None
    """Where in its chunk the first of them stands."""

    def to_json(self) -> list[Any]:
        contents = [
            [sorted(c.values), sorted(c.words), sorted(c.names)] for c in (self.asked, self.answered, self.said)
        ]
        return [self.language, *contents, self.yes, sorted(self.sources), self.chunk_id, self.start]

    @classmethod
    def from_json(cls, stored: Sequence[Any]) -> Statement:
        language, *contents, yes, sources, chunk_id, start = stored
        asked, answered, said = (Content(*map(frozenset, content)) for content in contents)
        return cls(
            language=language,
            asked=asked,
            answered=answered,
            yes=yes,
            sources=frozenset(sources),
            said=said,
            chunk_id=chunk_id,
            start=start,
        )


def statement(
    question: str, answer: str, evidence: Iterable[str] = (), *, chunk_id: str = "", start: int | None = None
) -> Statement:
    """evidence: the sentences of the chunk that support the answer, as they stand there; start: of the first."""
    language = language_of(f"{question}\n{answer}") or ""
    evidence = [e for e in evidence if e.strip()]
    checksums = (f"{zlib.crc32(' '.join(folded(e).split()).encode('utf-8', 'replace')):08x}" for e in evidence)
    return Statement(
        language=language,
        asked=content(question, language),
        answered=content(answer, language),
        yes=_polarity(answer),
        sources=frozenset(checksums),
        said=content("\n".join(evidence), language),
        chunk_id=chunk_id,
        start=start,
    )


def content(text: str, language: str) -> Content:
    text = text[:LONGEST]
    found = numerals(text, language)
    values = {str(n.value) for n in found}
    spelled = iter(found)
    numeral = next(spelled, None)
    words: dict[str, bool] = {}
    empty = function_words(language or "en") | _ASKING
    opening = True
    for match in _WORD.finditer(text):
        opens, opening = opening, _ends_sentence(text, match.end())
        while numeral and numeral.end <= match.start():
            numeral = next(spelled, None)
        if numeral and numeral.start <= match.start():
            continue
        word = match.group()
        if not word.isascii() and _UNSPACED.search(word):
            words.update((c, False) for run in _UNSPACED.findall(word) for c in run if c not in _UNSPACED_FUNCTION)
            word = _UNSPACED.sub(" ", word)
        for part in word.split():
            stem = _sorted(folded(part), values, empty)
            if stem:
                words[stem] = words.get(stem, False) or (part[0].isupper() and not opens)
    names = (word for word, marked in words.items() if marked and language in _MARKS_NAMES)
    return Content(frozenset(values), frozenset(words), frozenset(names))


def _ends_sentence(text: str, at: int) -> bool:
    return text[at : at + 1] in ".!?:;\n" or text[at : at + 2].strip()[:1] in ("“", "«", "¿", "¡")


def _sorted(word: str, values: set[str], empty: Words) -> str:
    """The stem of a word that carries meaning, else empty; a number or a code goes to `values`."""
    if word.isalpha():  # as good as always
        return "" if word in empty else claims.stem(word)[:_STEM]
    head, _, tail = word.partition("-")
    if head.isdigit() and tail.isalpha():  # 209-acre
        values.add(claims.number_value(head))
        word = tail
    if word[0].isdigit() and not any(c.isalpha() for c in word):
        values.update(claims.number_value(part) for part in word.split(":") if part)
        return ""
    if any(c.isdigit() for c in word):
        values.add(word)
        return ""
    return "" if word in empty or re.split("['’]", word)[0] in empty else claims.stem(word)[:_STEM]


def _polarity(answer: str) -> bool | None:
    first = _WORD.search(answer[:100])
    word = folded(first.group()) if first else ""
    if word in _NO or word[:1] in tuple(_UNSPACED_NO):
        return False
    return True if word in _YES else None


def compare(one: Statement, other: Statement, known: Callable[[], Words] = frozenset) -> Relation | None:
    """What two records are to each other; None: different facts, or nothing that can be told from here.

    known: the words of their chunk, where both are of one; of others, only what does not need it is found. Records in
    two languages are compared by `translated`.
    """
    if one.language and other.language and one.language != other.language:
        return None
    if replaced(one.asked.values, other.asked.values):
        return None
    gained, lost = other.asked.words - one.asked.words, one.asked.words - other.asked.words
    same = (
        one.asked.values == other.asked.values and not (gained and lost) and bool(one.asked.words & other.asked.words)
    )
    shared = bool(one.sources & other.sources) and one.chunk_id == other.chunk_id
    if _contradict(one, other, same=same, shared=shared):
        return "contradicts"
    if not _agree(one, other):
        return None
    light = len(gained) <= LIGHT and len(lost) <= LIGHT and _worded_alike(one, other)
    if light and (same or (shared and not (gained & known() and lost & known()))):
        return "near_duplicate"
    if not shared or replaced(one.asked.names, other.asked.names) or _of_one_form(one, other, known):
        return None
    return "reworded_repeat" if _say_the_same(one, other) else None


def _of_one_form(one: Statement, other: Statement, known: Callable[[], Words]) -> bool:
    """Whether the questions are the same but for words of their chunk in each other's place."""
    gained, lost = other.asked.words - one.asked.words, one.asked.words - other.asked.words
    if not gained or not lost or not gained & known() or not lost & known():
        return False
    ours, theirs = one.asked.words - one.asked.names, other.asked.words - other.asked.names
    return 2 * len(ours & theirs) >= max(len(ours), len(theirs))


def translated(one: Statement, other: Statement, lengths: tuple[int, int]) -> bool:
    """Whether a record repeats one in another language. Of two chunks of these lengths that are `aligned`."""
    if not one.language or not other.language or one.language == other.language:
        return False
    if one.start is None or other.start is None or not all(lengths):
        return False
    ours, theirs = _values(one, other)
    apart = abs(one.start / lengths[0] - other.start / lengths[1])
    return ours == theirs and one.yes == other.yes and apart < _NEAR


def figures(passage: str) -> Words:
    """The numbers that a chunk holds in digits: the same in its translation."""
    return frozenset(claims.number_value(match.group()) for match in _FIGURE.finditer(passage))


def aligned(one: Words, other: Words) -> bool:
    """Whether two chunks, given by their figures, look like translations of each other."""
    both = len(one & other)
    return both >= 2 and 3 * both >= 2 * min(len(one), len(other)) and 2 * both >= max(len(one), len(other))


def keys(one: Statement) -> list[list[int]]:
    """Small numbers by which records are found that may be repeats or contradictions, by kind: of one question over
    all chunks; of one that lacks a word; of one source in other documents, which may lack one; of one chunk."""
    asked, said = sorted(one.asked.values | one.asked.words), sorted(one.said.words)
    return [
        [_key("q", asked)] if asked else [],
        [_key("q", asked[:n] + asked[n + 1 :]) for n in range(len(asked)) if 3 <= len(asked) <= _FEW],
        [_key("e", said[:n] + said[n + 1 :]) for n in range(len(said)) if 3 <= len(said) <= _FEW],
        [_key("e", said)] if said else [],
        [chunk_key(one.chunk_id)] if one.chunk_id else [],
    ]


def chunk_key(chunk_id: str) -> int:
    return _key("c", [chunk_id])


def marks_of(figures: Words) -> list[int]:
    """A few numbers, of which chunks with nearly the same figures share some."""
    return [min(_key(seed, [f]) for f in figures) for seed in "1234"] if len(figures) > 1 else []


def _key(kind: str, parts: Sequence[str]) -> int:
    digest = blake2b("\n".join(parts).encode("utf-8", "replace"), digest_size=8, key=kind.encode()).digest()
    return int.from_bytes(digest, "big", signed=True)


def differing(one: Statement, other: Statement) -> tuple[str, ...]:
    """What the answer of the one says that the other's does not: numbers, else words; as they are compared."""
    return tuple(
        sorted(_values(one, other)[0] - other.answered.values) or sorted(_words(one, other)[0] - other.answered.words)
    )


def replaces(one: Statement, other: Statement, known: Words | None = None) -> bool:
    """Whether the texts hold other values, or other words of their sources, in each other's place. For records that
    have no question of their own: `asked` is all of them. known: as for `compare`; None: not at hand."""
    if replaced(one.asked.values, other.asked.values):
        return True
    gained, lost = other.asked.words - one.asked.words, one.asked.words - other.asked.words
    return bool(gained & (other.said.words if known is None else known)) and bool(
        lost & (one.said.words if known is None else known)
    )


def _editions(one: Statement, other: Statement) -> bool:
    """Whether their sources are one sentence with other figures, and half of their questions the same."""
    if replaced(one.said.words, other.said.words) or one.said.values == other.said.values:
        return False
    in_common = len(one.asked.words & other.asked.words)
    return one.asked.values == other.asked.values and 2 * in_common >= min(len(one.asked.words), len(other.asked.words))


def replaced(one: Words, other: Words) -> bool:
    """Whether each holds something that the other lacks."""
    return bool(one - other and other - one)


def _values(one: Statement, other: Statement) -> tuple[Words, Words]:
    """What the answers say in numbers that no question gave."""
    given = one.asked.values | other.asked.values
    return one.answered.values - given, other.answered.values - given


def _words(one: Statement, other: Statement) -> tuple[Words, Words]:
    given = one.asked.words | other.asked.words
    return one.answered.words - given, other.answered.words - given


def _agree(one: Statement, other: Statement) -> bool:
    ours, theirs = _values(one, other)
    return (ours <= theirs or theirs <= ours) and (one.yes is None or other.yes is None or one.yes == other.yes)


def _worded_alike(one: Statement, other: Statement) -> bool:
    ours, theirs = _words(one, other)
    both = len(ours & theirs)
    return 4 * both >= 3 * min(len(ours), len(theirs)) and len(ours ^ theirs) <= max(LIGHT, both)


def _say_the_same(one: Statement, other: Statement) -> bool:
    """In other words: a value in common, or a third of what they say that their questions did not both give."""
    ours, theirs = _values(one, other)
    if ours and theirs:
        return True
    given = one.asked.words & other.asked.words
    a, b = one.answered.words - given, other.answered.words - given
    return len(a & b) >= 2 and 3 * len(a & b) >= min(len(a), len(b))


def _contradict(one: Statement, other: Statement, *, same: bool, shared: bool) -> bool:
    """Another value for the same question. Where both lean on one sentence, that may say which value is its own; then
    half a question in common is enough."""
    ours, theirs = _values(one, other)
    if shared and one.asked.values == other.asked.values and replaced(ours, theirs):
        in_common = len(one.asked.words & other.asked.words)
        foreign = (ours <= one.said.values) != (theirs <= other.said.values) and not (ours & theirs)
        if foreign and 3 * in_common >= min(len(one.asked.words), len(other.asked.words)):
            return True
    if not same:
        return one.chunk_id != other.chunk_id and _editions(one, other) and bool(ours and theirs and not ours & theirs)
    if one.yes is not None and other.yes is not None:
        return one.yes != other.yes
    if ours or theirs:
        return bool(ours and theirs and not ours & theirs)
    a, b = _words(one, other)
    return 0 < len(a) <= _SHORT and 0 < len(b) <= _SHORT and not a & b

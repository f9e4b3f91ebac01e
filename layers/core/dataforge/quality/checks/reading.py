"""Passages and answers taken apart for the checks of facts: sentences, words with their places, quantities, and which
sentences of the passage support which sentence of an answer.

A passage is taken apart once for all of its records. Everything here takes time linear in its text, but for the
comparison of a claim with its few supporting sentences.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache

from dataforge.text import claims
from dataforge.text.languages.function_words import function_words
from dataforge.text.languages.identifying import language_of
from dataforge.text.languages.numerals import numerals
from dataforge.text.normal_forms import WORD, folded
from dataforge.text.quantities import Quantity, quantities
from dataforge.text.sentences import sentences

MOST_SUPPORT = 3
LONGEST_HEADINGS = 1000
FARTHEST = 40
"""Words on one side that still count as near."""
MOST_BESIDE = 20
LONGEST = 400
"""Words of a sentence that are looked at; more is no sentence."""
_PAUSE = re.compile(r"[,;:(),、，；：،؛]|[.]\s")
_PAUSE_LENGTH = 3
"""Words that a comma counts for where nearness is measured."""
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_ARABIC_HEAD = re.compile(r"^(?:[وفبكل]?ال|لل|[وفب](?=\w{3}))")
_ARABIC_TAIL = re.compile(r"(?:ية|ات|ون|ين|ان|ها|هم|ه|ة|ا|ي)$")


@dataclass(frozen=True, slots=True)
class Token:
    """key: what tokens of the same word share whatever their ending; empty for a word without meaning of its own."""

    folded: str
    key: str
    start: int
    end: int


@lru_cache(maxsize=65_536)
def key_of(word: str) -> str:
    if word in claims.STOP_WORDS:
        return ""
    if "\u0600" <= word[0] <= "\u06ff":
        bare = _ARABIC_HEAD.sub("", word)
        bare = bare if len(bare) > 2 else word
        stem = _ARABIC_TAIL.sub("", bare)
        return stem if len(stem) > 2 else bare
    stem = claims.stem(word)
    return stem[:6] if stem.isalpha() else stem


@cache
def _empty(language: str) -> frozenset[str]:
    """Words without meaning of their own, but number words, which are listed among them."""
    return frozenset(w for w in function_words(language) if not numerals(w, language))


def tokens(text: str, language: str = "en") -> tuple[Token, ...]:
    """Words with their places; runs of a script without spaces as overlapping pairs of characters."""
    found: list[Token] = []
    empty = _empty(language)
    for match in WORD.finditer(text):
        word, start = folded(match.group()), match.start()
        if len(word) > 1 and _UNSPACED.match(word) and len(word) == match.end() - start:
            found += [Token(word[i : i + 2], word[i : i + 2], start + i, start + i + 2) for i in range(len(word) - 1)]
        else:
            found.append(Token(word, "" if word in empty else key_of(word), start, match.end()))
    return tuple(found[:LONGEST])


@dataclass(frozen=True)
class Piece:
    """A sentence, or a row of a table. NFKC, so places are places in `text`."""

    text: str
    index: int = 0
    language: str = "en"
    header: tuple[str, ...] = ()
    """Of a row: the cells of its table's first row."""

    @cached_property
    def folded(self) -> str:
        return self.text.casefold()

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        return tokens(self.text, self.language)

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(t.key for t in self.tokens if t.key)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(t.folded for t in self.tokens)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        return tuple(quantities(self.text, self.language))[:60]

    @cached_property
    def cells(self) -> tuple[tuple[int, int], ...]:
        """Of a row: where its cells stand."""
        if not self.text.startswith("|"):
            return ()
        bars = [m.start() for m in re.finditer(r"\|", self.text)]
        return tuple((a + 1, b) for a, b in zip(bars, [*bars[1:], len(self.text)], strict=True) if a + 1 < b)[:40]

    def near(self, start: int, end: int) -> dict[str, float]:
        """The words around a place by how near they are: 1 / (1 + d / 5). In a row: header and first cell count as
        standing beside it."""
        kept = self._nearness.get((start, end))
        if kept is None:
            kept = self._near_in_row(start) if self.cells else self._near_in_sentence(start, end)
            self._nearness[start, end] = kept
        return kept

    @cached_property
    def _nearness(self) -> dict[tuple[int, int], dict[str, float]]:
        return {}

    def _near_in_sentence(self, start: int, end: int) -> dict[str, float]:
        first = next((i for i, t in enumerate(self.tokens) if t.end > start), len(self.tokens))
        last = next((i for i in range(len(self.tokens) - 1, -1, -1) if self.tokens[i].start < end), 0)
        found: dict[str, float] = {}
        after = min(last + 1 + FARTHEST, len(self.tokens))
        for way in (range(first - 1, max(-1, first - 1 - FARTHEST), -1), range(last + 1, after)):
            far = 0.0
            edge = start if way.step < 0 else end
            for i in way:
                t = self.tokens[i]
                between = self.text[t.end : edge] if way.step < 0 else self.text[edge : t.start]
                edge = t.start if way.step < 0 else t.end
                if len(between) > 1 and _PAUSE.search(between):
                    far += _PAUSE_LENGTH
                if t.key:
                    found[t.key] = max(found.get(t.key, 0.0), 1 / (1 + far / 5))
                far += 1
        return found

    def _near_in_row(self, start: int) -> dict[str, float]:
        at = next((n for n, (a, b) in enumerate(self.cells) if a <= start < b), 0)
        found: dict[str, float] = {}
        for n, (a, b) in enumerate(self.cells):
            if n != at:
                weight = 0.9 if n == 0 else 0.4
                found |= {k: max(found.get(k, 0.0), weight) for t in tokens(self.text[a:b]) if (k := t.key)}
        if at < len(self.header):
            found |= {t.key: 1.0 for t in tokens(self.header[at]) if t.key}
        return found


@dataclass(frozen=True, eq=False)
class Source:
    """A passage with its headings, taken apart."""

    pieces: tuple[Piece, ...]
    headings: str
    text: str

    @cached_property
    def frequency(self) -> Counter[str]:
        return Counter(k for p in self.pieces for k in p.keys)

    @cached_property
    def folded(self) -> str:
        return f"{self.headings}\n{self.text}".casefold()

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset().union(*(p.words for p in self.pieces), (t.folded for t in tokens(self.headings)))

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(self.frequency) | {t.key for t in tokens(self.headings) if t.key}

    @cached_property
    def places(self) -> dict[str, tuple[int, ...]]:
        """The pieces in which a key stands."""
        found: dict[str, list[int]] = {}
        for piece in self.pieces:
            for key in piece.keys:
                found.setdefault(key, []).append(piece.index)
        return {key: tuple(at) for key, at in found.items()}

    @cached_property
    def quantities(self) -> tuple[tuple[Piece, Quantity], ...]:
        return tuple((p, q) for p in self.pieces for q in p.quantities)[:500]

    @cached_property
    def above(self) -> tuple[Quantity, ...]:
        """In the headings."""
        return tuple(quantities(self.headings[:LONGEST_HEADINGS]))[:20]

    def weight(self, key: str) -> float:
        return math.log(1 + len(self.pieces) / (self.frequency[key] or 0.5))


@lru_cache(maxsize=16)  # the records of a passage come one after another
def source_of(passage: str, headings: tuple[str, ...]) -> Source:
    text = unicodedata.normalize("NFKC", passage)
    language = language_of(text) or ""
    found: list[Piece] = []
    header: tuple[str, ...] = ()
    last_end = -1
    for span in sentences(text):
        row = span.text.startswith("|")
        if not row:
            header = ()
        elif not header or text[last_end : span.start].count("\n") > 1:
            header = tuple(c.strip() for c in span.text.strip().strip("|").split("|"))
        last_end = span.end
        if row and not re.search(r"[^\W_]", span.text):
            continue
        found.append(Piece(span.text, len(found), language, header if row else ()))
    return Source(tuple(found), unicodedata.normalize("NFKC", "\n".join(headings)), text)


@dataclass(frozen=True)
class Claim:
    """A sentence of an answer with the sentences of the passage that support it best."""

    piece: Piece
    question: Piece
    """What it answers."""
    source: Source
    quoted: tuple[Piece, ...] = field(repr=False)
    """Sentences that the teacher's verified quotes stand in."""
    answer: tuple[Piece, ...] = field(repr=False)
    """All sentences of the answer."""

    @cached_property
    def beside(self) -> tuple[Quantity, ...]:
        """Quantities of the answer, those of this sentence first."""
        return (*self.piece.quantities, *(q for p in self.answer if p is not self.piece for q in p.quantities))

    @cached_property
    def scores(self) -> dict[int, float]:
        """How much of the claim's words (and, for less, of the question's) each sentence holds, by its index."""
        found: dict[int, float] = {}
        wanted = dict.fromkeys(self.question.keys, 0.35) | dict.fromkeys(self.piece.keys, 1.0)
        for key, share in wanted.items():
            weight = share * self.source.weight(key)
            for at in self.source.places.get(key, ()):
                found[at] = found.get(at, 0.0) + weight
        return found

    @cached_property
    def support(self) -> tuple[Piece, ...]:
        """The best first."""
        quoted = {p.index for p in self.quoted}
        best = sorted(self.scores, key=lambda i: (-self.scores[i] * (1.5 if i in quoted else 1.0), i))
        return tuple(self.source.pieces[i] for i in best[:MOST_SUPPORT])

    @cached_property
    def covered(self) -> float:
        """Share of its content words in the passage, weighted."""
        whole = sum(self.source.weight(k) for k in self.piece.keys) or 1.0
        return sum(self.source.weight(k) for k in self.piece.keys if k in self.source.keys) / whole


def claims_of(question: str, answer: str, source: Source, quoted: tuple[Piece, ...]) -> Iterator[Claim]:
    text = unicodedata.normalize("NFKC", answer)
    language = language_of(f"{question} {text}") or ""
    asked = Piece(unicodedata.normalize("NFKC", question), language=language)
    pieces = tuple(Piece(span.text, at, language) for at, span in enumerate(sentences(text)))
    for piece in pieces:
        yield Claim(piece, asked, source, quoted, pieces[:MOST_BESIDE])


def quoted_pieces(source: Source, evidence: tuple[str, ...]) -> tuple[Piece, ...]:
    found = []
    for quote in evidence[:20]:
        plain = " ".join(unicodedata.normalize("NFKC", quote).casefold().split())
        if len(plain) > 3:
            found += [
                p for p in source.pieces if plain in " ".join(p.folded.split()) or " ".join(p.folded.split()) in plain
            ]
    return tuple(dict.fromkeys(found))

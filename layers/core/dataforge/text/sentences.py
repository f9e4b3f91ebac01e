"""Cut Markdown-flavoured text into sentences, each an exact slice; headings, list items and table rows are one each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataforge.records import Span
from dataforge.text.languages.unit_words import MONTHS

_TITLE_WORDS = """
    mr mrs ms dr prof st mt gov sen rep gen lt col capt sgt rev hon messrs vs cf ca approx e.g i.e incl excl
"""
_TITLES = frozenset(_TITLE_WORDS.split())
"""A full stop after these never ends a sentence."""
_NUMBERED_WORDS = """
    no nos vol fig figs eq sec ch art para p pp jan feb mar apr jun jul aug sep sept oct nov dec tel ext max min est
"""
_BEFORE_NUMBER = frozenset(_NUMBERED_WORDS.split())
"""... nor after these before a number."""
_EITHER_WORDS = """
    inc ltd co corp bros jr sr etc al ed eds dept a.m p.m u.s u.k u.n u.s.a d.c ph.d
"""
_EITHER = frozenset(_EITHER_WORDS.split())
"""These may end one: they do when the next word usually opens a sentence."""
_OPENING_WORDS = """
    the a an in on at it its this these those they he she we you if when while after before for to there each all
    however but and as by from no any some every such
"""
_OPENERS = frozenset(_OPENING_WORDS.split())
_MONTHS = frozenset(MONTHS) - {"may", "march", "mars"}
"""After a number and a full stop they are a date, as German and Polish write it."""
_OWN_LINE = re.compile(r"\s*(#{1,6}\s|[-*+•]\s|\d{1,3}[.)]\s|\||>|```|~~~)")
_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*+(?:\[\d+\])*+[\"'”’)\]]*+(?=\s|$)|[。！？｡]+[」』”]?")
_LONGEST_WORD = 40
"""What stands before a full stop is looked at no further back: no abbreviation is longer."""
_OPENER = re.compile(r"[\s\"'“‘(\[]*")


def sentences(text: str) -> list[Span]:
    """In order, not overlapping, without white space at their ends; together they cover every printing character.

    Newlines inside a paragraph are no sentence ends (text from PDF is hard-wrapped); blank lines, list items, table
    rows and headings are.
    """
    return [piece for start, end in _units(text) for piece in _split(text, start, end)]


def _units(text: str) -> Iterator[tuple[int, int]]:
    """Paragraphs, and lines that stand alone."""
    start: int | None = None
    alone = False
    position = 0
    for line in text.splitlines(keepends=True):
        own = _OWN_LINE.match(line) is not None
        if not line.strip() or own or (alone and not line.startswith((" ", "\t"))):
            if start is not None:
                yield start, position
            start = position if line.strip() else None
        elif start is None:
            start = position
        alone = own and line.lstrip()[0] in "#|"
        position += len(line)
    if start is not None:
        yield start, position


def _split(text: str, start: int, end: int) -> Iterator[Span]:
    at = start
    if text[start:end].lstrip()[:1] not in ("|", "#"):
        for mark in _END.finditer(text, start, end):
            if mark.end() >= end or _is_end(text, at, mark.start(), mark.end()):
                yield from _trimmed(text, at, mark.end())
                at = mark.end()
    yield from _trimmed(text, at, end)


def _is_end(text: str, start: int, mark: int, after: int) -> bool:
    """Whether the mark before `mark` closes a sentence: not after an abbreviation, an initial or a list number."""
    closing = text[mark - 1 : mark]
    if closing not in ".!?…":
        return True
    opener = _OPENER.match(text, after)
    begin = opener.end() if opener else after
    following = text[begin : begin + 24].split()
    first = following[0] if following else ""
    if first[:1].islower():
        return False
    if closing != ".":
        return True
    word = re.split(r"[\s(\[\"'“‘]", text[max(start, mark - 1 - _LONGEST_WORD) : mark - 1])[-1]
    folded = word.casefold()
    if folded in _TITLES or (folded in _BEFORE_NUMBER and first[:1].isdigit()):
        return False
    if folded in _EITHER:
        return first.casefold().strip(",;:") in _OPENERS
    if word.isdigit() and len(word) < 3 and first.casefold().strip(",.") in _MONTHS:
        return False
    if len(word) == 1 and word.isalpha() and word.isupper():
        return False
    return not (word.isdigit() and not text[start : mark - 1 - len(word)].strip())


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    left = start + len(piece) - len(piece.lstrip())
    right = start + len(piece.rstrip())
    if left < right:
        yield Span(left, right, text[left:right])

"""Text as it is compared, and text that can be stored. Apart from `quality.duplicates`, whose numpy costs 0.1 s to
import."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

MARKS = "".join(
    chr(code)
    for block in (range(0x300, 0x1E00), range(0x20D0, 0x2100), range(0x302A, 0x309B), range(0xA66F, 0xAC00))
    for code in block
    if unicodedata.category(chr(code))[0] == "M"
)
"""Combining marks, of category M: part of the letter before them, which `\\w` does not know."""
LETTER = rf"(?:[^\W\d_][{MARKS}\u200c\u200d\u00ad]*+)"
"""One letter, for patterns; no class holds letters with their marks."""
WORD = re.compile(rf"{LETTER}++(?:['’]{LETTER}++)?|\d++(?:[.,]\d++)*+")
_IGNORED = dict.fromkeys([*range(0x64B, 0x653), 0x670, 0x640, 0xAD, 0x200B, 0x200C, 0x200D, 0xFEFF])


def normalise(text: str) -> str:
    """Compatibility forms unified (NFKC), case folded, white space runs one blank, ends trimmed."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def composed(text: str) -> str:
    """Letters with their marks as one character where Unicode has one (NFC), as most texts are written."""
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def flattened(text: str) -> str:
    """As phrases are looked for: one line, straight apostrophes, no Arabic vowel signs or invisible characters."""
    if not text.isascii():
        text = text.translate(_IGNORED | {0x2019: "'", 0x2018: "'"})
    return " ".join(text.split())


def repair_surrogates(text: str) -> str:
    """Halves of surrogate pairs, which no file and no table can hold, joined where they meet, else U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@dataclass(frozen=True, slots=True)
class Word:
    """folded: as it is compared. start, end: where it stands in the text that was given. apart: more than white space
    or a hyphen stands between it and the word before."""

    folded: str
    start: int
    end: int
    apart: bool


def words(text: str) -> list[Word]:
    """Runs of letters, each with its combining marks, and of digits; scripts without spaces are not cut."""
    found: list[Word] = []
    last = 0
    for match in WORD.finditer(text):
        between = text[last : match.start()].strip(" \t\n\u00a0\u202f-\u2010\u2011")
        found.append(Word(folded(match.group()), match.start(), match.end(), bool(between)))
        last = match.end()
    return found


@lru_cache(maxsize=65_536)
def folded(word: str) -> str:
    """A word as it is compared: NFKC, case folded, without Arabic vowel signs, tatweel, soft hyphens and joiners."""
    if word.isascii():
        return word.casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).translate(_IGNORED).casefold())

"""Whether words near a place say what stands there."""

from __future__ import annotations

import re
from bisect import bisect_right

BEFORE, AFTER = 60, 30
"""Characters looked at on either side."""
LETTER = r"A-Za-z0-9_\u00c0-\u024f"
"""Inside of brackets of a pattern: what a number must not touch. Scripts without blanks between words are not in it."""
_MOST_CELLS = 64


def words(*parts: str) -> re.Pattern[str]:
    """Matches any of the words, cases ignored. A word of Latin letters begins where a word begins, and goes on as it
    likes ("telefon" finds "Telefonnummer") unless a blank stands after it here; "~" before it lets it stand within a
    word ("~handy"); one of another script stands anywhere."""
    return re.compile("|".join(map(_part, parts)), re.IGNORECASE)


def _part(part: str) -> str:
    body = re.escape(part.strip(" ~"))
    if part[0] == "~" or any(ord(c) > 0x24F for c in part):
        return body
    return rf"(?<![^\W\d_]){body}" + (r"(?![^\W\d_])" if part.endswith(" ") else "")


class Surroundings:
    """A text whose places are asked for what stands around them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._rows: tuple[list[int], list[str]] | None = None

    def say(self, pattern: re.Pattern[str], start: int, end: int, *, before: int = BEFORE, after: int = AFTER) -> bool:
        """Whether the pattern matches near text[start:end] in the same paragraph, or in the header of its column."""
        ahead = self.text[max(0, start - before) : start].rsplit("\n\n", 1)[-1]
        behind = self.text[end : end + after].split("\n\n", 1)[0]
        return bool(pattern.search(ahead) or pattern.search(behind) or pattern.search(self._header(start)))

    def _header(self, place: int) -> str:
        """The header cell over a place in a table of rows with pipes; empty outside of tables."""
        starts, headers = self._rows if self._rows is not None else self._read_rows()
        row = bisect_right(starts, place) - 1
        if row < 0 or not headers[row]:
            return ""
        column = self.text.count("|", starts[row], place)
        cells = headers[row].split("|", _MOST_CELLS)
        return cells[column] if column < len(cells) else ""

    def _read_rows(self) -> tuple[list[int], list[str]]:
        starts: list[int] = []
        headers: list[str] = []
        place, header = 0, ""
        if "|" in self.text:
            for line in self.text.splitlines(keepends=True):
                header = (header or line[:1000]) if "|" in line else ""
                starts.append(place)
                headers.append(header)
                place += len(line)
        self._rows = starts, headers
        return self._rows

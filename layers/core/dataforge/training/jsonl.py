"""JSON lines out of chunks of bytes, one at a time, however large the file is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MOST_LINE_BYTES = 4 * 2**20
_ASK_EVERY = 100
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Row:
    """One line that is not blank."""

    number: int
    """From 1, blank lines counted."""
    value: dict[str, Any] | None
    problem: str | None = None
    """What is wrong with it, in words that name the line; then there is no value. Neither: it was not read."""


def rows(chunks: Iterable[bytes], *, enough: Callable[[], bool] = lambda: False) -> Iterator[Row]:
    """Every line that is not blank. Memory is bounded by the longest line that is accepted and one chunk.

    enough: asked now and then; once it is true, lines are counted and not read any more.
    """
    reads = True
    for number, line in enumerate(lines(chunks), start=1):
        if reads and number % _ASK_EVERY == 0:
            reads = not enough()
        if not is_blank(line):
            yield row(number, line) if reads or line is None else Row(number, None)


def is_blank(line: bytes | None) -> bool:
    """Of `lines`."""
    return line is not None and not line.removeprefix(_BOM).strip()


def row(number: int, line: bytes | None) -> Row:
    """A line of `lines` that is not blank; number: from 1."""
    if line is None:
        limit = f"{MOST_LINE_BYTES // 2**20} MiB"
        return Row(number, None, f"Line {number} is longer than {limit}: write one JSON object per line")
    if number == 1:
        line = line.removeprefix(_BOM)
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return Row(number, None, f"Line {number} is not UTF-8 text: save the file as UTF-8")
    except (ValueError, RecursionError):
        hint = ": the file is one JSON array, write one object per line" if line.strip() == b"[" else ""
        return Row(number, None, f"Invalid JSON on line {number}{hint}")
    if isinstance(value, dict):
        return Row(number, value)
    hint = ", but a list: write one object per line" if isinstance(value, list) else ""
    return Row(number, None, f"Line {number} is no JSON object{hint}")


def lines(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Lines without their ends; None for one that is too long, of which nothing is kept."""
    held: list[bytes] = []
    size, too_long = 0, False
    for chunk in chunks:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            size += end - start
            held.append(chunk[start:end])
            yield None if too_long or size > MOST_LINE_BYTES else b"".join(held)
            held, size, too_long, start = [], 0, False, end + 1
        size += len(chunk) - start
        if too_long or size > MOST_LINE_BYTES:
            held, too_long = [], True
        else:
            held.append(chunk[start:])
    if size:
        yield None if too_long else b"".join(held)

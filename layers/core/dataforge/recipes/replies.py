"""Read JSON out of what a model wrote: fences, reasoning, chatter before and after, and cut-off tails included."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_REASONING = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_TRAILING_COMMA = re.compile(r",\s*([}\]])")


def whole_characters(text: str) -> str:
    """Halves of surrogate pairs, which no file and no table can hold, joined where they meet, else replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def objects(text: str, *, whole: str | None = None) -> list[dict[str, object]]:
    """Every complete JSON object that stands in a list, or alone; wrapping objects such as {"pairs": [...]} opened.

    A reply cut in the middle of the fifth object still gives the four before it. An object that has the key `whole` is
    never opened: the list under that key is a part of it.
    """
    text = _REASONING.sub("", text)
    found = _whole(text, whole)
    if found is not None:
        return found
    return [inner for value in _scan(text) for inner in _opened(value, whole) or []]


def _whole(text: str, whole: str | None) -> list[dict[str, object]] | None:
    starts = [i for i in (text.find("{"), text.find("[")) if i >= 0]
    if not starts:
        return None
    candidate = text[min(starts):max(text.rfind("}"), text.rfind("]")) + 1]
    for attempt in (candidate, _TRAILING_COMMA.sub(r"\1", candidate)):
        try:
            return _opened(json.loads(attempt, strict=False), whole)
        except (ValueError, RecursionError):
            continue
    return None


def _opened(value: object, whole: str | None) -> list[dict[str, object]] | None:
    if isinstance(value, list):
        return [v for v in value if isinstance(v, dict)]
    if isinstance(value, dict):
        lists = [v for v in value.values() if isinstance(v, list) and any(isinstance(x, dict) for x in v)]
        return _opened(lists[0], whole) if len(lists) == 1 and whole not in value else [value]
    return None


def _scan(text: str) -> Iterator[dict[str, object]]:
    """Complete objects at any depth: where one does not close, look inside it."""
    decoder = json.JSONDecoder(strict=False)
    position = text.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(text, position)
        except RecursionError:  # brackets without end, which small models fall into: nothing to read in there
            return
        except ValueError:
            end = position + 1
        else:
            if isinstance(value, dict):
                yield value
        position = text.find("{", end)

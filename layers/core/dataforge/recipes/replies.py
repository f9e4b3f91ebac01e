"""Read JSON out of what a model wrote: fences, reasoning, chatter, damages and cut-off tails included."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_REASONING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_REASONED = re.compile(r"</(?:think|thinking|reasoning)>[ \t]*\n", re.IGNORECASE)
_OPENED = re.compile(r"[{\[]")
_BEGINS = re.compile(r"\s*+(?:```\w*+\s*+)?[{\[]")


class Broken(dict[str, Any]):
    """What could be read of an object that was cut off or damaged."""


def whole_characters(text: str) -> str:
    """Halves of surrogate pairs, which no file and no table can hold, joined where they meet, else replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def objects(text: str, *, whole: str | None = None) -> list[dict[str, object]]:
    """Every complete JSON object that stands in a list, or alone; wrapping objects such as {"pairs": [...]} opened.

    A reply cut in the middle of the fifth object still gives the four before it; see `lenient` for what else is read.
    An object that has the key `whole` is never opened: the list under that key is a part of it.
    """
    text = _without_reasoning(text)
    strict = _strictly(text)
    if strict is not None:
        return list(_records(strict, whole))
    from dataforge.recipes.lenient import read  # its patterns take 0.02 s to compile: only where they are needed

    made: list[dict[str, object]] = []
    said: set[str] = set()
    for root in read(text):
        found = list(_records(root, whole))
        keys = [json.dumps(record, sort_keys=True) for record in found]
        made += [record for record, key in zip(found, keys, strict=True) if key not in said]
        said.update(keys)  # a model that begins anew says again what it said before
    return made


def _without_reasoning(text: str) -> str:
    """Reasoning comes before the reply; what stands in the reply is the reply's."""
    if _BEGINS.match(text):
        return text
    thought = _REASONING.search(text)
    begin = _OPENED.search(text)
    if thought and (begin is None or thought.start() < begin.start()):
        return text[thought.end() :]
    ended = list(_REASONED.finditer(text))  # some servers cut the opening mark off
    return text[ended[-1].end() :] if ended else text


def _strictly(text: str) -> object:
    """None: this is no JSON."""
    begin = _OPENED.search(text)
    if begin is None:
        return None
    try:
        found: object = json.loads(text[begin.start() : max(text.rfind("}"), text.rfind("]")) + 1], strict=False)
    except (ValueError, RecursionError):
        return None
    return found


def _records(value: object, whole: str | None) -> Iterator[dict[str, object]]:
    if isinstance(value, list):
        for inner in value:
            if isinstance(inner, Broken) or (isinstance(inner, dict) and len(inner) == 1):
                yield from _records(inner, whole)
            elif isinstance(inner, dict):
                yield inner
    elif isinstance(value, dict):
        wrapped = [] if whole in value else [v for v in value.values() if _holds_objects(v)]
        if isinstance(value, Broken):
            for inner in wrapped:
                yield from _records(inner, whole)
        elif len(wrapped) == 1 and (isinstance(wrapped[0], list) or len(value) == 1):
            yield from _records(wrapped[0], whole)
        else:
            yield value


def _holds_objects(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict) for v in value))

"""Read JSON out of what a model wrote: fences, reasoning, chatter, damages and cut-off tails included."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping

from dataforge.recipes.json_repair import MOST_DEPTH, Broken
from dataforge.recipes.json_repair import read as read_damaged
from dataforge.recipes.latex_escapes import protected

_REASONING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_REASONED = re.compile(r"</(?:think|thinking|reasoning)>[ \t]*\n", re.IGNORECASE)
_OPENED = re.compile(r"[{\[]")
_BEGINS = re.compile(r"\s*+(?:```\w*+\s*+)?[{\[]")


def objects(text: str, *, whole: str | None = None, fields: Collection[str] = ()) -> list[dict[str, object]]:
    """Every complete JSON object that stands in a list, or alone; wrapping objects such as {"pairs": [...]} opened.

    A reply cut in the middle of the fifth object still gives the four before it; see `json_repair` for what else is
    read. An object that has the key `whole` is never opened: the list under that key is a part of it. fields: the names
    that the reply was asked for (`property_names` of its schema).
    """
    text = protected(_once_encoded(_without_reasoning(text)))
    strict = _strictly(text)
    if strict is not None:
        return list(_records(strict, whole))
    made: list[dict[str, object]] = []
    said: set[str] = set()
    for root in read_damaged(text, fields):
        found = list(_records(root, whole))
        keys = [json.dumps(record, sort_keys=True) for record in found]
        made += [record for record, key in zip(found, keys, strict=True) if key not in said]
        said.update(keys)  # a model that begins anew says again what it said before
    return made


def property_names(schema: object) -> frozenset[str]:
    """The names of all properties in a JSON schema, at every depth. Single letters are left out: they stand before a
    colon in ordinary text too often to tell anything."""
    if not isinstance(schema, Mapping):
        return frozenset()
    properties = schema.get("properties")
    inner = dict(properties) if isinstance(properties, Mapping) else {}
    own = frozenset(name for name in inner if len(name) > 1)
    return own.union(*map(property_names, (*inner.values(), schema.get("items"))))


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


def _once_encoded(text: str) -> str:
    """Of JSON that was encoded as a text once more, the JSON."""
    if not text.lstrip().startswith(('"{', '"[')):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, str) else text


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


def _records(value: object, whole: str | None, depth: int = MOST_DEPTH) -> Iterator[dict[str, object]]:
    if depth == 0:
        return
    if isinstance(value, list):
        for inner in value:
            if isinstance(inner, Broken) or (isinstance(inner, dict) and len(inner) == 1):
                yield from _records(inner, whole, depth - 1)
            elif isinstance(inner, dict):
                yield inner
    elif isinstance(value, dict):
        wrapped = [] if whole in value else [v for v in value.values() if _holds_objects(v)]
        if isinstance(value, Broken):
            for inner in wrapped:
                yield from _records(inner, whole, depth - 1)
        elif len(wrapped) == 1 and (isinstance(wrapped[0], list) or len(value) == 1):
            yield from _records(wrapped[0], whole, depth - 1)
        else:
            yield value


def _holds_objects(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict) for v in value))

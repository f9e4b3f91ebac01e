"""Files of a run, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from dataforge.platform import current
from dataforge.store.runs import Run
from dataforge.text.control_tokens import restored_everywhere


def key_of(run: Run, name: str) -> str:
    """A file of the run, e.g. `round-0/plan.jsonl`."""
    return f"{run.files_prefix}/{name}"


def write_json(run: Run, name: str, value: object) -> str:
    key = key_of(run, name)
    current().files.write(key, orjson.dumps(value), content_type="application/json")
    return key


def read_json(run: Run, name: str) -> object | None:
    """None when the file does not exist."""
    try:
        loaded: object = orjson.loads(current().files.read(key_of(run, name)))
    except FileNotFoundError:
        return None
    return loaded


def write_lines(run: Run, name: str, values: Iterable[object]) -> int:
    """JSON lines, in constant memory; how many. values: plain ones, or dataclasses."""
    number = 0

    def lines() -> Iterator[bytes]:
        nonlocal number
        for value in values:
            number += 1
            yield orjson.dumps(value) + b"\n"

    current().files.write_stream(key_of(run, name), lines(), content_type="application/x-ndjson")
    return number


def read_records(run: Run, name: str) -> Iterator[Any]:
    """The lines of a file of records with their texts as they were written by the teacher. The file holds control
    tokens of chat templates escaped, as an export does: callers download it, too."""
    return map(restored_everywhere, read_lines(run, name))


def read_lines(run: Run, name: str) -> Iterator[Any]:
    """What `write_lines` wrote, line by line; nothing when the file does not exist."""
    try:
        file = current().files.open(key_of(run, name))
    except FileNotFoundError:
        return
    with file:
        yield from map(orjson.loads, file)

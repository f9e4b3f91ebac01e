"""The topics of a run, taken from the headings over its chunks, so that every text is judged by the same list.

All topics are headings of one depth: the deepest at which there are no more than two dozen of them and half of the
chunks lie under one. Headings that name no subject ("Introduction") are no topics and do not count for depth.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from dataforge.errors import Invalid
from dataforge.text.headings import names_a_subject, title

LEAST, MOST, LONGEST = 2, 50, 100
"""Labels of a run, and characters of a label."""
_READABLE = 24

Path = tuple[str, ...]


def check(labels: object) -> list[str]:
    """The labels without white space around them. Raises Invalid (field labels)."""
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise Invalid("labels must be a list of texts", field="labels")
    found = [" ".join(label.split()) for label in labels]
    if not LEAST <= len(found) <= MOST:
        raise Invalid(f"labels must hold {LEAST} to {MOST} labels, not {len(found)}", field="labels")
    if not all(0 < len(label) <= LONGEST for label in found):
        raise Invalid(f"labels: each must have 1 to {LONGEST} characters", field="labels")
    if len({folded(label) for label in found}) < len(found):
        raise Invalid("labels: each must stand there once (upper and lower case are the same)", field="labels")
    return found


def folded(label: str) -> str:
    """What two spellings of one label have in common."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split()).strip("\"'“”‘’.,:;*` ")


def match(said: str, labels: Sequence[str]) -> str | None:
    """The label that is meant, however it is quoted or capitalised."""
    return next((label for label in labels if folded(label) == folded(said)), None)


def topics(paths: Iterable[Sequence[str]]) -> list[str]:
    """The labels of a run over chunks with these heading paths; empty when their headings tell no two topics apart."""
    chunks = Counter(_named(path) for path in paths)
    chunks.pop((), None)
    choices: list[list[str]] = []
    for depth in range(1, max(map(len, chunks), default=0) + 1):
        under = [path for path in chunks if len(path) >= depth]
        if 2 * sum(chunks[path] for path in under) < chunks.total():
            break
        names = list({folded(path[depth - 1]): path[depth - 1] for path in sorted(under)}.values())
        if LEAST <= len(names) <= MOST:
            choices.append(names)
    readable = [names for names in choices if len(names) <= _READABLE]
    return readable[-1] if readable else min(choices, key=len, default=[])


def topic_of(path: Sequence[str], labels: Sequence[str]) -> str | None:
    """The label that the headings over a chunk name; None when they name none, or more than one."""
    named = {found for heading in _named(path) if (found := match(heading, labels))}
    return named.pop() if len(named) == 1 else None


def _named(path: Sequence[str]) -> Path:
    names = [title(heading) for heading in path]
    return tuple(n for n in names if 0 < len(n) <= LONGEST and names_a_subject(n))

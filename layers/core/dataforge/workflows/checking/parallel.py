"""The lines of a file, looked at in several processes at once and returned in their order, in bounded memory."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from typing import TypeAlias

from dataforge.training import jsonl
from dataforge.workflows.checking.line_checks import CheckedLine, LineChecker

Numbered: TypeAlias = tuple[int, bytes | None]
BLOCK = 200
"""Lines that a process looks at in one go."""
_WAITING = 3
"""Blocks for each process that are read or finished ahead."""

_checker: LineChecker | None = None


def numbered(chunks: Iterable[bytes]) -> Iterator[Numbered]:
    """The lines that are not blank, each with its number from 1; None is one that is too long."""
    return ((n, line) for n, line in enumerate(jsonl.lines(chunks), start=1) if not jsonl.is_blank(line))


def checked(lines: Iterator[Numbered], checker: LineChecker, processes: int | None = None) -> Iterator[CheckedLine]:
    """processes: by default one for each processor. A file of one block is looked at in this process."""
    processes = processes or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    first = list(islice(lines, BLOCK))
    if processes == 1 or len(first) < BLOCK:
        for number, line in chain(first, lines):
            yield checker.look(number, line)
        return
    # Not forked: this process has threads, those of numpy.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(checker,)) as pool:
        waiting: deque[Future[list[CheckedLine]]] = deque()
        try:
            for block in chain([first], iter(lambda: list(islice(lines, BLOCK)), [])):
                waiting.append(pool.submit(_look, block))
                if len(waiting) >= _WAITING * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin(checker: LineChecker) -> None:
    global _checker
    _checker = checker


def _look(lines: Sequence[Numbered]) -> list[CheckedLine]:
    assert _checker is not None  # noqa: S101 - _begin runs first in every process
    return [_checker.look(number, line) for number, line in lines]

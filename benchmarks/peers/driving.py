"""What all drivers share: read the task, keep the tool on this machine, time it, count what it kept."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers import Task

SYSTEM = "You write training data. Answer with JSON only."
ASK = "Write exactly 1 pair of a question and its answer from this passage.\n<passage>\n{passage}\n</passage>"
FIELDS = ("question", "answer")

outside: list[str] = []


def drive(package: str, make: Callable[[Task], Iterable[Any]]) -> None:
    """make: the tool's own call, from passages to what it would hand its user, one entry per row."""
    task = Task(**json.load(sys.stdin))
    report = os.dup(1)
    os.dup2(2, 1)  # tools talk; the report has the standard output to itself
    os.chdir(task.folder)
    for name in ("httpx", "httpx2"):  # a line for each request, which some tools let through
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.addaudithook(_stay_here)
    began = time.perf_counter()
    rows = list(make(task))
    wall = time.perf_counter() - began
    good = sum(map(whole, rows))
    figures = {
        "package": package,
        "version": version(package),
        "wall": wall,
        "rows": good,
        "malformed": len(rows) - good,
        "outside": sorted(set(outside)),
    }
    os.write(report, (json.dumps(figures) + "\n").encode())
    os._exit(0)  # threads that some tools leave behind are not waited for


def whole(row: Any) -> bool:
    """Whether a row is a question and an answer, as text, as an object or as a list of one."""
    if isinstance(row, str):
        try:
            row = json.loads(row)
        except ValueError:
            return False
    if isinstance(row, dict) and "pairs" in row:
        row = row["pairs"]
    if not isinstance(row, dict):
        row = next(iter(row), None) if hasattr(row, "__iter__") and len(row) else None
    return isinstance(row, dict) and all(isinstance(row.get(f), str) and row[f] for f in FIELDS)


def folder(task: Task, name: str) -> Path:
    path = Path(task.folder) / name
    path.mkdir(exist_ok=True)
    return path


def _stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every look-up and connection but those of this machine."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name not in ("127.0.0.1", "::1", "localhost", "None"):
        outside.append(name)
        raise OSError(f"{name} is not on this machine")

"""One tool over the same passages, from a cold start: ours, whole, or one of `benchmarks.peers`."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from benchmarks import peers
from benchmarks.bed import Bed, bed, passages, project_of
from dataforge_client import DataForge

OURS = "dataforge"
RESUMING = 180
"""Seconds that the second run of a killed tool may take."""


@dataclass(frozen=True)
class Track:
    """What all of them have to do."""

    latency: float = 0.2
    concurrency: int = 32
    calls: int = 200
    faults: tuple[str, ...] = ()
    """Flags of the stub."""


@dataclass(frozen=True)
class Timing:
    """One run of a tool: seconds, and what the stub counted."""

    version: str
    wall: float
    phase: float
    """From the first request that carries a passage to the last reply."""
    calls: int
    rows: int
    malformed: int
    """Rows that were kept though they are no question and answer."""
    most: int
    mean: float
    """Calls in flight."""

    def efficiency(self, track: Track, seconds: float) -> float:
        """Share of the teacher's time that was used: waves of 32 for 200 calls cannot exceed 0.893."""
        return self.calls * track.latency / (track.concurrency * seconds)


def timed(tool: str, track: Track) -> Timing:
    with bed(*track.faults, latency=track.latency, concurrency=track.concurrency) as on:
        if tool == OURS:
            report = _ours(on, track)
        else:
            report = peers.run(tool, _task(on, track))
        counted = on.statistics()
    phase = counted["last"] - counted["first"]
    return Timing(
        report["version"],
        report["wall"],
        phase,
        counted["calls"],
        report["rows"],
        report["malformed"],
        counted["most_in_flight"],
        counted["busy_seconds"] / phase,
    )


def _ours(on: Bed, track: Track) -> dict[str, Any]:
    api = on.serve()
    project = project_of(api, on.folder, track.calls)
    started = time.perf_counter()
    run = start(api, project, track.calls)
    done = api.wait(run, poll=0.05)
    wall = time.perf_counter() - started
    counts = done.counts
    assert counts.asked == counts.delivered + counts.rejected + counts.failed, counts
    return {"version": version("dataforge-server"), "wall": wall, "rows": counts.delivered, "malformed": 0}


def start(api: DataForge, project: str, calls: int, **more: Any) -> str:
    run = api.generate(
        project, model_id="openai:stub", num_pairs=calls, config={"pairs_per_chunk": 1, "verify": "off"}, **more
    )
    return run.generation_id


def _task(on: Bed, track: Track, **more: Any) -> peers.Task:
    return peers.Task(on.stub["url"], passages(track.calls), track.concurrency, str(on.folder), **more)


@dataclass(frozen=True)
class Cut:
    """Requests before and after a SIGKILL, those for a passage that was asked before, and the rows in the end."""

    before: int
    after: int
    twice: int
    rows: int


def killed(tool: str, track: Track) -> Cut:
    """SIGKILL when half of the calls have come, and run again. Raises TimeoutExpired when that does not end."""
    with bed(*track.faults, latency=track.latency, concurrency=track.concurrency) as on:
        if tool == OURS:
            api = on.serve()
            run = start(api, project_of(api, on.folder, track.calls), track.calls)
            assert on.server is not None
            before = _cut(on, track, on.server.pid)
            rows = on.serve().wait(run, poll=0.05).counts.delivered
        else:
            task = _task(on, track, resumable=True)
            with peers.started(tool, task) as child:
                before = _cut(on, track, -child.pid)
            rows = peers.run(tool, task, limit=RESUMING)["rows"]
        counted = on.statistics()
        return Cut(before, counted["calls"] - before, counted["asked_twice"], rows)


def _cut(on: Bed, track: Track, target: int) -> int:
    """target: a process, or less than zero a group of them."""
    while on.statistics()["calls"] < track.calls // 2:
        time.sleep(0.02)
    os.kill(target, signal.SIGKILL)
    time.sleep(3 * track.latency)
    return int(on.statistics()["calls"])


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median, and the smallest and largest behind it."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{middle(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, aligned for a terminal too."""
    widths = [max(len(row[n]) for row in (titles, *rows)) for n in range(len(titles))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(titles), rule, *map(line, rows)])

"""A run walked state by state in this process, on the embedded backend (SQLite and disk) without its runner."""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataforge import platform
from dataforge.workflows import run_states
from tests.support.embedded_platform import Started, embedded_platform


@contextmanager
def temporary_backend() -> Iterator[Started]:
    """An empty embedded backend in a folder that is removed at the end."""
    with tempfile.TemporaryDirectory() as folder, embedded_platform(Path(folder), max_upload_bytes=10**9) as started:
        yield started


@dataclass
class Clock:
    """What each state took over all rounds: seconds, CPU, and the most memory in MB while it ran."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    before: float = field(default_factory=lambda: peak())
    """MB, of the process before the run."""

    def timed(self, name: str, state: Callable[[Any], Any], event: Any) -> Any:
        forget_peak()
        began, cpu = time.perf_counter(), time.process_time()
        try:
            return state(event)
        finally:
            self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - began
            self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu
            self.peaks[name] = max(self.peaks.get(name, 0.0), peak())


Ask = Callable[[Any, Clock], Any]
"""From the output of the plan to the input of the assessment."""


def in_real_time(planned: Any, clock: Clock) -> Any:
    for item in batches(planned):
        clock.timed("generate", run_states.generate_batch, item)
    return planned


def batches(event: Any) -> Any:
    return json.loads(platform.current().files.read(str(event["batches_key"])))


def walk(event: Any, ask: Ask = in_real_time) -> Clock:
    """Every state in order, as the machine would, top-ups too."""
    clock = Clock()
    while True:
        event = clock.timed(
            "assess", run_states.assess_run, ask(clock.timed("plan", run_states.plan_run, event), clock)
        )
        if not event["top_up"]:
            break
    clock.timed("close", run_states.close_run, event)
    return clock


def forget_peak() -> None:
    """Linux counts the peak anew from here; elsewhere a state's peak holds those of the states before it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    with suppress(OSError):
        line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

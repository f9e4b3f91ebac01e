"""A run walked state by state in this process, on the embedded wall (SQLite and disk) without its runner."""

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
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.platform.embedded.publisher import InProcessPublisher
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from dataforge.platform.ports import Execution, Item, Platform
from dataforge.workflows import run_states
from infra import catalog


class Started:
    """A workflows port that only notes what was started."""

    def __init__(self) -> None:
        self.input: Item = {}

    def start(self, machine: str, run_id: str, input: Item) -> None:
        self.input = input

    def describe(self, machine: str, run_id: str) -> Execution | None:
        return None

    def stop(self, machine: str, run_id: str, *, cause: str = "") -> None:
        return None


@contextmanager
def wall() -> Iterator[Started]:
    with tempfile.TemporaryDirectory() as folder:
        files = LocalFiles(Path(folder, "files"), base_url=lambda: "", secret=b"s" * 32, max_upload_bytes=10**9)
        tables, started = SqliteTables(Path(folder, "data.db"), catalog.TABLES), Started()
        platform.use(
            Platform(
                name="embedded",
                tables=tables,
                files=files,
                workflows=started,
                publisher=InProcessPublisher(),
                secrets=EnvironmentSecrets(None),
            )
        )
        yield started
        platform.use(None)
        tables.close()


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
        told = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(told.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

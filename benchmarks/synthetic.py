"""A synthetic job with a scripted teacher of whose records a quarter are bad: `make bench-synthetic`.

The states of the run's machine are walked in this process on the embedded wall (SQLite and disk), without latency, so
the figure is what the engine itself takes: planning, prompts, reading, checks, exact near-duplicates, files, ledger.
Bad records are cut off, empty, or repeat an earlier one; the job tops up to at most 1.25 times what was asked for.
Each size has a process of its own, whose peak memory is told state by state.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dataforge import platform, settings
from dataforge.platform.embedded.disk import DiskFiles
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.embedded.sockets import EmbeddedSockets
from dataforge.platform.embedded.sqlite import SqliteTables
from dataforge.platform.ports import Execution, Item, Platform
from dataforge.records import Answer, Question
from dataforge.store import orgs, runs
from dataforge.teachers import PROVIDERS
from dataforge.teachers.templated import TemplatedTeacher
from dataforge.workflows import states
from dataforge.workflows.synthetic import starting
from infra import catalog

STATES = ("plan", "generate", "assess", "close")


class Notes:
    """A workflows port that only notes what was started."""

    def __init__(self) -> None:
        self.input: Item = {}

    def start(self, machine: str, run_id: str, input: Item) -> None:
        self.input = input

    def describe(self, machine: str, run_id: str) -> Execution | None:
        return None

    def stop(self, machine: str, run_id: str, *, cause: str = "") -> None:
        return None


class Careless(TemplatedTeacher):
    """Spoils that share of its records."""

    def __init__(self, share: float) -> None:
        self._share, self._rng, self._old = share, random.Random(1), []

    async def ask(self, question: Question) -> Answer:
        answer = await super().ask(question)
        if not question.slots or question.kind != "instruction_v1":
            return answer
        made = json.loads(answer.text)
        for record in made["records"]:
            if self._rng.random() < self._share:
                self._spoil(record)
            elif len(self._old) < 50:
                self._old.append(dict(record))
        return Answer(json.dumps(made), answer.model, "stop", answer.input_tokens, answer.output_tokens, 0.0)

    def _spoil(self, record: dict[str, Any]) -> None:
        kind = self._rng.randrange(3)
        if kind == 0:
            record["output"] = "First of all you have to go to the"
        elif kind == 1:
            record["output"] = record["instruction"]
        elif self._old:
            record |= {k: v for k, v in self._rng.choice(self._old).items() if k != "n"}


@contextmanager
def wall() -> Iterator[Notes]:
    with tempfile.TemporaryDirectory() as folder:
        files = DiskFiles(Path(folder, "files"), base_url=lambda: "", secret=b"s" * 32, max_upload_bytes=10**9)
        tables, notes = SqliteTables(Path(folder, "data.db"), catalog.TABLES), Notes()
        platform.use(Platform("embedded", tables, files, notes, EmbeddedSockets(), EnvironmentSecrets(None)))
        yield notes
        platform.use(None)
        tables.close()


def one_job(count: int, share: float) -> dict[str, Any]:
    """A job walked to its end, with seconds, CPU and peak memory by state."""
    PROVIDERS["careless"] = lambda _: Careless(share)
    os.environ["DATAFORGE_SYNTHETIC_TEACHER"] = "careless:model"
    settings.get.cache_clear()
    clock = Clock()
    with wall() as notes:
        org_id, user_id = orgs.create_org("bench")
        request = {"schema": "instruction_v1", "domain": "harbours", "count": count, "model": "fast",
                   "advanced": {"output_split": {"train": 90, "test": 10}}}
        run, event = starting.start(org_id, user_id, request, domain_confirmed=True), notes.input
        while True:
            planned = clock.timed("plan", states.plan_run, event)
            for item in json.loads(platform.current().files.read(str(planned["batches_key"]))):
                clock.timed("generate", states.generate_batch, item)
            event = clock.timed("assess", states.assess_run, planned)
            if not event["top_up"]:
                break
        clock.timed("close", states.close_run, event)
        done = runs.get(org_id, run.run_id)
    assert done.status == "completed", done
    assert done.asked == done.delivered + done.rejected + done.failed, done
    assert done.asked <= 1.25 * count + 1, done
    return {"asked": done.asked, "delivered": done.delivered, "rejected": done.reasons["rejected"],
            "failed": done.failed, "grade": (done.report or {}).get("overall_grade"), **asdict(clock)}


@dataclass
class Clock:
    """What each state took over all rounds: seconds, CPU, and the most memory in MB while it ran."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    before: float = field(default_factory=lambda: peak())
    """MB, of the process before the run."""

    def timed(self, name: str, state: Callable[[Item], Item], event: Item) -> Item:
        forget_peak()
        began, cpu = time.perf_counter(), time.process_time()
        try:
            return state(event)
        finally:
            self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - began
            self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu
            self.peaks[name] = max(self.peaks.get(name, 0.0), peak())


def forget_peak() -> None:
    """Linux counts the peak anew from here; elsewhere a state's peak holds those of the states before it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    with suppress(OSError):
        told = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        return int(told.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def child(count: int, share: float) -> Any:
    command = [sys.executable, "-m", "benchmarks.synthetic", "--child", str(count), "--bad", str(share)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def compare(sizes: list[int], share: float) -> None:
    print(f"{share:.0%} of all records bad, no latency, one process for each size")
    titles = ("records", "asked", "accepted", "wall s", "records/s", "CPU s", *(f"{n} CPU" for n in STATES), "peak MB")
    print("".join(f"{title:>13}" for title in titles))
    peaks = []
    for size in sizes:
        found = child(size, share)
        seconds, cpu = sum(found["wall"].values()), found["cpu"]
        peaks.append(max(found["peaks"].values()))
        cells = (f"{size:,}", f"{found['asked']:,}", f"{found['delivered']:,}", f"{seconds:.1f}",
                 f"{found['asked'] / seconds:,.0f}", f"{sum(cpu.values()):.1f}", *(f"{cpu[n]:.1f}" for n in STATES),
                 f"{peaks[-1]:.0f}")
        print("".join(f"{cell:>13}" for cell in cells), flush=True)
        told = ", ".join(f"{n} {found['peaks'][n]:.0f}" for n in STATES)
        print(f"rejected by reason: {found['rejected']}; failed {found['failed']}; grade {found['grade']}")
        print(f"peak MB of each state: {told} (before the run {found['before']:.0f})")
    print(f"\npeak of the largest / peak of the smallest: {peaks[-1] / peaks[0]:.2f}")
    print(f"python -m benchmarks.synthetic --bad {share} --sizes " + " ".join(map(str, sizes)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--bad", type=float, default=0.25, help="share of bad records")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    told = parser.parse_args()
    os.environ.setdefault("DATAFORGE_LOG_LEVEL", "ERROR")
    if told.child:
        print(json.dumps(one_job(told.child, told.bad)))
    else:
        compare(told.sizes, told.bad)


if __name__ == "__main__":
    main()

"""A synthetic job with a scripted teacher of whose records a quarter are bad: `make bench-synthetic`.

The states of the run's machine are walked in this process on the embedded wall (SQLite and disk), without latency, so
the figure is what the engine itself takes: planning, prompts, reading, checks, exact near-duplicates, files, ledger.
Bad records are cut off, empty, or repeat an earlier one; the job tops up to at most 1.25 times what was asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
from dataforge.store.runs import Run
from dataforge.teachers import PROVIDERS
from dataforge.teachers.templated import TemplatedTeacher
from dataforge.workflows import states
from dataforge.workflows.synthetic import starting
from infra import catalog


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


def one_job(count: int, share: float) -> tuple[Run, float]:
    """The finished run and its seconds."""
    PROVIDERS["careless"] = lambda _: Careless(share)
    os.environ["DATAFORGE_SYNTHETIC_TEACHER"] = "careless:model"
    settings.get.cache_clear()
    with wall() as notes:
        org_id, user_id = orgs.create_org("bench")
        request = {"schema": "instruction_v1", "domain": "harbours", "count": count, "model": "fast",
                   "advanced": {"output_split": {"train": 90, "test": 10}}}
        began = time.perf_counter()
        run, event = starting.start(org_id, user_id, request, domain_confirmed=True), notes.input
        while True:
            planned = states.plan_run(event)
            for item in json.loads(platform.current().files.read(str(planned["batches_key"]))):
                states.generate_batch(item)
            event = states.assess_run(planned)
            if not event["top_up"]:
                break
        states.close_run(event)
        return runs.get(org_id, run.run_id), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--bad", type=float, default=0.25, help="share of bad records")
    told = parser.parse_args()
    run, seconds = one_job(told.count, told.bad)
    assert run.asked == run.delivered + run.rejected + run.failed, run
    assert run.asked <= 1.25 * told.count + 1, run
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{told.count:,} records wanted, {told.bad:.0%} of all records bad, no latency")
    print(f"asked {run.asked:,} = delivered {run.delivered:,} + rejected {run.rejected:,} + failed {run.failed:,}")
    print(f"rejected by reason: {run.reasons['rejected']}; grade {(run.report or {}).get('overall_grade')}")
    print(f"{seconds:.1f} s, {run.asked / seconds:,.0f} records/s, peak memory {peak:,.0f} MB")
    print(f"reproduce: python -m benchmarks.synthetic --count {told.count} --bad {told.bad}")


if __name__ == "__main__":
    main()

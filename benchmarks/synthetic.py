"""A synthetic job with a scripted teacher of whose records a quarter are bad: `make bench-synthetic`.

The states of the run's machine are called in this process on the embedded backend (SQLite and disk), without latency,
so the figure is what the engine itself takes: planning, prompts, reading, checks, exact near-duplicates, files, ledger.
Bad records are cut off, empty, or repeat an earlier one; the job tops up to at most 1.25 times what was asked for.
Each size has a process of its own, whose peak memory is reported state by state.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from benchmarks.walking import temporary_backend, walk
from dataforge import settings
from dataforge.records import Answer, Question
from dataforge.store import organisations, runs
from dataforge.teachers import PROVIDERS
from dataforge.teachers.templated import TemplatedTeacher
from dataforge.workflows.synthetic import starting

STATES = ("plan", "generate", "assess", "close")


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


def one_job(count: int, share: float) -> dict[str, Any]:
    """A job walked to its end, with seconds, CPU and peak memory by state."""
    PROVIDERS["careless"] = lambda _: Careless(share)
    os.environ["DATAFORGE_SYNTHETIC_TEACHER"] = "careless:model"
    settings.get.cache_clear()
    with temporary_backend() as started:
        org_id, user_id = organisations.create("bench")
        request = {
            "schema": "instruction_v1",
            "domain": "harbours",
            "count": count,
            "model": "fast",
            "advanced": {"output_split": {"train": 90, "test": 10}},
        }
        run = starting.start(org_id, user_id, request, domain_confirmed=True)
        clock = walk(started.input)
        done = runs.get(org_id, run.run_id)
    assert done.status == "completed", done
    assert done.asked == done.delivered + done.rejected + done.failed, done
    assert done.asked <= 1.25 * count + 1, done
    return {
        "asked": done.asked,
        "delivered": done.delivered,
        "rejected": done.reasons["rejected"],
        "failed": done.failed,
        "grade": (done.report or {}).get("overall_grade"),
        **asdict(clock),
    }


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
        cells = (
            f"{size:,}",
            f"{found['asked']:,}",
            f"{found['delivered']:,}",
            f"{seconds:.1f}",
            f"{found['asked'] / seconds:,.0f}",
            f"{sum(cpu.values()):.1f}",
            *(f"{cpu[n]:.1f}" for n in STATES),
            f"{peaks[-1]:.0f}",
        )
        print("".join(f"{cell:>13}" for cell in cells), flush=True)
        peaks_by_state = ", ".join(f"{n} {found['peaks'][n]:.0f}" for n in STATES)
        print(f"rejected by reason: {found['rejected']}; failed {found['failed']}; grade {found['grade']}")
        print(f"peak MB of each state: {peaks_by_state} (before the run {found['before']:.0f})")
    print(f"\npeak of the largest / peak of the smallest: {peaks[-1] / peaks[0]:.2f}")
    print(f"python -m benchmarks.synthetic --bad {share} --sizes " + " ".join(map(str, sizes)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--bad", type=float, default=0.25, help="share of bad records")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DATAFORGE_LOG_LEVEL", "ERROR")
    if options.child:
        print(json.dumps(one_job(options.child, options.bad)))
    else:
        compare(options.sizes, options.bad)


if __name__ == "__main__":
    main()

"""What batch mode itself takes, whatever the provider's job takes: `make bench-batch`.

A stand-in of OpenAI's batch API runs in its own process and is done with a job at the second look. The states of the
run's machine are called in one process per size on the embedded backend (SQLite and disk), so the figures are those of
a Lambda function that does the same: the questions written to a file, jobs written and sent, replies collected, read,
assessed. Every fifth request fails once, so that there is a second wave. Peak memory is reported state by state.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from benchmarks import slots
from benchmarks.walking import Clock, batches, temporary_backend, walk
from dataforge.workflows import run_states

PAIRS_A_QUESTION = 2
STATES = ("plan", "park", "submit", "check", "collect", "read", "assess", "close")


@contextmanager
def provider() -> Iterator[str]:
    """The address of a stand-in in its own process."""
    command = [sys.executable, "-m", "benchmarks.batch_jobs", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def serve() -> None:
    from tests.support.batch_servers import Plot, openai_batches

    plot = Plot(line=lambda job, line: {"status": 500} if job == 0 and line % 5 == 0 else None)
    with openai_batches(plot) as made:
        made.steps = ("validating",)
        print(made.url, flush=True)
        time.sleep(3600)


def one_run(questions: int, url: str) -> dict[str, Any]:
    from dataforge import settings
    from dataforge.store import runs
    from dataforge.workflows.generation import starting
    from tests.support.batch_servers import KEY

    os.environ |= {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY}
    settings.get.cache_clear()
    with temporary_backend() as started:
        project = slots.fill(questions * slots.PER_CHUNK)
        run = starting.start(
            project,
            {
                "model_id": "openai:stand-in",
                "num_pairs": questions * PAIRS_A_QUESTION,
                "config": {"mode": "batch", "pairs_per_chunk": PAIRS_A_QUESTION},
            },
        )
        clock = walk(started.input, by_jobs)
        done = runs.get(project.org_id, run.run_id)
    assert done.status == "completed", done
    assert done.asked == done.delivered + done.rejected + done.failed, done
    return {"delivered": done.delivered, **asdict(clock)}


def by_jobs(event: Any, clock: Clock) -> Any:
    """The machine's way from GenerateBatches to AssessRun."""
    from dataforge.workflows.engine.provider_batch import collecting, polling, submitting

    step = "park"
    while True:
        for item in batches(event):
            clock.timed(step, run_states.generate_batch, item)
        event, step = clock.timed("submit", submitting.submit_jobs, event), "read"
        while event["next"] == "wait":
            event = clock.timed("check", polling.check_jobs, event)
        if event["next"] == "collect":
            event = clock.timed("collect", collecting.collect_replies, event)
        elif event["next"] == "assess":
            return event


def child(questions: int) -> Any:
    with provider() as url:
        command = [sys.executable, "-m", "benchmarks.batch_jobs", "--child", str(questions), "--url", url]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def compare(sizes: list[int]) -> None:
    titles = ("questions", "pairs", "seconds", "per s", *(f"{name} s" for name in STATES), "peak MB")
    print("".join(f"{title:>11}" for title in titles))
    peaks = []
    for size in sizes:
        found = child(size)
        seconds = sum(found["wall"].values())
        peaks.append(max(found["peaks"].values()))
        cells = (
            f"{size:,}",
            f"{found['delivered']:,}",
            f"{seconds:.1f}",
            f"{size / seconds:,.0f}",
            *(f"{found['wall'][name]:.1f}" for name in STATES),
            f"{peaks[-1]:.0f}",
        )
        print("".join(f"{cell:>11}" for cell in cells), flush=True)
        print(
            "peak MB of each state: "
            + ", ".join(f"{name} {found['peaks'][name]:.0f}" for name in STATES)
            + f" (before the run {found['before']:.0f})"
        )
    print(f"\npeak of the largest / peak of the smallest: {peaks[-1] / peaks[0]:.2f}")
    print("python -m benchmarks.batch_jobs --sizes " + " ".join(map(str, sizes)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 50_000])
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DATAFORGE_LOG_LEVEL", "ERROR")
    if options.serve:
        serve()
    elif options.child:
        print(json.dumps(one_run(options.child, options.url)))
    else:
        compare(options.sizes)


if __name__ == "__main__":
    main()

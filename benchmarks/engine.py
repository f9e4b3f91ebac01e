"""How much of a teacher's time the run engine uses: `make bench-engine`.

A local stub answers every chat completion after a fixed latency. The whole product runs: server, state machine, worker,
stored replies, assessment. Request-phase efficiency = calls x latency / (concurrency x phase), where the phase lasts
from the first request to the last reply; with 200 calls in waves of 32 at most 0.893 can be reached. Wall efficiency
divides by the seconds from the POST that starts the run to its completion.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataforge_client import DataForge

SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in ("a", "e", "i", "o", "u", "ai", "or", "en")]


@contextmanager
def process(command: list[str], env: dict[str, str] | None = None) -> Iterator[dict[str, str]]:
    """A child that prints one JSON line when it is ready; stopped at the end."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
    assert child.stdout is not None
    try:
        yield json.loads(child.stdout.readline())
    finally:
        child.terminate()
        child.wait(20)


def write_document(path: Path, passages: int, words: int = 200) -> None:
    """One section of made-up words per passage: each becomes one chunk, and no two give the same pair."""
    rng = random.Random(passages)
    sections = []
    for n in range(passages):
        text = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(words)]
        sentences = [" ".join(text[i:i + 12]).capitalize() + "." for i in range(0, words, 12)]
        sections.append(f"# Rule {n}\n\n" + " ".join(sentences))
    path.write_text("\n\n".join(sections), "utf-8")


def one_round(latency: float, concurrency: int, calls: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, process(
        [sys.executable, "-m", "benchmarks.stub", "--latency", str(latency)]
    ) as stub, process(
        [sys.executable, "-m", "infra.local", "--home", f"{folder}/home", "--port", "0"],
        {"OPENAI_BASE_URL": stub["url"], "DATAFORGE_CONCURRENCY": str(concurrency), "DATAFORGE_LOG_LEVEL": "ERROR"},
    ) as server:
        document = Path(folder) / "rules.md"
        write_document(document, calls)
        key = json.loads(Path(server["credentials"]).read_text())["api_key"]
        with DataForge(server["url"], api_key=key, organization_id=server["organization_id"]) as api:
            project = api.create_project("bench").project_id
            api.upload_file(project, document)
            api.wait(api.parse(project).generation_id)
            started = time.perf_counter()
            run = api.generate(project, model_id="openai:stub", num_pairs=calls, config={"pairs_per_chunk": 1})
            done = api.wait(run.generation_id, poll=0.05)
            wall = time.perf_counter() - started
        with urllib.request.urlopen(stub["url"].removesuffix("/v1") + "/stats", timeout=10) as reply:
            books = json.load(reply)
    counts = done.counts
    assert counts.asked == counts.delivered + counts.rejected + counts.failed, counts
    phase = books["last"] - books["first"]
    return {
        "calls": books["calls"], "asked": counts.asked, "delivered": counts.delivered, "phase": phase, "wall": wall,
        "peak": books["most_in_flight"], "mean": books["busy_seconds"] / phase,
        "phase_efficiency": books["calls"] * latency / (concurrency * phase),
        "wall_efficiency": books["calls"] * latency / (concurrency * wall),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds per reply")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    rounds = [one_round(told.latency, told.concurrency, told.calls) for _ in range(told.rounds)]
    print(f"{told.calls} chunks, one call each, {told.latency:g} s latency, concurrency {told.concurrency}, "
          f"{told.rounds} rounds")
    print(f"{'':18}{'median':>10}{'min':>10}{'max':>10}")
    for name in rounds[0]:
        values = [r[name] for r in rounds]
        print(f"{name:18}{statistics.median(values):>10.3f}{min(values):>10.3f}{max(values):>10.3f}")
    print("reproduce: make bench-engine   (or: python -m benchmarks.engine --latency 0.2 --concurrency 32 --calls 200)")


if __name__ == "__main__":
    main()

"""How much of a teacher's time the run engine uses: `make bench-engine`.

A local stub answers every chat completion after a fixed latency. The whole product runs: server, state machine, worker,
stored replies, assessment. Request-phase efficiency = calls x latency / (concurrency x phase), where the phase lasts
from the first request to the last reply; with 200 calls in waves of 32 at most 0.893 can be reached. Wall efficiency
divides by the seconds from the POST that starts the run to its completion.
"""

from __future__ import annotations

import argparse
import statistics
import time

from benchmarks.bed import bed, project_of


def one_round(latency: float, concurrency: int, calls: int) -> dict[str, float]:
    with bed(latency=latency, concurrency=concurrency) as on:
        api = on.serve()
        project = project_of(api, on.folder, calls)
        started = time.perf_counter()
        run = api.generate(project, model_id="openai:stub", num_pairs=calls, config={"pairs_per_chunk": 1})
        done = api.wait(run.generation_id, poll=0.05)
        wall = time.perf_counter() - started
        books = on.books()
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

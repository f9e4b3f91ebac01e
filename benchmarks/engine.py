"""How much of a teacher's time the run engine uses, beside other tools: `make bench-engine`.

A local stub answers every chat completion after a fixed latency. Ours is the whole product: server, state machine,
worker, stored replies, assessment; its wall is the time from the POST that starts the run to its completion. The others
(`benchmarks/peers`) are driven by their own interface, and their wall leaves out their imports. The request phase lasts
from the first request to the last reply. Efficiency = calls x latency / (concurrency x seconds); with 200 calls in
waves of 32 at most 0.893 can be reached. Rounds are interleaved: one of each tool, then the next round.
"""

from __future__ import annotations

import argparse
import os

from benchmarks.race import OURS, Timing, Track, middle, spread, table, timed

ALL = (Track(), Track(concurrency=128), Track(latency=2.0))
TITLES = (
    "tool",
    "version",
    "wall s",
    "phase s",
    "calls",
    "rows",
    "in flight, mean (most)",
    "efficiency wall",
    "efficiency phase",
    "wall / ours",
    "phase / ours",
)


def measure(track: Track, tools: list[str], rounds: int) -> None:
    print(
        f"{track.calls} passages, one call each, {track.latency:g} s latency, concurrency {track.concurrency}, "
        f"{rounds} rounds; load average before {load()}",
        end="",
        flush=True,
    )
    timings: dict[str, list[Timing]] = {tool: [] for tool in tools}
    for _ in range(rounds):
        for tool in tools:
            timings[tool].append(timed(tool, track))
    print(
        f", after {load()}\n" + table(TITLES, [row(tool, track, timings[tool], timings[OURS]) for tool in tools]) + "\n"
    )


def row(tool: str, track: Track, timings: list[Timing], ours: list[Timing]) -> tuple[str, ...]:
    totals, phases = [one.wall for one in timings], [one.phase for one in timings]
    our_total, our_phase = middle([one.wall for one in ours]), middle([one.phase for one in ours])
    flying = f"{middle([one.mean for one in timings]):.1f} ({max(one.most for one in timings)})"
    return (
        tool,
        timings[0].version,
        spread(totals),
        spread(phases),
        f"{middle([one.calls for one in timings]):.0f}",
        f"{min(one.rows for one in timings)}",
        flying,
        f"{middle([one.efficiency(track, one.wall) for one in timings]):.2f}",
        f"{middle([one.efficiency(track, one.phase) for one in timings]):.2f}",
        f"{middle(totals) / our_total:.2f}",
        f"{middle(phases) / our_phase:.2f}",
    )


def load() -> str:
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=Track.latency, help="seconds per reply")
    parser.add_argument("--concurrency", type=int, default=Track.concurrency)
    parser.add_argument("--calls", type=int, default=Track.calls)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--all", action="store_true", help="also concurrency 128, and a latency of 2 s")
    parser.add_argument("--peers", nargs="*", default=[], metavar="PACKAGE", help="tools to run beside ours")
    options = parser.parse_args()
    for track in ALL if options.all else [Track(options.latency, options.concurrency, options.calls)]:
        measure(track, [OURS, *options.peers], options.rounds)
    print('reproduce: make bench-engine   (ARGS="--all" for three settings, PEERS= for ours alone)')


if __name__ == "__main__":
    main()

"""What a run makes of a bad day, beside a good one: `make bench-faults`.

Each by the whole product (server, state machine, workers) against the local stub:

faults   10 % of all requests turned away (429, `Retry-After: 1`), every 15th reply broken, every 40th cut by length,
         every 50th hanging until the time-out, 2 % reset; beside the same run without
kill     the server killed (SIGKILL) when half of the calls are answered, and started again
rate     two runs of two projects at once under one limit of 10 requests a second
budget   a run whose max_cost_usd is half of what it would take
beside   ours and other tools (`--peers`): 10 % turned away and every 15th reply broken; and killed in the middle. No
         request hangs here: not all of the others have a setting for how long to wait
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.bed import bed, project_of
from benchmarks.race import OURS, RESUMING, Track, killed, middle, spread, start, table, timed

LATENCY, CONCURRENCY = 0.2, 32
ROUNDS = 3
RATE = 10
"""Requests a second."""
BAD_DAY = ("--busy", "10", "--broken", "15", "--cut", "40", "--hang", "50", "--reset", "50")


stage = partial(bed, latency=LATENCY, concurrency=CONCURRENCY)


def counts(run: Any) -> str:
    c = run.counts
    assert c.asked == c.delivered + c.rejected + c.failed, c
    return f"asked {c.asked} = delivered {c.delivered} + rejected {c.rejected} + failed {c.failed}"


def faults(calls: int) -> None:
    phases: dict[str, list[float]] = {"good day": [], "bad day": []}
    for name, flags in ROUNDS * (("good day", ()), ("bad day", BAD_DAY)):
        with stage(*flags, DATAFORGE_TEACHER_TIMEOUT="2") as on:
            api = on.serve()
            done = api.wait(start(api, project_of(api, on.folder, calls), calls), poll=0.05)
            counted = on.statistics()
        phases[name].append(counted["last"] - counted["first"])
        print(
            f"faults  {name}: {counts(done)}; {counted['calls']} requests, faults {counted['faults'] or 'none'}, "
            f"request phase {phases[name][-1]:.2f} s"
        )
    good = middle(phases["good day"])
    ratios = [bad / good for bad in phases["bad day"]]
    print(
        f"faults  bad day / good day: x {spread(ratios)} (target: at most 4, and at least {calls - 1} of {calls} "
        "delivered)"
    )


def kill(calls: int) -> None:
    with stage() as on:
        api = on.serve()
        run = start(api, project_of(api, on.folder, calls), calls)
        while on.statistics()["calls"] < calls // 2:
            time.sleep(0.02)
        assert on.server is not None
        on.server.send_signal(signal.SIGKILL)
        time.sleep(3 * LATENCY)
        before = on.statistics()["calls"]
        done = on.serve().wait(run, poll=0.05)
        counted = on.statistics()
    print(
        f"kill    SIGKILL after {before} of {calls} requests: {counts(done)}; {counted['calls'] - before} requests "
        f"after it, {counted['asked_twice']} of them asked before (in flight: at most {CONCURRENCY})"
    )


def rate(calls: int) -> None:
    models = {"models": [{"id": "stub", "name": "Stub", "backends": ["openai:stub"], "requests_per_minute": 60 * RATE}]}
    with stage(DATAFORGE_MODELS=json.dumps(models)) as on:
        api = on.serve()
        projects = [project_of(api, on.folder, calls, name) for name in ("one", "two")]
        both = [start(api, project, calls) for project in projects]
        halfway: list[int] = []
        while True:
            runs = [api.get_generation(r) for r in both]
            if all(r.closed for r in runs):
                break
            if not halfway and on.statistics()["calls"] >= calls:
                halfway = [r.progress_detail.done if r.progress_detail else 0 for r in runs]
            time.sleep(0.2)
        starts = sorted(on.statistics()["starts"])
    most = max(sum(1 for t in starts if at <= t < at + 1) for at in starts)
    print(
        f"rate    two runs, {len(starts)} requests in {starts[-1] - starts[0]:.1f} s = "
        f"{(len(starts) - 1) / (starts[-1] - starts[0]):.2f}/s; in any one second at most {most} (limit {RATE}, "
        f"target {RATE * 1.1:g}); progress when half was asked: {halfway}"
    )


def budget(calls: int) -> None:
    price = {"input": 1.0, "output": 4.0}
    models = {"models": [{"id": "stub", "name": "Stub", "backends": ["openai:stub"], "price": price}]}
    with stage(DATAFORGE_MODELS=json.dumps(models)) as on:
        api = on.serve()
        project = project_of(api, on.folder, calls)
        whole = api.wait(start(api, project, calls), poll=0.05)
        other = project_of(api, on.folder, calls, "again")
        limit = round((whole.cost_usd or 0) / 2, 6)
        done = api.wait(start(api, other, calls, max_cost_usd=limit), poll=0.05)
        one = (whole.cost_usd or 0) / calls
    print(
        f"budget  max_cost_usd {limit:.6f} of {whole.cost_usd:.6f}: spent {done.cost_usd:.6f} = x "
        f"{(done.cost_usd or 0) / limit:.3f} (a call costs {one:.6f}); {counts(done)}; status {done.status}"
    )


def beside(calls: int, tools: list[str]) -> None:
    track = Track(LATENCY, CONCURRENCY, calls)
    bad_day = replace(track, faults=("--busy", "10", "--broken", "15"))
    rows = []
    for tool in tools:
        day = timed(tool, bad_day)
        try:
            cut = killed(tool, track)
            after = (str(cut.before), str(cut.after), str(cut.twice), f"{cut.rows} of {calls}")
        except subprocess.TimeoutExpired:
            after = ("", "", "", f"no end in {RESUMING} s")
        except RuntimeError as problem:
            print(f"beside  {tool}, started again: {problem}")
            after = ("", "", "", "failed")
        rows.append(
            (
                tool,
                day.version,
                f"{day.rows} of {calls}",
                str(day.malformed),
                str(day.calls),
                f"{day.phase:.1f}",
                *after,
            )
        )
    print(
        table(
            (
                "tool",
                "version",
                "good rows",
                "bad rows",
                "requests",
                "phase s",
                "killed after",
                "requests then",
                "asked twice",
                "rows then",
            ),
            rows,
        )
    )


PARTS: dict[str, Callable[[int], None]] = {"faults": faults, "kill": kill, "rate": rate, "budget": budget}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*PARTS, "beside"]))
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--peers", nargs="*", default=[], metavar="PACKAGE", help="tools to run beside ours")
    options = parser.parse_args()
    for name in options.parts or [*PARTS, "beside"]:
        if name == "beside":
            beside(options.calls, [OURS, *options.peers])
        else:
            PARTS[name](60 if name == "rate" else options.calls)
    print("reproduce: make bench-faults   (PEERS= for ours alone; or: python -m benchmarks.faults kill --calls 200)")


if __name__ == "__main__":
    main()

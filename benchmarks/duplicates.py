"""Exact near-duplicate search over made-up question-answer pairs: `make bench-duplicates`.

Every tenth pair repeats an earlier one with a small change; the table says how many pairs were found and what it cost.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import time

from dataforge.quality.duplicates import near_duplicates

SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


def texts(count: int) -> list[str]:
    rng = random.Random(count)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(20_000)]
    made: list[str] = []
    for n in range(count):
        if n % 10 == 9:
            made.append(rng.choice(made) + " " + rng.choice(words))
        else:
            made.append(" ".join(rng.choices(words, k=rng.randint(12, 60))))
    return made


def measure(count: int) -> None:
    pairs = texts(count)
    began, cpu = time.perf_counter(), time.process_time()
    found = near_duplicates(pairs)
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count:>10,}{len(found):>10,}{used:>10.2f}{wall:>10.2f}{peak:>12.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 50_000, 100_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one)
        return
    print(f"{'pairs':>10}{'repeats':>10}{'CPU s':>10}{'wall s':>10}{'peak MiB':>12}", flush=True)
    for size in options.sizes:
        subprocess.run([sys.executable, "-m", "benchmarks.duplicates", "--one", str(size)], check=True)
    print("reproduce: make bench-duplicates")


if __name__ == "__main__":
    main()

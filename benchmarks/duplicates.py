"""Exact near-duplicate search beside datasketch's MinHash LSH: `make bench-duplicates`.

`DATA=path` takes a real set: JSON (a list) or JSON lines, objects whose texts are joined (Alpaca's instruction, input
and output). Without it the texts have the lengths of Alpaca's 52,002 records, words of the example handbook in an order
that the handbook has too, and one in fifty repeats an earlier one with up to a third of its words replaced, so that
many are close to the threshold on either side. Both tools see the same normalised trigrams and keep the first of
records that are alike; recall and precision of datasketch are those of the records that it calls repeats, against the
exact set.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.race import table
from dataforge.quality.duplicates import near_duplicates

ALPACA = 52_002
HANDBOOK = Path(__file__).parents[1] / "examples" / "handbook_source"


def made(count: int) -> Iterator[str]:
    rng = random.Random(count)
    words = re.findall(r"[^\s|#*`]+", " ".join(path.read_text() for path in sorted(HANDBOOK.glob("*.md"))))
    after: dict[str, list[str]] = {}
    for word, following in pairwise(words):
        after.setdefault(word, []).append(following)

    def run(characters: float) -> str:
        chosen = [rng.choice(words)]
        size = len(chosen[0])
        while size < characters:
            chosen.append(rng.choice(after.get(chosen[-1], words) if rng.random() < 0.7 else words))
            size += len(chosen[-1]) + 1
        return " ".join(chosen)

    earlier: list[str] = []
    for n in range(count):
        if n % 50 == 49:
            share = rng.uniform(0, 0.33)
            text = " ".join(w if rng.random() > share else rng.choice(words) for w in rng.choice(earlier).split(" "))
        else:
            parts = [run(min(300, rng.lognormvariate(4.0, 0.4)))]
            parts += [run(min(2500, rng.lognormvariate(4.0, 0.9)))] if rng.random() < 0.4 else []
            text = "\n".join([*parts, run(min(4000, rng.lognormvariate(5.0, 1.1)))])
        if len(earlier) < 5000:
            earlier.append(text)
        yield text


def real(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        is_list = file.read(1) == "["
        file.seek(0)
        for record in json.load(file) if is_list else map(json.loads, file):
            yield "\n".join(value for value in record.values() if isinstance(value, str) and value)


def ours(path: Path) -> dict[str, Any]:
    with path.open() as file:
        texts = [json.loads(line) for line in file]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    found = near_duplicates(texts)
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "repeats": [d.index for d in found],
        "cpu": used,
        "wall": wall,
        "peak": peak / 1024,
        "more": (peak - before) / 1024,
    }


def datasketch(path: Path) -> dict[str, Any]:
    command = [str(peers.python("datasketch")), "-m", "benchmarks.peers.datasketch_lsh", str(path)]
    environment = {"PYTHONPATH": str(peers.ROOT / "layers" / "core")}
    output = subprocess.run(command, cwd=peers.ROOT, env=environment, check=True, stdout=subprocess.PIPE).stdout
    report: dict[str, Any] = json.loads(output)
    return report


def alone(path: Path) -> dict[str, Any]:
    """Ours, in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.duplicates", "--one", str(path)]
    report: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return report


def measure(name: str, texts: Iterator[str], rounds: int, *, beside: bool) -> list[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        path, count = Path(folder) / "texts.jsonl", 0
        with path.open("w") as file:
            for text in texts:
                file.write(json.dumps(text) + "\n")
                count += 1
        exact = min((alone(path) for _ in range(rounds)), key=lambda report: report["cpu"])
        rows = [line(f"{name}, {count:,}", "this one", exact, exact)]
        if beside:
            other = min((datasketch(path) for _ in range(rounds)), key=lambda report: report["cpu"])
            rows.append(line("", f"datasketch {other['version']}", other, exact))
    return rows


def line(name: str, tool: str, report: dict[str, Any], exact: dict[str, Any]) -> tuple[str, ...]:
    said, true = set(report["repeats"]), set(exact["repeats"])
    return (
        name,
        tool,
        f"{len(said):,}",
        f"{report['cpu']:.2f}",
        f"{report['cpu'] / exact['cpu']:.1f}",
        f"{report['wall']:.2f}",
        f"{report['peak']:.0f} ({report['more']:.0f})",
        f"{len(said & true) / len(true):.3f}" if true else "-",
        f"{len(said & true) / len(said):.3f}" if said else "-",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a real set")
    parser.add_argument("--sizes", type=int, nargs="*", default=[ALPACA, 100_000])
    parser.add_argument("--million", action="store_true", help="1,000,000 records too, without datasketch")
    parser.add_argument("--rounds", type=int, default=2, help="the quickest of so many is shown")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(ours(options.one)))
        return
    titles = ("records", "tool", "repeats", "CPU s", "/ ours", "wall s", "peak MiB (more)", "recall", "precision")
    rows: list[tuple[str, ...]] = []
    if options.data:
        rows += measure(options.data.name, real(options.data), options.rounds, beside=True)
    for size in options.sizes if not options.data else ():
        rows += measure("like Alpaca", made(size), options.rounds, beside=True)
    if options.million:
        rows += measure("like Alpaca", made(1_000_000), 1, beside=False)
    print(table(titles, rows))
    print("reproduce: make bench-duplicates (DATA=path takes a real set, ARGS=--million a large one)")


if __name__ == "__main__":
    main()

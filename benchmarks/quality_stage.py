"""The quality stage alone: every check of a record and the search for repeats, records per second and peak memory.

    python -m benchmarks.quality_stage [SIZE ...] [--without-sources]

The records are made of the example handbook: each has a passage of it as its source, a question with words of another
section, and an answer of one of the passage's sentences in which some words are replaced, so that few are alike. They
are checked as `dataforge check` does it. Peak memory is the operating system's: of the process that compares, and of
the largest of those that look at records.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SIZES = (10_000, 100_000)


def write(path: Path, count: int, *, with_sources: bool) -> None:
    from dataforge.text.sentences import sentences
    from dataforge.workflows.checking import source_files

    rng = random.Random(7)
    files = sorted((ROOT / "examples/handbook").iterdir())
    passages = source_files.load([(file, file.name) for file in files]).passages
    said = [[s.text for s in sentences(p.text) if len(s.text.split()) > 5] or [p.text] for p in passages]
    vocabulary = sorted({word for texts in said for text in texts for word in text.split() if word.isalpha()})
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            at = number % len(passages)
            words = rng.choice(said[at]).split()[:40]
            for place in rng.sample(range(len(words)), k=len(words) // 2):
                words[place] = rng.choice(vocabulary)
            asked = " ".join(rng.sample(vocabulary, k=8))
            line: dict[str, object] = {
                "question": f"What is said about {asked}?",
                "answer": f"{' '.join(words).rstrip('.')}.",
            }
            if with_sources:
                line |= {"passage": passages[at].text, "headings": list(passages[at].headings)}
            out.write(json.dumps(line) + "\n")


def measure(path: Path) -> dict[str, float]:
    """Of a process that does nothing else."""
    from dataforge.workflows.checking.checking import CheckRequest, check_file

    started = time.perf_counter()
    report = check_file(CheckRequest(path))
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "records": report["lines"],
        "repeats": report["rejected_by_check"].get("near_duplicate", 0),
        "seconds": time.perf_counter() - started,
        "cpu": sum(r.ru_utime + r.ru_stime for r in (own, others)),
        "own_mb": own.ru_maxrss / 1024,
        "largest_mb": others.ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--without-sources", action="store_true", help="only the checks that need no passage")
    asked = parser.parse_args()
    print("| records | repeats | wall s | records/s | CPU ms a record | peak MB, comparing | peak MB, looking |")
    print("|---|---|---|---|---|---|---|")
    for size in asked.sizes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "records.jsonl")
            write(file, size, with_sources=not asked.without_sources)
            found = _in_child(file)
        rate, each = found["records"] / found["seconds"], 1000 * found["cpu"] / found["records"]
        print(
            f"| {found['records']:,} | {found['repeats']:,} | {found['seconds']:.0f} | {rate:,.0f} | {each:.1f} "
            f"| {found['own_mb']:.0f} | {found['largest_mb']:.0f} |",
            flush=True,
        )


def _in_child(file: Path) -> dict[str, float]:
    """Its peak memory is that of nothing else."""
    code = "import json, sys; from pathlib import Path; from benchmarks.quality_stage import measure; "
    code += "print(json.dumps(measure(Path(sys.argv[1]))))"
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()

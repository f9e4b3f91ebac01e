"""Documents per second through the isolated parser and the chunker: `make bench-parsing [CORPUS=folder]`.

CPU seconds are those of the children (parsing) and of this process (chunking); wall includes starting each child.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections import defaultdict
from pathlib import Path

from dataforge import chunking, tokens
from dataforge.errors import Unreadable
from dataforge.parsing.isolate import parse_isolated

KINDS = (".pdf", ".docx", ".md", ".txt", ".html", ".csv")


def cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("examples/handbook"))
    options = parser.parse_args()
    tokens.count("load the ranks first")
    rows: dict[str, list[float]] = defaultdict(lambda: [0.0] * 7)
    for path in sorted(p for p in options.folder.rglob("*") if p.suffix in KINDS):
        row, began, child = rows[path.suffix], time.perf_counter(), cpu(resource.RUSAGE_CHILDREN)
        row[0] += 1
        try:
            parsed = parse_isolated(path, filename=path.name)
        except Unreadable:
            row[1] += 1
            continue
        finally:
            row[4] += time.perf_counter() - began
            row[5] += cpu(resource.RUSAGE_CHILDREN) - child
        began_chunks = cpu(resource.RUSAGE_SELF)
        chunks = chunking.chunk(parsed)
        row[6] += cpu(resource.RUSAGE_SELF) - began_chunks
        row[2] += parsed.pages or 0
        row[3] += len(chunks)
    print(
        f"{'kind':8}{'files':>7}{'unread':>8}{'pages':>8}{'chunks':>8}{'wall s':>9}{'child cpu':>11}{'chunk cpu':>11}"
        f"{'pages/s':>10}"
    )
    for kind, (files, unread, pages, chunks_made, wall, child_cpu, chunk_cpu) in rows.items():
        rate = f"{pages / child_cpu:.0f}" if pages and child_cpu else "-"
        print(
            f"{kind:8}{files:>7.0f}{unread:>8.0f}{pages:>8.0f}{chunks_made:>8.0f}{wall:>9.2f}{child_cpu:>11.2f}"
            f"{chunk_cpu:>11.2f}{rate:>10}"
        )
    print(f"reproduce: python -m benchmarks.parsing {options.folder}")


if __name__ == "__main__":
    main()

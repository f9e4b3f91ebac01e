"""datasketch's MinHash LSH over the texts of a file, in order: a text that finds a kept one is a repeat.

It runs in datasketch's own environment. What is timed is what the tool needs, trigrams included; its import is not.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path


def main(path: str) -> None:
    from datasketch import MinHash, MinHashLSH

    from dataforge.text.normal_forms import normalise

    with Path(path).open() as file:
        texts = [json.loads(line) for line in file]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    kept = MinHashLSH(threshold=0.7, num_perm=128)
    repeats = []
    for index, text in enumerate(map(normalise, texts)):
        sketch = MinHash(num_perm=128)
        sketch.update_batch([g.encode() for g in {text[i : i + 3] for i in range(max(1, len(text) - 2))}])
        if kept.query(sketch):
            repeats.append(index)
        else:
            kept.insert(str(index), sketch)
    used, wall = time.process_time() - cpu, time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = {"repeats": repeats, "cpu": used, "wall": wall, "peak": peak / 1024, "more": (peak - before) / 1024}
    print(json.dumps({**report, "version": version("datasketch")}))


if __name__ == "__main__":
    main(sys.argv[1])

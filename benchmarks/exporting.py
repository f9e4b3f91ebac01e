"""Exporting a project: records per second and peak memory, `make bench-export`.

Each size is exported by a process of its own that opens a data folder filled before; its peak memory is the operating
system's, less what the process holds before it begins. Every line is read back and counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def plug(home: Path) -> Any:
    from dataforge import platform
    from dataforge_infra.local.platform import build

    def never(*_: Any) -> Any:
        raise RuntimeError("nothing runs here")

    platform.use(build(home, base_url=lambda: "http://127.0.0.1", invoke=never))
    return platform.current()


def fill(home: Path, count: int) -> dict[str, str]:
    from dataforge.store import organisations, projects
    from tests.support import many_pairs

    plug(home)
    org_id, user_id = organisations.create("bench")
    project = projects.create(org_id, user_id, name="p", description="", source_type="documents", config={})
    many_pairs.fill(project, many_pairs.Shape(count, words=80, accepted=1.0))
    return {"org_id": org_id, "project_id": project.project_id}


def export(home: Path, org_id: str, project_id: str) -> dict[str, float]:
    from dataforge.store import projects
    from dataforge.workflows.exporting import export as exporting_export

    backend = plug(home)
    project = projects.get(org_id, project_id)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, cpu = time.perf_counter(), time.process_time()
    made = exporting_export.export(project)
    spent, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = sum(part.count(b"\n") for part in backend.files.stream(made.s3_key))
    assert lines == made.pair_count
    return {
        "records": lines,
        "seconds": spent,
        "cpu": cpu,
        "before_kb": before,
        "peak_kb": peak,
        "bytes": made.file_size,
    }


def child(*arguments: str) -> Any:
    command = [sys.executable, "-m", "benchmarks.exporting", *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--fill", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DATAFORGE_LOG_LEVEL", "ERROR")
    if options.child:
        print(json.dumps(export(Path(options.child[0]), options.child[1], options.child[2])))
    elif options.fill:
        print(json.dumps(fill(Path(options.fill[0]), int(options.fill[1]))))
    else:
        compare(options.sizes)


def compare(sizes: list[int]) -> None:
    titles = ("pairs", "records", "seconds", "CPU s", "records/s", "MB written", "peak MB", "grown by MB")
    print("".join(f"{title:>12}" for title in titles))
    peaks = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            ids = child("--fill", folder, str(size))  # elsewhere: a child would inherit this process's peak
            found = child("--child", folder, ids["org_id"], ids["project_id"])
        peaks.append(found["peak_kb"])
        cells = (
            f"{size:,}",
            f"{found['records']:,}",
            f"{found['seconds']:.2f}",
            f"{found['cpu']:.2f}",
            f"{found['records'] / found['seconds']:,.0f}",
            f"{found['bytes'] / 1e6:.1f}",
            f"{found['peak_kb'] / 1024:.1f}",
            f"{(found['peak_kb'] - found['before_kb']) / 1024:.1f}",
        )
        print("".join(f"{cell:>12}" for cell in cells), flush=True)
    print(f"\npeak of the largest / peak of the smallest: {peaks[-1] / peaks[0]:.2f}")
    print("python -m benchmarks.exporting --sizes " + " ".join(map(str, sizes)))


if __name__ == "__main__":
    main()

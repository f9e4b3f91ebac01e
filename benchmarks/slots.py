"""What the engine itself takes, without any latency: `make bench-slots`.

A scripted teacher answers at once; the states of the run's machine are called in one process per size on the embedded
backend (SQLite and disk): plan, every batch, assessment, top-up, close. A twentieth of the records repeats an earlier
one, so that there is something to top up. Peak memory is that of the process, reported state by state.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from benchmarks.bed import SYLLABLES
from benchmarks.walking import temporary_backend, walk

PER_CHUNK = 5
STATES = ("plan", "generate", "assess", "close")
CHUNKS_PER_DOCUMENT = 200


class Scripted:
    """Answers from the passage at once; every twentieth record is one it wrote before."""

    def __init__(self) -> None:
        from dataforge.teachers.ports import Capabilities

        self.name, self.can = "stub:model", Capabilities(json_schema=True)
        self._old: list[dict[str, Any]] = []
        self._rng = random.Random(1)

    async def ask(self, question: Any) -> Any:
        from dataforge.records import Answer

        words = question.passage.content.split()
        step = len(words) // len(question.slots)
        made = [self._record(words[n * step : (n + 1) * step]) for n in range(len(question.slots))]
        text = json.dumps({"pairs": made})
        return Answer(text, "scripted", "stop", 900, len(text) // 4, 0.0)

    def _record(self, words: list[str]) -> dict[str, Any]:
        if self._old and self._rng.random() < 0.05:
            return self._rng.choice(self._old)
        quote = " ".join(words)
        made = {
            "question": f"What do the rules say about {' '.join(words[1:5])}?",
            "answer": quote,
            "question_type": "factual",
            "difficulty": "easy",
            "evidence": [quote],
        }
        if len(self._old) < 50:
            self._old.append(made)
        return made

    async def close(self) -> None:
        return None


def fill(count: int) -> Any:
    """A project with as many chunks as the pairs need, stored as a parse stores them."""
    from dataforge import clock, ids
    from dataforge.store import documents, organisations, projects
    from dataforge.store.documents import Document

    org_id, user_id = organisations.create("bench")
    project = projects.create(org_id, user_id, name="p", description="", source_type="documents", config={})
    rng, left = random.Random(count), -(-count // PER_CHUNK)
    while left:
        here = min(left, CHUNKS_PER_DOCUMENT)
        left -= here
        document = Document(
            project.project_id,
            ids.new("doc"),
            "rules.md",
            "text/markdown",
            1,
            "key",
            clock.now(),
            parsing_status="parsing",
        )
        documents.add(project, document)
        rows = list(_chunks(project.project_id, document.document_id, here, rng))
        documents.replace_chunks(org_id, document, rows, {"parsing_status": "parsed"})
    return projects.get(org_id, project.project_id)


def _chunks(project_id: str, document_id: str, count: int, rng: random.Random) -> Iterator[Any]:
    from dataforge import clock, ids
    from dataforge.store.chunks import StoredChunk

    start = 0
    for n in range(count):
        words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(20 * PER_CHUNK)]
        text = " ".join(" ".join(words[i : i + 20]).capitalize() + "." for i in range(0, len(words), 20))
        yield StoredChunk(
            project_id,
            ids.chunk_id(document_id, n),
            document_id,
            text,
            [f"Rule {n}"],
            n,
            "text",
            len(text) // 4,
            start,
            start + len(text),
            clock.now(),
        )
        start += len(text) + 2


def one_run(count: int) -> dict[str, Any]:
    from dataforge import settings
    from dataforge.store import runs
    from dataforge.teachers import PROVIDERS
    from dataforge.workflows.generation import starting

    teacher = Scripted()
    PROVIDERS["stub"] = lambda _: teacher
    settings.get.cache_clear()
    with temporary_backend() as started:
        project = fill(count)
        run = starting.start(project, {"model_id": "stub:model", "num_pairs": count})
        clock = walk(started.input)
        done = runs.get(project.org_id, run.run_id)
    assert done.status == "completed", done
    assert done.asked == done.delivered + done.rejected + done.failed, done
    return {
        "asked": done.asked,
        "delivered": done.delivered,
        "rejected": done.rejected,
        "failed": done.failed,
        **asdict(clock),
    }


def child(count: int) -> Any:
    command = [sys.executable, "-m", "benchmarks.slots", "--child", str(count)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def compare(sizes: list[int]) -> None:
    titles = (
        "pairs",
        "asked",
        "delivered",
        "rejected",
        "seconds",
        "slots/s",
        *(f"{name} s" for name in STATES),
        "peak MB",
    )
    print("".join(f"{title:>11}" for title in titles))
    peaks = []
    for size in sizes:
        found = child(size)
        seconds = sum(found["wall"].values())
        peaks.append(max(found["peaks"].values()))
        cells = (
            f"{size:,}",
            f"{found['asked']:,}",
            f"{found['delivered']:,}",
            f"{found['rejected']:,}",
            f"{seconds:.1f}",
            f"{found['asked'] / seconds:,.0f}",
            *(f"{found['wall'][name]:.1f}" for name in STATES),
            f"{peaks[-1]:.0f}",
        )
        print("".join(f"{cell:>11}" for cell in cells), flush=True)
        print(
            "peak MB of each state: "
            + ", ".join(f"{name} {found['peaks'][name]:.0f}" for name in STATES)
            + f" (before the run {found['before']:.0f})"
        )
    print(f"\npeak of the largest / peak of the smallest: {peaks[-1] / peaks[0]:.2f}")
    print("python -m benchmarks.slots --sizes " + " ".join(map(str, sizes)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DATAFORGE_LOG_LEVEL", "ERROR")
    if options.child:
        print(json.dumps(one_run(options.child)))
    else:
        compare(options.sizes)


if __name__ == "__main__":
    main()

"""Are the checks worth their price? A small model learns what a careless teacher wrote, and what the checks keep of it.

The offline teacher writes good pairs over the example handbook. A careless teacher writes the same pairs again, and
100 of them a second time in other words with a spoiled answer: a number changed, two names exchanged, the answer of
another question, half of it invented. A real run of the product looks at all of them. Then the small model of
`docs/small-model.md` is trained, at equal steps and from the same base, on everything, on what the run delivered, on
what it accepted (delivered without a flag) and on the good pairs only. What counts: exact answers to questions in a
wording that stands in no training set. `make bench-value`; the training needs torch.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import spoiling
from benchmarks.walking import temporary_backend, walk
from dataforge import clock, ids, parsing, settings
from dataforge.chunking import chunk
from dataforge.records import Answer, Question
from dataforge.store import documents, organisations, projects, runs
from dataforge.store.chunks import StoredChunk
from dataforge.store.documents import Document
from dataforge.store.projects import Project
from dataforge.teachers import PROVIDERS
from dataforge.teachers.ports import Capabilities
from dataforge.workflows import run_files
from dataforge.workflows.generation import starting

ROOT = Path(__file__).parents[1]
HANDBOOK = ROOT / "examples/handbook"
GOOD, SPOILED = 150, 100
SAID_AGAIN = ("A new colleague asks: {}", "Quick question: {}", "For my notes: {}", "{} I need it for a customer.")
"""The wordings in which spoiled answers are given."""
ASKED_LATER = ("Can you tell me: {}", "{} Thank you.", "Please answer: {}", "I would like to know: {}")
"""Those of the test; no training set has them."""
ARMS = ("everything", "delivered", "accepted", "good only")


@dataclass(frozen=True, slots=True)
class Written:
    """What the careless teacher writes about one passage. spoiled: how; empty: it is good."""

    question: str
    answer: str
    evidence: tuple[str, ...]
    spoiled: str = ""


class Careless:
    """Writes what stands in its script for the passage, slot by slot; nothing when that is used up."""

    def __init__(self, script: dict[str, list[Written]]) -> None:
        self.name, self.can = "careless:model", Capabilities(json_schema=True, offline=True)
        self._script = script

    async def ask(self, question: Question) -> Answer:
        lines = self._script.get(question.passage.content, [])
        made = [
            {
                "question": w.question,
                "answer": w.answer,
                "question_type": "factual",
                "difficulty": "easy",
                "evidence": list(w.evidence),
            }
            for slot in question.slots
            if slot.ordinal < len(lines) and (w := lines[slot.ordinal])
        ]
        return Answer(json.dumps({"pairs": made}), self.name, "stop", 900, 300, 0.0)

    async def close(self) -> None:
        return None


def datasets(folder: Path, seed: int) -> None:
    """What each arm trains on, the questions of the test and the passages, as JSON in the folder."""
    settings.get.cache_clear()
    with temporary_backend() as started:
        project = read_handbook()
        good = list(delivered(project, started, {"model_id": "extractive", "num_pairs": GOOD, "seed": 1}))
        passages = {line["chunk_id"]: line["passage"] for line in good}
        script = written(good, random.Random(seed))
        PROVIDERS["careless"] = lambda _: Careless(script)
        careful = read_handbook()
        most = max(map(len, script.values()))
        config = {"model_id": "careless:model", "pairs_per_chunk": most, "verify": "off"}
        lines = list(delivered(careful, started, config, rejected=True))
    spoiled = {(w.question, w.answer): w.spoiled for lines_ in script.values() for w in lines_}
    kept = [x for x in lines if not x.get("reasons")]
    arms = {
        "everything": [(w.question, w.answer) for lines_ in script.values() for w in lines_],
        "delivered": [(x["question"], x["answer"]) for x in kept],
        "accepted": [(x["question"], x["answer"]) for x in kept if not x["flags"]],
        "good only": [(x["question"], x["answer"]) for x in good],
    }
    asked = [(ASKED_LATER[n % len(ASKED_LATER)].format(x["question"]), x["answer"]) for n, x in enumerate(good)]
    texts = list(dict.fromkeys(passages.values()))
    (folder / "data.json").write_text(json.dumps({"arms": arms, "asked": asked, "texts": texts}), "utf-8")
    _print_shares(spoiled, arms)


def _print_shares(spoiled: dict[tuple[str, str], str], arms: dict[str, list[tuple[str, str]]]) -> None:
    kinds = Counter(spoiled.values())
    print("| of the teacher's pairs | written | delivered | accepted |\n|---|---|---|---|")
    for kind, count in sorted(kinds.items()):
        cells = (sum(spoiled.get(pair) == kind for pair in map(tuple, arms[arm])) for arm in ("delivered", "accepted"))
        print(f"| {kind or 'good'} | {count} | {' | '.join(map(str, cells))} |", flush=True)


def read_handbook() -> Project:
    """A project with the chunks of the example handbook, stored as a parse stores them."""
    org_id, user_id = organisations.create("bench")
    project = projects.create(org_id, user_id, name="p", description="", source_type="documents", config={})
    for path in sorted(HANDBOOK.iterdir()):
        parsed = parsing.parse(path.read_bytes(), filename=path.name)
        document = Document(
            project.project_id,
            ids.new("doc"),
            path.name,
            "text/markdown",
            path.stat().st_size,
            "key",
            clock.now(),
            parsing_status="parsing",
        )
        documents.add(project, document)
        rows = [
            StoredChunk(
                project.project_id,
                ids.chunk_id(document.document_id, n),
                document.document_id,
                c.content,
                list(c.heading_path),
                n,
                c.content_type,
                c.tokens,
                c.start,
                c.end,
                clock.now(),
            )
            for n, c in enumerate(chunk(parsed, max_tokens=512))
        ]
        documents.replace_chunks(org_id, document, rows, {"parsing_status": "parsed"})
    return projects.get(org_id, project.project_id)


def delivered(project: Project, started: Any, config: dict[str, Any], *, rejected: bool = False) -> Iterator[Any]:
    """The records of a run over the project, each with its passage."""
    from dataforge.store import chunks

    run = starting.start(project, config)
    walk(started.input)
    done = runs.get(project.org_id, run.run_id)
    assert done.status == "completed", done
    texts = {c.chunk_id: c.content for c in chunks.of_project(project.project_id)}
    for name in ("records.jsonl", "rejected.jsonl") if rejected else ("records.jsonl",):
        for line in run_files.read_records(done, name):
            yield {**line, "passage": texts[line["chunk_id"]]}


def written(good: Sequence[Any], rng: random.Random) -> dict[str, list[Written]]:
    """The good pairs, and some of them once more with a spoiled answer, by passage."""
    script: dict[str, list[Written]] = {}
    for x in good:
        quotes = tuple(span["text"] for span in x["evidence"])
        script.setdefault(x["passage"], []).append(Written(x["question"], x["answer"], quotes))
    kinds = list(spoiling.SPOILERS)
    order = list(range(len(good)))
    rng.shuffle(order)
    made = 0
    for n in order:
        x, kind = good[n], kinds[made % len(kinds)]
        answer = spoiling.SPOILERS[kind](x, good, rng)
        if answer is None or answer == x["answer"]:
            continue
        question = SAID_AGAIN[made % len(SAID_AGAIN)].format(x["question"])
        quotes = tuple(span["text"] for span in x["evidence"])
        script[x["passage"]].append(Written(question, answer, quotes, kind))
        made += 1
        if made == SPOILED:
            break
    for lines in script.values():
        rng.shuffle(lines)
    return script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--python", type=Path, default=ROOT / ".tools/training/bin/python", help="with torch")
    parser.add_argument("--data-only", action="store_true", help="what the checks keep, without training")
    chosen = parser.parse_args()
    os.environ.setdefault("DATAFORGE_LOG_LEVEL", "ERROR")
    rows: list[dict[str, int]] = []
    for seed in chosen.seeds:
        with tempfile.TemporaryDirectory() as place:
            datasets(Path(place), seed)
            if chosen.data_only:
                continue
            command = [str(chosen.python), "-m", "benchmarks.training.value", place, "--seed", str(seed)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            print(f"seed {seed}: {rows[-1]}", flush=True)
    if rows:
        _print_result(rows)


def _print_result(rows: list[dict[str, int]]) -> None:
    print(f"\n| trained on | {' | '.join(f'seed {n}' for n in range(len(rows)))} | mean | of the gap |")
    print("|---" * (len(rows) + 3) + "|")
    means = {arm: sum(row[arm] for row in rows) / len(rows) for arm in ARMS}
    gap = means["good only"] - means["everything"]
    for arm in ARMS:
        share = f"{(means[arm] - means['everything']) / gap:.0%}" if gap else "-"
        print(f"| {arm} | {' | '.join(str(row[arm]) for row in rows)} | {means[arm]:.1f} | {share} |")
    print(f"\nexact answers to {GOOD} reworded questions; python -m benchmarks.value")


if __name__ == "__main__":
    main()

"""Repeats and contradictions in a run over documents: by their facts, over blocks, rounds, runs and languages."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataforge import clock, ids
from dataforge.records import Question
from dataforge.store import documents, pairs, runs
from dataforge.store.chunks import StoredChunk
from dataforge.store.documents import Document
from dataforge.store.projects import Project
from dataforge.workflows import run_files, run_states
from dataforge.workflows.engine import rounds
from tests.support.document_runs import batches, begin, teach, walk

WINES = Path(__file__).parents[3] / "support" / "wines.csv"
Record = tuple[str, str, str]
"""Question, answer and evidence."""


def put(project: Project, document_id: str, passages: Sequence[str]) -> list[str]:
    document = Document(
        project.project_id, document_id, f"{document_id}.md", "text/markdown", 1, "k", clock.now(),
        parsing_status="parsing",
    )  # fmt: skip
    documents.add(project, document)
    rows = [
        StoredChunk(
            project.project_id, f"chunk_{document_id[4:]}_{n:06d}", document_id, text, ["Part"], n, "paragraph", 2000,
            0, len(text), clock.now(),
        )
        for n, text in enumerate(passages)
    ]  # fmt: skip
    documents.replace_chunks(project.org_id, document, rows, {"parsing_status": "parsed"})
    return [row.chunk_id for row in rows]


def writes(facts: Callable[[str], Sequence[Record]]) -> Callable[[Question], str]:
    """A teacher that writes the facts of a passage in their order."""

    def reply(question: Question) -> str:
        known = facts(question.passage.content)
        chosen = [known[s.ordinal % len(known)] for s in question.slots]
        return json.dumps({"pairs": [{"question": q, "answer": a, "evidence": [e]} for q, a, e in chosen]})

    return reply


def lines(run: runs.Run, name: str = "records.jsonl") -> list[dict[str, object]]:
    return list(run_files.read_lines(run, name))


def checks(line: dict[str, object]) -> list[str]:
    found = line["flags"]
    assert isinstance(found, list)
    return [f["check"] for f in found]


def test_a_table_of_a_hundred_rows_keeps_its_facts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with WINES.open(newline="") as file:
        rows = list(csv.DictReader(file))
    facts = {
        f"| {' | '.join(row.values())} |": (
            (f"Which country does {row['name']} come from?", f"{row['name']} comes from {row['country']}."),
            (f"Which grape variety is {row['name']} made from?", f"{row['name']} is made from {row['variety']}."),
        )
        for row in rows
    }
    tables = [
        "\n".join(["| name | country | food | notes | variety |", *list(facts)[n : n + 10]]) for n in range(0, 100, 10)
    ]
    chunk_ids = put(project, "doc_7", tables)
    teach(monkeypatch, writes(lambda text: [(q, a, row) for row in facts if row in text for q, a in facts[row]]))

    run = walk(project, num_pairs=200, chunk_ids=chunk_ids, config={"pairs_per_chunk": 20})

    repeats = [line for line in lines(run, "rejected.jsonl") if line["reasons"] == ["near_duplicate"]]
    flagged = [line for line in lines(run) if {"contradicts", "reworded_repeat"} & set(checks(line))]
    assert run.delivered + run.rejected >= 200
    assert len({line["question"] for line in lines(run)}) == run.delivered > 150
    assert repeats == []
    assert flagged == []


LABELS = "Labels of parcels are kept for 90 days in the cellar."
SHORTER = "Since May the labels of parcels are kept for 60 days in the cellar."
ASKED = "How long are labels of parcels kept?"


def one_fact(text: str) -> list[Record]:
    days = "90" if "90" in text else "60"
    return [(ASKED, f"Labels of parcels are kept for {days} days.", text)]


def flag_details(line: dict[str, object]) -> list[str]:
    found = line["flags"]
    assert isinstance(found, list)
    return [f["detail"] for f in found if f["check"] == "contradicts"]


def test_a_contradiction_is_flagged_on_both_records_of_a_round(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk_ids = put(project, "doc_8", [LABELS, SHORTER])
    teach(monkeypatch, writes(one_fact))

    run = walk(project, num_pairs=2, chunk_ids=chunk_ids, config={"auto_accept_min_quality": 0.0})

    one, other = lines(run)
    assert flag_details(one) == [
        f"{ids.pair_id(project.project_id, run.run_id, 1)} answers the same question otherwise"
    ]
    assert flag_details(other) == [
        f"{ids.pair_id(project.project_id, run.run_id, 0)} answers the same question otherwise"
    ]
    assert (run.delivered, run.flagged) == (2, 2)
    assert {p.status for p in pairs.walk(project.project_id)} == {"pending"}


def test_a_contradiction_is_flagged_on_a_record_of_an_earlier_block_and_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_chunk, second_chunk = put(project, "doc_8", [LABELS, SHORTER])
    teach(monkeypatch, writes(one_fact))
    first = walk(project, num_pairs=1, chunk_ids=[first_chunk])

    second = walk(project, num_pairs=1, chunk_ids=[second_chunk])

    old, new = (ids.pair_id(project.project_id, run.run_id, 0) for run in (first, second))
    assert flag_details(lines(second)[0]) == [f"{old} answers the same question otherwise"]
    assert [f["detail"] for f in pairs.get(project.project_id, old).flags if f["check"] == "contradicts"] == [
        f"{new} answers the same question otherwise"
    ]


def test_a_contradiction_over_blocks_survives_a_second_execution_of_the_state(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_blocks = rounds.outcomes_in_blocks

    def one_by_one(*of: Any) -> tuple[int, Iterator[list[Any]]]:
        first, blocks = whole_blocks(*of)
        return first, ([outcome] for block in blocks for outcome in block)

    monkeypatch.setattr(rounds, "outcomes_in_blocks", one_by_one)
    chunk_ids = put(project, "doc_8", [LABELS, SHORTER])
    teach(monkeypatch, writes(one_fact))
    run, planned = begin(project, num_pairs=2, chunk_ids=chunk_ids, config={"auto_accept_min_quality": 0.0})
    for batch in batches(planned):
        run_states.generate_batch(batch)
    counts = rounds.count_round
    monkeypatch.setattr(rounds, "count_round", fails)
    with pytest.raises(ConnectionError):
        run_states.assess_run(planned)
    monkeypatch.setattr(rounds, "count_round", counts)

    run_states.assess_run(planned)

    after = runs.get(run.org_id, run.run_id)
    assert [len(flag_details(line)) for line in lines(after)] == [1, 1]
    assert (after.delivered, after.flagged) == (2, 2)
    earlier = pairs.get(project.project_id, ids.pair_id(project.project_id, run.run_id, 0))
    assert [f["check"] for f in earlier.flags].count("contradicts") == 1
    assert earlier.status == "pending"


def fails(*_: object, **__: object) -> runs.Run:
    raise ConnectionError("the machine stops here")


def test_a_light_repeat_and_the_same_in_another_language_are_told_apart(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    german = "Der Versand kostet 4,90 Euro, ab 60 Euro Warenwert ist er kostenlos."
    french = "La livraison coûte 4,90 euros, elle est gratuite à partir de 60 euros d'achat."
    facts = {
        german: [
            ("Ab wann ist der Versand kostenlos?", "Der Versand ist ab 60 Euro kostenlos.", german),
            ("Ab wann ist denn der Versand kostenlos?", "Der Versand ist ab 60 Euro kostenlos.", german),
        ],
        french: [("À partir de quand la livraison est-elle gratuite ?", "Elle est gratuite dès 60 euros.", french)],
    }
    chunk_ids = put(project, "doc_8", [german, french])
    teach(monkeypatch, writes(lambda text: facts[text]))

    run = walk(project, num_pairs=4, chunk_ids=chunk_ids, config={"pairs_per_chunk": 2})

    assert [check for line in lines(run) for check in checks(line) if check == "translated_repeat"] == [
        "translated_repeat"
    ]
    assert run.reasons is not None
    rejected = run.reasons["rejected"]
    assert isinstance(rejected, dict)
    assert rejected["near_duplicate"] >= 2

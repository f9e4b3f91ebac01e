"""The page about a run over documents, and what it gathers while the files of the run are read anyway."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from dataforge.quality.html_report import Chart, Example, Fact, Note, Page, Row, Table, tenths
from dataforge.quality.report_examples import Examples, shown
from dataforge.store import chunks
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.generation import lineage
from dataforge.workflows.reporting import run_pages

SCORE = "By the probability that a careful reviewer would accept them, as the checks estimate it."
MOST_ROWS = 200
"""Documents, or sections, of a table."""


@dataclass(slots=True)
class Seen:
    """Of the records that went by: examples, and how many each passage brought."""

    examples: Examples[Example] = field(default_factory=Examples)
    per_chunk: Counter[str] = field(default_factory=Counter)
    flagged: int = 0
    scores: array[float] = field(default_factory=lambda: array("f"))

    def good(self, lines: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The same lines of records.jsonl."""
        for line in lines:
            flags = line.get("flags") or []
            self.flagged += bool(flags)
            self.scores.append(line["quality_score"])
            self.per_chunk[str(line["chunk_id"])] += 1
            for flag in flags:
                self.examples.count("flagged", str(flag["check"]), partial(_example, line, flag))
            if not flags:
                self.examples.sample(partial(_example, line))
            yield line

    def bad(self, lines: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The same lines of rejected.jsonl. A record counts for its first reason, as in the run."""
        for line in lines:
            for reason in (line.get("reasons") or [])[:1]:
                self.examples.count("rejected", str(reason), partial(_example, line))
            yield line


def _example(line: Mapping[str, Any], flag: Mapping[str, Any] | None = None) -> Example:
    return run_pages.example(line["question"], line["answer"], line, cast(Any, flag))


def write(run: Run, report: Mapping[str, Any], seen: Seen, planned: set[str]) -> None:
    """planned: the chunks that were asked about."""
    run_pages.write(run, lambda: _page(run, report, seen, planned))


def _page(run: Run, report: Mapping[str, Any], seen: Seen, planned: set[str]) -> Page:
    run_pages.note_failures(run, seen.examples)
    names = _document_names(run)
    return Page(
        title=f"Quality report of run {run.run_id}",
        lead=f"{run.delivered:,} of {run.requested:,} records were delivered; {seen.flagged:,} of them are doubtful, "
        f"{run.rejected:,} were rejected and {run.failed:,} failed.",
        made=run_pages.made(),
        facts=[*run_pages.facts(run, str(run.teacher.get("id") or run.config.get("model_id") or "")), *_facts(report)],
        outcomes=run_pages.outcomes(run, seen.flagged),
        groups=run_pages.groups(run, seen.examples),
        samples=seen.examples.samples,
        charts=[Chart("Scores of the delivered records", tenths(seen.scores), SCORE)],
        tables=coverage(run.project_id, seen.per_chunk, names, planned),
        notes=[_take_back(run)],
    )


def _facts(report: Mapping[str, Any]) -> Iterator[Fact]:
    for name, label, says in (
        ("avg_quality_score", "Mean score", "1 is best"),
        ("diversity_score", "Diversity", "how far a record stands from its nearest neighbour; 1 is best"),
        ("near_dup_rate", "Repetitions", "share of the written records that said the same as another"),
    ):
        if report.get(name) is not None:
            yield Fact(label, f"{report[name]:.3f}", says)


def _document_names(run: Run) -> dict[str, str]:
    """As they were when the run was planned."""
    kept = run_files.read_json(run, lineage.SOURCES_FILE)
    return {key: str(d.get("name") or key) for key, d in kept.items()} if isinstance(kept, dict) else {}


def coverage(
    project_id: str, per_chunk: Counter[str], names: Mapping[str, str], planned: Collection[str] | None = None
) -> list[Table]:
    """Passages, passages used, records: by document, then by section. planned: the passages that count; None: all."""
    documents, sections = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    used, of_sections = Counter[str](), Counter[str]()
    for chunk_id, document_id, heading in chunks.headings(project_id):
        if planned is not None and chunk_id not in planned:
            continue
        name, made = names.get(document_id, document_id), per_chunk[chunk_id]
        section = f"{name}: {heading}" if heading else name
        for counts, reached, row in ((documents, used, name), (sections, of_sections, section)):
            counts[row, "planned"] += 1
            counts[row, "used"] += bool(made)
            reached[row] += made
    asked = " that were asked about" if planned is not None else ""
    says = f"Passages{asked}, those that brought a record, and these records."
    return [
        _table("Coverage by document", says, documents, used),
        _table("Coverage by section", "", sections, of_sections),
    ]


def _table(title: str, says: str, counts: Counter[tuple[str, str]], records: Counter[str]) -> Table:
    names = sorted(records, key=lambda name: (-counts[name, "planned"], name))
    rows: list[Row] = [[shown(n), counts[n, "planned"], counts[n, "used"], records[n]] for n in names[:MOST_ROWS]]
    if len(names) > MOST_ROWS:
        says = f"{says} The {MOST_ROWS} largest of {len(names):,}.".strip()
    return Table(title, ("", "passages", "used", "records"), rows, says)


def _take_back(run: Run) -> Note:
    return Note(
        "How to get rejected records back",
        "Nothing is lost: rejected records are in the project, with their checks, and in a file of the run. Reset "
        "those that are right, and they are reviewed like all others.",
        (
            f"dataforge records {run.run_id} --outcome rejected --out rejected.jsonl",
            f"dataforge pairs {run.project_id} --status rejected",
            f"dataforge bulk {run.project_id} reset PAIR_ID",
        ),
    )

"""The page about an export: what is in the file, what was left out, and how to get that."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from dataforge.quality.html_report import Chart, Example, Fact, Note, Outcome, Page, ReasonGroup, tenths
from dataforge.quality.report_examples import Examples, shown
from dataforge.store import documents as document_store
from dataforge.store.exports import Export
from dataforge.store.pairs import Pair
from dataforge.store.projects import Project
from dataforge.workflows.reporting import documents, run_pages

LEFT_OUT = {
    "flagged": "doubtful pairs",
    "duplicates": "pairs that repeat another one",
    "below_min_quality": "pairs below the least score",
}


@dataclass(slots=True)
class Seen:
    """Of the pairs that are written."""

    examples: Examples[Example] = field(default_factory=Examples)
    per_chunk: Counter[str] = field(default_factory=Counter)
    scores: array[float] = field(default_factory=lambda: array("f"))

    def pairs(self, written: Iterator[Pair]) -> Iterator[Pair]:
        """The same pairs."""
        for pair in written:
            self.scores.append(pair.quality_score)
            self.per_chunk[pair.chunk_id] += 1
            for flag in pair.flags:
                detail = str(flag.get("detail") or "")
                self.examples.count("flagged", str(flag["check"]), partial(_example, pair, detail))
            if not pair.flags:
                self.examples.sample(partial(_example, pair))
            yield pair


def _example(pair: Pair, detail: str = "") -> Example:
    return Example(
        shown(pair.question), shown(pair.answer), where=pair.pair_id, detail=shown(detail), score=pair.quality_score
    )


def key_of(export: Export) -> str:
    """Beside the file."""
    return f"{export.s3_key.rpartition('/')[0]}/{run_pages.REPORT_PAGE}"


def write(project: Project, export: Export, seen: Seen) -> None:
    run_pages.write_to(key_of(export), lambda: _page(project, export, seen))


def _page(project: Project, export: Export, seen: Seen) -> Page:
    left = {name: int(str(count)) for name, count in export.left_out.items() if count}
    names = {d.document_id: d.name for d in document_store.of_project(project.project_id)}
    left_out = ", ".join(f"{count:,} {LEFT_OUT.get(name, name)}" for name, count in left.items())
    return Page(
        title=f"Dataset {shown(project.name, 120)}, version {export.version}",
        lead=f"{export.pair_count:,} approved pairs; {f'{left_out} were left out' if left else 'none was left out'}.",
        made=run_pages.made(),
        facts=(
            Fact("Format", export.format, f"{export.file_size:,} bytes"),
            Fact("Made", export.created_at),
            Fact("Least score", "none" if export.min_quality_score is None else f"{export.min_quality_score:g}"),
            Fact("Control tokens", f"{export.escaped_count:,} pairs", "hold marks of a chat template, written escaped"),
            Fact("Project", project.project_id),
        ),
        outcomes=(
            Outcome(
                "clean", export.pair_count - export.flagged_count, "Approved; nothing speaks against them.", "good"
            ),
            Outcome("flagged", export.flagged_count, "Doubtful to a check, and approved by a person.", "doubt"),
            Outcome("left out", sum(left.values()), "Approved, but not in this file.", "lost"),
        ),
        groups=[
            ReasonGroup("Doubtful pairs that a person approved", "doubt", run_pages.reasons("flagged", seen.examples))
        ],
        samples=seen.examples.samples,
        charts=[Chart("Scores of the pairs", tenths(seen.scores), documents.SCORE)],
        tables=documents.coverage(project.project_id, seen.per_chunk, names),
        notes=[
            Note(
                "How to get what is not in the file",
                "Only approved pairs are exported. Reset rejected ones that are right, approve them, and export again; "
                "a version never changes.",
                (
                    f"dataforge pairs {project.project_id} --status rejected",
                    f"dataforge bulk {project.project_id} reset PAIR_ID",
                    f"dataforge export {project.project_id} --out dataset.jsonl",
                ),
            )
        ],
    )

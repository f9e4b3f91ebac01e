"""The page about a dataset that was made from a description."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

from dataforge.platform.ports import Item
from dataforge.quality.html_report import Chart, Example, Fact, Note, Page, tenths
from dataforge.quality.report_examples import Examples, shown
from dataforge.recipes.synthetic.shapes import Shape
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.reporting import run_pages
from dataforge.workflows.synthetic import config as synthetic_config

MOST_REJECTED_READ = 2000
"""Lines of rejected.jsonl that examples are taken from."""


@dataclass(slots=True)
class Seen:
    """Of the accepted records that went by."""

    shape: Shape
    examples: Examples[Example] = field(default_factory=Examples)
    by_category: dict[str, int] = field(default_factory=dict)
    scores: array[float] = field(default_factory=lambda: array("f"))
    """Of the judge, of ten."""
    flagged: int = 0

    def good(self, record: Mapping[str, Any], category: str | None) -> None:
        if (judged := (record.get("quality") or {}).get("overall")) is not None:
            self.scores.append(judged)
        flags: list[Item] = record.get("flags") or []
        self.flagged += bool(flags)
        if category:
            self.by_category[category] = self.by_category.get(category, 0) + 1
        for flag in flags:
            self.examples.count("flagged", str(flag["check"]), partial(self.example, record, flag))
        if not flags:
            self.examples.sample(partial(self.example, record))

    def example(self, record: Mapping[str, Any], finding: Item | None = None) -> Example:
        payload = record["payload"]
        details = "; ".join(str(one) for one in record.get("details") or ())
        made = run_pages.example(self.shape.asked(payload), self.shape.answered(payload), record, finding)
        return replace(made, detail=shown(made.detail or details))


def write(run: Run, report: Mapping[str, Any], seen: Seen) -> None:
    run_pages.write(run, lambda: _page(run, report, seen))


def _page(run: Run, report: Mapping[str, Any], seen: Seen) -> Page:
    _note_rejected(run, seen)
    run_pages.note_failures(run, seen.examples)
    config = synthetic_config.of(run)
    domain = str(config.request.get("domain") or config.request.get("schema") or "")
    return Page(
        title=f"Quality report: {shown(domain, 120)}",
        lead=f"Grade {report['overall_grade']}: {run.delivered:,} of {config.count:,} records were accepted, "
        f"{run.rejected:,} rejected and {run.failed:,} failed.",
        made=run_pages.made(),
        facts=[*run_pages.facts(run, config.model), *_facts(report)],
        outcomes=run_pages.outcomes(run, seen.flagged),
        groups=run_pages.groups(run, seen.examples),
        samples=seen.examples.samples,
        charts=[
            Chart("Scores of the judge, of ten", tenths(score / 10 for score in seen.scores)),
            Chart("Records by category", dict(sorted(seen.by_category.items(), key=lambda kv: -kv[1])[:12])),
        ],
        notes=[
            Note(
                "How to get rejected records back",
                "Rejected and failed records are kept with their reasons, in files of the job; a request names them.",
                (f"GET /v1/synthetic/jobs/{run.run_id}/outcomes",),
            )
        ],
    )


def _facts(report: Mapping[str, Any]) -> Iterator[Fact]:
    yield Fact("Grade", str(report["overall_grade"]), "the median of the letters of the rubric")
    for name, label, says in (
        ("pass_rate", "Pass rate", "share of the written records that were accepted"),
        ("diversity_score", "Diversity", "how far a record stands from its nearest neighbour; 1 is best"),
        ("mean_judge_score", "Mean of the judge", "of ten"),
    ):
        if report.get(name) is not None:
            yield Fact(label, f"{report[name]:.2f}", says)


def _note_rejected(run: Run, seen: Seen) -> None:
    for record in islice(run_files.read_records(run, "rejected.jsonl"), MOST_REJECTED_READ):
        for reason in (record.get("reasons") or [])[:1]:
            seen.examples.count("rejected", str(reason), partial(seen.example, record))

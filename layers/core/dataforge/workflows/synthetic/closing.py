"""The last state of a synthetic run: results, splits, report, manifest, the settled ledger, the final status."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

import orjson

from dataforge import clock
from dataforge.formats.columns import Columns
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.quality import grades
from dataforge.recipes.synthetic import lines, pricing
from dataforge.recipes.synthetic.asking import SHAPES
from dataforge.recipes.synthetic.planning import split
from dataforge.recipes.synthetic.shapes import Shape
from dataforge.recipes.synthetic.spec import Spec
from dataforge.store import ledger, runs
from dataforge.store.runs import Run
from dataforge.text.control_tokens import escaped_everywhere
from dataforge.workflows import run_files
from dataforge.workflows.engine import closing, recovery
from dataforge.workflows.reporting import synthetic as synthetic_pages
from dataforge.workflows.reporting.synthetic import Seen
from dataforge.workflows.synthetic import config as synthetic_config
from dataforge.workflows.synthetic.config import spec_of
from dataforge.workflows.synthetic.planning import promised

RESULTS, REPORT, MANIFEST = "results.jsonl", "quality_report.json", "manifest.json"
NDJSON = "application/x-ndjson"


@dataclass(slots=True)
class Written:
    """A file of lines while it is written."""

    key: str
    records: int = 0
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def pass_through(self, given: Iterator[bytes]) -> Iterator[bytes]:
        for one in given:
            self.records += 1
            self.size += len(one)
            self.digest.update(one)
            yield one

    def facts(self) -> Item:
        return {"key": self.key, "bytes": self.size, "sha256": self.digest.hexdigest(), "records": self.records}


@dataclass(slots=True)
class Measures:
    """What report and manifest need of the accepted records, gathered while they pass by, a few bytes of each."""

    seen: Seen
    """For the page about the job."""
    lengths: array[int] = field(default_factory=lambda: array("I"))
    judged: array[float] = field(default_factory=lambda: array("d"))
    teachers: dict[str, int] = field(default_factory=dict)
    columns: Columns = field(default_factory=Columns)
    escaped: int = 0
    """Records with control tokens of a chat template."""


def close(run: Run, error: str | None) -> Run:
    """Files, report, manifest, the settled ledger, the final status; a poor grade never fails a run.

    Safe to repeat: files are written whole, the ledger settles once.
    """
    run = closing.begin_closing(run, error)
    spec = spec_of(run)
    measures = Measures(Seen(SHAPES[spec.schema]))
    files = _write_results(run, spec, measures)
    stop_reason = _stop_reason(run)
    report = _report(run, spec, measures) | ({"stop_reason": stop_reason} if stop_reason else {})
    run_files.write_json(run, REPORT, report)
    synthetic_pages.write(run, report, measures.seen)
    charge = _settle(run)
    _write_manifest(run, spec, report, files, measures)
    values: Item = {
        "results": {"files": cast(Item, files), "charge": charge, "teachers": {**measures.teachers}},
        "report": cast(Item, report),
        "stop_reason": stop_reason,
    }
    return closing.finish(
        run, error, values, nothing_delivered="No record was accepted", nothing_asked="Nothing was asked for"
    )


def give_up(run: Run, error: str) -> Run:
    """As `engine.recovery.give_up`: without results, but what was accepted is charged and the rest is released."""
    if run.status not in runs.FINISHED:
        _settle(run)
        spec = spec_of(run)
        _write_manifest(run, spec, None, {}, Measures(Seen(SHAPES[spec.schema])))
    return recovery.give_up(run, error)


def _stop_reason(run: Run) -> str | None:
    """The budget that kept it from delivering the whole count."""
    reached = closing.stop_reason(run)
    limited = run.requested < synthetic_config.of(run).count and run.delivered >= run.requested
    return reached or ("budget_reached" if limited else None)


def _settle(run: Run) -> int:
    """Charge for what was delivered, once; micro-dollars."""
    config = synthetic_config.of(run)
    charge = config.record_price * run.delivered
    ledger.settle(run.org_id, run.run_id, amount=charge, units=config.record_units * run.delivered)
    return charge


def _write_results(run: Run, spec: Spec, measures: Measures) -> dict[str, Item]:
    """results.jsonl and a file for each split: name to facts."""
    if not run.delivered:
        return {}
    whole = Written(run_files.key_of(run, RESULTS))
    current().files.write_stream(whole.key, whole.pass_through(_lines(run, spec, measures)), content_type=NDJSON)
    files = {"results": whole.facts()}
    for name, places in split(whole.records, spec.output_split, run.run_id).items():
        part = Written(run_files.key_of(run, f"splits/{name}.jsonl"))
        current().files.write_stream(part.key, part.pass_through(_chosen(whole.key, places)), content_type=NDJSON)
        files[f"splits/{name}"] = part.facts()
    return files


@dataclass(frozen=True, slots=True)
class _Accepted:
    """The accepted records in slot order, read anew each time. One more may stand in the file, of a round whose
    assessment died before it was counted."""

    run: Run

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return islice(run_files.read_records(self.run, "records.jsonl"), self.run.delivered)


@dataclass(frozen=True, slots=True)
class _Texts:
    """What records are compared by, read anew each time."""

    records: Iterable[dict[str, Any]]
    shape: Shape

    def __iter__(self) -> Iterator[str]:
        return (self.shape.compared(record["payload"]) for record in self.records)


def _lines(run: Run, spec: Spec, measures: Measures) -> Iterator[bytes]:
    shape = SHAPES[spec.schema]
    slots = promised(run, run.assessed_round + 1)  # in the same order as the records, some of which it lacks
    for number, record in enumerate(_Accepted(run), 1):
        slot = next(s for s in slots if s.index == record["slot"])
        place = {
            "category": slot.category,
            "technique": slot.technique,
            "difficulty": slot.difficulty,
            "coverage": slot.coverage,
        }
        measures.lengths.append(len(shape.answered(record["payload"])))
        measures.teachers[record["teacher"]] = measures.teachers.get(record["teacher"], 0) + 1
        if spec.verified:
            measures.judged.append(record["quality"]["overall"])
        measures.seen.good(record, slot.category)
        written = lines.line(spec, record, place, number=number, job_id=run.run_id)
        line = escaped_everywhere(written)
        measures.escaped += line != written
        measures.columns.see(line)
        yield orjson.dumps(line) + b"\n"


def _chosen(key: str, places: Iterable[int]) -> Iterator[bytes]:
    """places: ascending."""
    waiting = iter(places)
    wanted = next(waiting, None)
    with current().files.open(key) as file:
        for at, one in enumerate(file):
            if at == wanted:
                yield one
                wanted = next(waiting, None)


def _report(run: Run, spec: Spec, measures: Measures) -> dict[str, object]:
    rejected = cast("dict[str, int]", run.reasons.get("rejected") or {})
    return grades.quality_report(
        accepted=run.delivered,
        rejected=rejected,
        texts=_Texts(_Accepted(run), SHAPES[spec.schema]),
        answers=measures.lengths,
        judge_scores=measures.judged if spec.verified else None,
        tier=synthetic_config.of(run).tier,
    )


def _write_manifest(
    run: Run, spec: Spec, report: dict[str, object] | None, files: dict[str, Item], measures: Measures
) -> None:
    config = synthetic_config.of(run)
    run_files.write_json(
        run,
        MANIFEST,
        {
            "job_id": run.run_id,
            "schema": spec.schema,
            "domain": spec.domain,
            "count_requested": config.count,
            "count_accepted": run.delivered,
            "count_rejected": run.rejected,
            "count_failed": run.failed,
            "count_with_escaped_control_tokens": measures.escaped,
            "quality_report": report,
            "license": config.request.get("license"),
            "created_at": run.created_at,
            "completed_at": clock.now(),
            "parameters": config.request,
            "models": {
                "requested": config.model,
                "generator": config.model_id,
                "critic": config.critic,
                "judge": config.judge,
                "answered": measures.teachers,
            },
            "splits": {name: files[f"splits/{name}"]["records"] for name, _ in spec.output_split if files},
            "files": files,
            "features": measures.columns.features(),
            "pricing": {
                "currency": "USD",
                "price_per_1000": pricing.dollars(config.record_price * 1000),
                "cost_usd": pricing.dollars(config.record_price * run.delivered),
            },
        },
    )

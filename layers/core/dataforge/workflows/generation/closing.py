"""The last state of every run, reached from every path: final status, results, report."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from dataforge.platform.ports import Item
from dataforge.quality import report as quality_report
from dataforge.quality.report import Tally
from dataforge.recipes import RECIPES, drafts
from dataforge.store import run_status, runs
from dataforge.store.runs import Run
from dataforge.workflows import lifecycle, run_files, state_input
from dataforge.workflows.documents import parsing
from dataforge.workflows.engine import rounds
from dataforge.workflows.engine.provider_batch import polling
from dataforge.workflows.generation import calls, planning
from dataforge.workflows.generation.scoring import kind_of

logger = logging.getLogger(__name__)


def record_failure(raw: Item) -> Item:
    """The Catch of a Map child, of either kind of run."""
    e = state_input.read(raw)
    if e.kind == "parse":
        return parsing.record_failure(raw)
    recorded = rounds.record_failure(raw)
    try:
        return {**recorded, "made": calls.salvage(raw)}
    except Exception:  # what killed the batch may kill this too; then its slots are failed ones
        logger.exception("nothing can be saved of batch %s of %s", e.batch, e.run_id)
        return recorded


def close_run(raw: Item) -> Item:
    """Safe to repeat; a run that is closed stays as it is."""
    e = state_input.read(raw)
    run = lifecycle.run_of(e)
    if run.status in runs.FINISHED:
        run = lifecycle.finish(run, run.status)
    else:
        run = parsing.close(run, raw) if run.kind == "parse" else close(run, raw)
    lifecycle.start_waiting_parse(run)
    return {"run_id": run.run_id, "status": run.status}


def close(run: Run, raw: Item) -> Run:
    """completed, cancelled, or failed when nothing was delivered; asked = delivered + rejected + failed in any case."""
    run = run_status.advance(run, run.status, "finalizing")
    error = state_input.failure_of(raw)
    if error:
        polling.abandon(run)
    run = _settle(run, error)
    delivered = _Lines(run, "records.jsonl")
    good, bad = Tally.of(delivered), Tally.of(_Lines(run, "rejected.jsonl"))
    recipe = RECIPES[kind_of(run)]
    texts = quality_report.Texts(delivered, lambda line: recipe.compared_text(drafts.from_json(line)))
    chunks, asked = _planned(run)
    hops = planning.hops(run)
    # What was asked tells whether types were spread; to make the teacher only for that costs a cold start 0.1 s.
    spread = planning.dimensions(run, offline="question_type" not in asked)
    wanted = {**spread, **({"passages": {planning.MULTI: hops[planning.MULTI]}} if hops else {})}
    report = quality_report.report(
        good,
        bad,
        diversity_score=quality_report.diversity_of(texts, len(good.quality)),
        requested=run.requested,
        asked=run.asked,
        failed=run.failed,
        reasons=cast("dict[str, dict[str, int]]", run.reasons),
        chunks_planned=len(chunks),
        spread=quality_report.spread(wanted, asked, good),
    )
    run_files.write_json(run, "report.json", report)
    usage, scores = lifecycle.usage(run), good.quality + bad.quality
    results: Item = {
        "chunks_processed": len(good.chunks | bad.chunks),
        "pairs_generated": len(scores),
        "pairs_valid": len(good.quality),
        "avg_quality_score": quality_report.mean(scores),
        "tokens_used": cast(int, usage["input_tokens"]) + cast(int, usage["output_tokens"]),
    }
    if error is None and not good.quality and not run.cancel_requested:
        error = _why_nothing(run)
    status = "failed" if error else "cancelled" if run.cancel_requested else "completed"
    values: Item = {"results": results, "report": cast(Item, report), **usage}
    if _stopped_by_budget(run):
        values["stop_reason"] = "budget_reached"
    return lifecycle.finish(run, status, error=error, values=values)


def _settle(run: Run, error: str | None) -> Run:
    """Slots that no assessment reached (their round failed) are failed slots."""
    values = lifecycle.unassessed_as_failed(
        run, "cancelled" if run.cancel_requested and error is None else "run_failed"
    )
    return run_status.change(run, values) if values else run


def _stopped_by_budget(run: Run) -> bool:
    return "budget_reached" in cast("dict[str, int]", run.reasons.get("failed") or {})


def _planned(run: Run) -> tuple[set[str], dict[str, Counter[str]]]:
    """The chunks that were asked about, and how many slots were asked for each value of each dimension."""
    chunks, asked = set[str](), dict[str, Counter[str]]()
    for slot in planning.promised(run, max(1, run.assessed_round + 1)):
        chunks.add(slot.chunk_id)
        for name, value in slot.asked.items():
            asked.setdefault(name, Counter())[value] += 1
    return chunks, asked


@dataclass(frozen=True, slots=True)
class _Lines:
    """A file of records, read anew each time it is walked."""

    run: Run
    name: str

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return run_files.read_lines(self.run, self.name)


def _why_nothing(run: Run) -> str:
    failed = cast("dict[str, int]", run.reasons.get("failed") or {})
    rejected = cast("dict[str, int]", run.reasons.get("rejected") or {})
    most = max({**failed, **rejected}.items(), key=lambda kv: kv[1], default=None)
    if most is None:
        return "Nothing was asked: the chosen chunks hold nothing this teacher can ask about"
    detail = next((str(line["detail"]) for line in _Lines(run, "failed.jsonl") if line["reason"] == most[0]), "")
    return f"No pair was delivered: {most[0]} ({most[1]} of {run.asked} slots)" + (f": {detail}" if detail else "")

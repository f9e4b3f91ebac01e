"""The last state of every run, reached from every path: final status, results, report."""

from __future__ import annotations

from typing import cast

import orjson

from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.quality import report as quality_report
from dataforge.store import runs
from dataforge.store.runs import Run
from dataforge.workflows import assessing, parsing, planning
from dataforge.workflows import runs as flow


def record_failure(raw: Item) -> Item:
    """The Catch of a Map child, of either kind of run."""
    e = flow.event(raw)
    return parsing.record_failure(raw) if e.kind == "parse" else assessing.record_failure(raw)


def close_run(raw: Item) -> Item:
    """Safe to repeat; a run that is closed stays as it is."""
    e = flow.event(raw)
    run = flow.run_of(e)
    if run.status in runs.FINISHED:
        run = flow.finish(run, run.status)
        return {"run_id": run.run_id, "status": run.status}
    return parsing.close(run, raw) if run.kind == "parse" else close(run, raw)


def close(run: Run, raw: Item) -> Item:
    """completed, cancelled, or failed when nothing was delivered; asked = delivered + rejected + failed in any case."""
    run = runs.advance(run, run.status, "finalizing")
    error = flow.failure_of(raw)
    run = _settle(run, error)
    delivered, rejected = _lines(run, "records.jsonl"), _lines(run, "rejected.jsonl")
    report = quality_report.report(
        delivered, rejected, requested=run.requested, asked=run.asked, failed=run.failed,
        reasons=cast("dict[str, dict[str, int]]", run.reasons), chunks_planned=len(_chunks(run)),
    )
    flow.write_json(run, "report.json", report)
    usage = _usage(run)
    scores = [cast(float, r["quality_score"]) for r in (*delivered, *rejected)]
    results: Item = {
        "chunks_processed": len({str(r["chunk_id"]) for r in (*delivered, *rejected)}),
        "pairs_generated": len(scores), "pairs_valid": len(delivered),
        "avg_quality_score": round(sum(scores) / len(scores), 4) if scores else None,
        "tokens_used": cast(int, usage["input_tokens"]) + cast(int, usage["output_tokens"]),
    }
    if error is None and not delivered and not run.cancel_requested:
        error = _why_nothing(run)
    status = "failed" if error else "cancelled" if run.cancel_requested else "completed"
    values: Item = {"results": results, "report": cast(Item, report), **usage}
    run = flow.finish(run, status, error=error, values=values)
    return {"run_id": run.run_id, "status": run.status}


def _settle(run: Run, error: str | None) -> Run:
    """Slots that no assessment reached (their round failed) are failed slots."""
    missing = run.asked - run.delivered - run.rejected - run.failed
    if missing <= 0:
        return run
    reason = "cancelled" if run.cancel_requested and error is None else "run_failed"
    failed = cast("dict[str, int]", run.reasons.get("failed") or {})
    reasons: Item = {
        "rejected": run.reasons.get("rejected") or {}, "failed": {**failed, reason: failed.get(reason, 0) + missing},
    }
    return runs.change(run, {"failed": run.failed + missing, "reasons": reasons})


def _usage(run: Run) -> Item:
    """Tokens and dollars of every reply, from the part files."""
    sent = made = 0
    cost: float | None = 0.0
    for info in current().files.list(flow.key_of(run, "round-")):
        if "/part-" in info.key:
            used = orjson.loads(current().files.read(info.key))["usage"]
            sent, made = sent + used["input_tokens"], made + used["output_tokens"]
            cost = None if cost is None or used["cost_usd"] is None else cost + used["cost_usd"]
    return {"input_tokens": sent, "output_tokens": made, "cost_usd": cost if cost is None else round(cost, 8)}


def _chunks(run: Run) -> set[str]:
    return {s.chunk_id for s in planning.promised(run, max(1, run.assessed_round + 1))}


def _lines(run: Run, name: str) -> list[dict[str, object]]:
    try:
        return [orjson.loads(line) for line in current().files.read(flow.key_of(run, name)).splitlines()]
    except FileNotFoundError:
        return []


def _why_nothing(run: Run) -> str:
    failed = cast("dict[str, int]", run.reasons.get("failed") or {})
    rejected = cast("dict[str, int]", run.reasons.get("rejected") or {})
    most = max({**failed, **rejected}.items(), key=lambda kv: kv[1], default=None)
    if most is None:
        return "Nothing was asked: the chosen chunks hold nothing this teacher can ask about"
    detail = next((str(line["detail"]) for line in _lines(run, "failed.jsonl") if line["reason"] == most[0]), "")
    return f"No pair was delivered: {most[0]} ({most[1]} of {run.asked} slots)" + (f": {detail}" if detail else "")

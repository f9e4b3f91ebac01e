"""What becomes of the verdicts of a verifier: counted, stored with the model, the run closed."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

from dataforge.errors import NotFound
from dataforge.platform.ports import Item
from dataforge.store import run_status, runs, trained_models
from dataforge.store.runs import Run
from dataforge.training import evaluation
from dataforge.workflows import lifecycle, run_files
from dataforge.workflows.engine import closing, recovery, rounds
from dataforge.workflows.engine import outcomes as outcome_files
from dataforge.workflows.engine.outcomes import Failed
from dataforge.workflows.engine.rounds import RoundCounts
from dataforge.workflows.state_input import StateInput
from dataforge.workflows.training import verifying
from dataforge.workflows.training.verifying import ANSWERS, UNREADABLE, VERIFICATION, of_fields


def assess(run: Run, e: StateInput) -> Item:
    """Write and count what the verifier said. Safe to repeat; there is one round only."""
    run = run_status.advance(run, "validating", "validating")
    found = list(rounds.outcomes_of(run, e.round, of_fields))
    failed = [o for o in found if isinstance(o, Failed)]
    made = [outcome_files.to_item(o) for o in found if not isinstance(o, Failed)]
    run_files.write_lines(run, "records.jsonl", made)
    run_files.write_lines(
        run, "failed.jsonl", [{"slot": f.slot, "reason": f.reason, "detail": f.detail} for f in failed]
    )
    counts = RoundCounts(delivered=len(made), failed=Counter(f.reason for f in failed))
    rounds.count_round(run, e.round, counts)
    return {**e.base(), "round": e.round + 1, "top_up": False}


def close(run: Run, error: str | None) -> Run:
    """The win rate goes to the model, then the run ends. Safe to repeat."""
    run = closing.begin_closing(run, error)
    found = counted(run)
    reason = closing.stop_reason(run)
    nothing = error or (
        closing.why_nothing(run, "No verdict was given", "") if run.asked and not run.delivered else None
    )
    status = "failed" if nothing else "cancelled" if run.cancel_requested else "completed"
    _store(run, {**found, "status": status, "error": nothing, "stop_reason": reason, "completed_at": run.completed_at})
    values: Item = {"results": found, "stop_reason": reason, **lifecycle.usage(run)}
    return lifecycle.finish(run, status, error=nothing, values=values)


def give_up(run: Run, error: str) -> Run:
    """As `engine.recovery.give_up`; the model no longer says that a verifier is at work."""
    if run.status not in runs.FINISHED:
        _store(run, {"status": "failed", "error": error})
    return recovery.give_up(run, error)


def counted(run: Run) -> Item:
    """As `evaluation.win_rate`, whole and by topic; lines with the same answers twice are ties that nobody was asked
    about. By reason, what was not answered."""
    orders = verifying.orders_of(run)
    topics = [row.get("topics", {}) for row in run_files.read_lines(run, ANSWERS)]
    told: dict[int, list[float | None]] = {}
    for row in run_files.read_lines(run, "records.jsonl"):
        point = evaluation.TIE if row["tuned"] == row["base"] else float(row["tuned"] > row["base"])
        told.setdefault(row["line"], []).append(point)
    reasons: Counter[str] = Counter()
    for row in run_files.read_lines(run, "failed.jsonl"):
        reasons[row["reason"]] += 1
        if row["reason"] == UNREADABLE:
            told.setdefault(orders[row["slot"]][0], []).append(None)
    asked, same = int(str(run.config["lines"])), int(str(run.config["same_answers"]))
    told |= {line: [evaluation.TIE] for line in range(asked, asked + same)}
    verdicts: dict[str, list[float | None]] = {str(line): given for line, given in told.items()}
    made: dict[str, Any] = evaluation.win_rate(verdicts)
    made["topics"] = evaluation.win_rate_by_topic(verdicts, {str(n): named for n, named in enumerate(topics)})
    made |= {"same_answers": same, "verdicts": made["verdicts"] - same, "not_asked": {**reasons}}
    made["not_asked"].pop(UNREADABLE, None)
    return cast(Item, made)


def _store(run: Run, found: Item) -> None:
    usage = lifecycle.usage(run)
    try:
        model = trained_models.get(run.org_id, int(str(run.config["trained_model"])))
    except NotFound:
        return
    known = (model.evaluation or {}).get("verifier")
    if isinstance(known, dict) and known.get("run_id") not in (None, run.run_id):
        return  # a later one is at work
    verifying.note(
        model,
        {
            "run_id": run.run_id,
            "verifier": run.config["model_id"],
            "both_orders": run.config["both_orders"],
            "seed": run.config["seed"],
            "cost_usd": usage["cost_usd"],
            **found,
        },
    )
    trained_models.release(model, VERIFICATION)

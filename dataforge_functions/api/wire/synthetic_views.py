"""Runs, offers and ledger entries as the synthetic API spells them."""

from __future__ import annotations

from typing import Any

from dataforge.recipes.synthetic.pricing import dollars
from dataforge.store import ledger as books
from dataforge.store import run_events, runs, spending
from dataforge.store.progress import Progress
from dataforge.store.runs import Run
from dataforge.workflows import pausing
from dataforge.workflows.engine.rounds import max_slots
from dataforge.workflows.synthetic import jobs
from dataforge.workflows.synthetic.starting import JobQuote
from dataforge_functions.api.wire import ledger as bodies
from dataforge_functions.api.wire import synthetic_jobs as answers


def estimate(offered: JobQuote) -> answers.SyntheticStarted:
    return answers.SyntheticStarted(
        job_id=None,
        status="estimated",
        created_at=None,
        schema_=offered.spec.schema,
        domain=offered.spec.domain,
        count=offered.spec.count,
        limited_to=offered.limited_to,
        model=offered.model,
        generator=offered.roles.generator,
        price_per_1000_usd=dollars(offered.price.cost(1000)),
        estimated_cost_usd=dollars(offered.cost),
        most_generated=offered.most_generated,
    )


def started(run: Run) -> answers.SyntheticStarted:
    price: Any = run.config["price"]
    return answers.SyntheticStarted(
        **_common(run),
        status="queued",
        generator=str(run.config["model_id"]),
        price_per_1000_usd=dollars(price["record"] * 1000),
        most_generated=max_slots(run.requested),
    )


def job(run: Run) -> answers.SyntheticJob:
    request: Any = run.config["request"]
    over = run.status in runs.FINISHED
    report: Any = run.report
    charge = run.results.get("charge")
    return answers.SyntheticJob(
        **_common(run),
        status=jobs.status_of(run),
        count_requested=request["count"],
        count_generated=run.delivered + run.rejected,
        count_accepted=run.delivered,
        count_rejected=run.rejected,
        count_failed=run.failed,
        progress=run_events.percent(run, Progress() if over else run_events.measure(run)[0]),
        stage=run.stage,
        stop_reason=run.stop_reason,
        quality_grade=report["overall_grade"] if report else None,
        summary=_summary(report) if report else None,
        models=answers.JobModels(
            generator=str(run.config["model_id"]),
            critic=_text(run.config.get("critic")),
            judge=_text(run.config.get("judge")),
        ),
        mode="batch" if run.config.get("mode") == "batch" else "realtime",
        cost_usd=dollars(int(str(charge))) if charge is not None else 0.0 if over else None,
        started_at=run.started_at,
        completed_at=run.completed_at,
        expires_at=jobs.expires_at(run),
        error=jobs.error_of(run),
        paused_reason=pausing.reason(run),
    )


def _common(run: Run) -> dict[str, Any]:
    request: Any = run.config["request"]
    return {
        "job_id": run.run_id,
        "schema_": request["schema"],
        "domain": request["domain"],
        "count": request["count"],
        "limited_to": run.requested if run.requested < request["count"] else None,
        "model": run.config["model"],
        "estimated_cost_usd": dollars(int(str(run.config["estimate"]))),
        "created_at": run.created_at,
    }


def _text(value: object) -> str | None:
    return str(value) if value else None


def _summary(report: dict[str, Any]) -> answers.Summary:
    return answers.Summary(**{name: report[name] for name in answers.Summary.model_fields})


def balance(account: books.Account, usage: books.Usage) -> bodies.Balance:
    metered, counted = account.plan == "payg", account.plan == "quota"
    return bodies.Balance(
        plan=account.plan,
        balance_usd=dollars(account.balance) if metered else None,
        reserved_usd=dollars(account.reserved) if metered else None,
        available_usd=dollars(account.balance - account.reserved) if metered else None,
        quota_records=account.quota / books.UNITS if counted else None,
        quota_used=usage.used / books.UNITS if counted else None,
        quota_reserved=usage.reserved / books.UNITS if counted else None,
        period=books.month() if counted else None,
    )


def limits(of: spending.Limits, month: str, use: spending.MonthUse) -> bodies.Limits:
    budget = of.monthly_budget
    return bodies.Limits(
        models=of.models,
        monthly_budget_usd=None if budget is None else dollars(budget),
        period=month,
        spent_usd=dollars(use.spent),
        reserved_usd=dollars(use.held),
        available_usd=None if budget is None else dollars(max(0, budget - use.spent - use.held)),
    )


def entry(e: books.Entry) -> bodies.LedgerEntry:
    return bodies.LedgerEntry(
        entry_id=e.entry.removeprefix("log#"),
        kind=e.kind,
        amount_usd=dollars(e.amount),
        records=e.units / books.UNITS,
        job_id=e.run_id,
        note=e.note,
        created_at=e.created_at,
    )

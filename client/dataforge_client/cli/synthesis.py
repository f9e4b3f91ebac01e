"""One `dataforge synth` from its price to its files and exit code."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataforge_client.cards import card
from dataforge_client.cli.bars import Stage, Step, live, reporter
from dataforge_client.cli.connection import Place, connect
from dataforge_client.cli.exits import FAILED, INTERRUPTED, OK, PARTIAL, exit_code
from dataforge_client.cli.texts import duration, money
from dataforge_client.errors import ApiError, ClientError, NotFound

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.resources.synthetic import SyntheticJob, SyntheticStarted

STAGES: tuple[Stage, ...] = ("generate", "validate", "export")


@dataclass(frozen=True, slots=True)
class Order:
    request: Mapping[str, Any]
    out: Path
    yes: bool = False
    domain_confirmed: bool = False


class Synthesis:
    def __init__(self, place: Place, order: Order, *, as_json: bool, quiet: bool) -> None:
        self._place, self._order, self._json, self._quiet = place, order, as_json, quiet
        self._say = reporter(as_json=as_json, quiet=quiet, stages=STAGES)
        self._began = time.monotonic()
        self._job_id: str | None = None
        self._waits = False

    def go(self) -> int:
        """The exit code."""
        try:
            with connect(self._place, starting=lambda h: self._say.note(f"Starting a local server on {h}")) as forge:
                return self._work(forge)
        except KeyboardInterrupt:
            if self._job_id:
                click.echo(f"\nInterrupted. The job is {self._job_id}; what was accepted is kept.", err=True)
            return INTERRUPTED
        except ApiError as problem:
            return self._refused(problem)
        except ClientError as problem:
            return self._failed(str(problem), type(problem).__name__, exit_code(problem))

    def _work(self, forge: DataForge) -> int:
        order = self._order
        quoted = forge.synthetic_estimate(order.request, domain_confirmed=order.domain_confirmed)
        self._tell_price(quoted)
        if quoted.estimated_cost_usd > 0 and not order.yes and live() and not self._json:
            click.confirm("Start?", default=True, abort=True, err=True)
        self._began = time.monotonic()
        started = forge.synthetic_generate(**order.request, domain_confirmed=order.domain_confirmed)
        self._job_id = job_id = started.job_id or ""
        with self._say:
            try:
                job = forge.wait_synthetic(job_id, self._watch)
            except KeyboardInterrupt:
                forge.synthetic_cancel_job(job_id)
                raise
            saved = self._save(forge, job) if job.count_accepted else {}
        return self._done(job, saved)

    def _tell_price(self, quoted: SyntheticStarted) -> None:
        self._say.event("estimate", dict(quoted.raw))
        self._say.note(
            f"Estimate: at most {money(quoted.estimated_cost_usd)} for {quoted.count:,} records of {quoted.schema} by "
            f"{quoted.generator} ({money(quoted.price_per_1000_usd)} per 1,000 accepted)"
        )

    def _watch(self, job: SyntheticJob) -> None:
        seconds = time.monotonic() - self._began
        if job.stage == "waiting" and not self._waits:
            self._waits = True
            self._say.note("The questions are with the models' providers as batch jobs: up to a day for each pass")
        done = round(job.count * job.progress / 100)
        rate = done / seconds if seconds > 1 and done else None
        over = job.closed or job.stage in ("validating", "finalizing")
        self._say.step(Step("generate", job.count if over else done, job.count, "records", rate, finished=over))
        if over:
            self._say.step(
                Step("validate", job.count_accepted, job.count, "records", None, job.cost_usd, finished=job.closed)
            )

    def _save(self, forge: DataForge, job: SyntheticJob) -> dict[str, str]:
        out = self._order.out
        saved = {
            "results": out / "results.jsonl",
            "quality_report": out / "quality_report.json",
            "manifest": out / "manifest.json",
        }
        forge.download_synthetic(job.job_id, saved["results"])
        forge.download_synthetic_report(job.job_id, saved["quality_report"])
        forge.download_synthetic_manifest(job.job_id, saved["manifest"])
        try:
            splits = forge.download_synthetic_splits(job.job_id, out / "splits")
            saved |= {f"splits/{name}": path for name, path in splits.items()}
        except NotFound:
            pass
        saved["card"] = out / "README.md"
        saved["card"].write_text(card(json.loads(saved["manifest"].read_bytes())), encoding="utf-8")
        self._say.step(Step("export", len(saved), len(saved), "files", finished=True))
        return {name: str(path.absolute()) for name, path in saved.items()}

    def _done(self, job: SyntheticJob, saved: Mapping[str, str]) -> int:
        code = FAILED if not job.count_accepted else PARTIAL if job.count_accepted < job.count else OK
        if self._json:
            self._result({"status": job.status, "exit_code": code, "job": dict(job.raw), "files": dict(saved)})
        elif code == FAILED:
            click.echo(f"Error: {job.error or 'no record was accepted'}", err=True)
        elif not self._quiet:
            click.echo(self._summary(job, saved), err=True)
        return code

    def _summary(self, job: SyntheticJob, saved: Mapping[str, str]) -> str:
        why = job.summary.get("rejection_breakdown") if job.summary else None
        reasons = ", ".join(f"{name} {n}" for name, n in why.items()) if isinstance(why, Mapping) and why else ""
        lines = [
            f"{job.count_accepted:,} of {job.count:,} records accepted, grade {job.quality_grade}, "
            f"{money(job.cost_usd)}, {duration(time.monotonic() - self._began)}",
            f"rejected {job.count_rejected:,}"
            + (f" ({reasons})" if reasons else "")
            + f", failed {job.count_failed:,}",
            *(f"{name:<16}{path}" for name, path in saved.items()),
        ]
        if job.error:
            lines.append(f"The job stopped early: {job.error}")
        return "\n".join(lines)

    def _refused(self, problem: ApiError) -> int:
        hint = ""
        if problem.code == "DOMAIN_SPELL_CHECK":
            hint = " On the command line: --confirm-domain."
        if problem.code == "TEACHER_NOT_CONFIGURED":
            hint = " To try things out offline: --generator templated."
        told = f"{str(problem).rstrip('.')}.{hint}" if hint else str(problem)
        return self._failed(told, problem.code, exit_code(problem))

    def _failed(self, message: str, code: str, exits: int) -> int:
        if self._json:
            self._result({"status": "failed", "exit_code": exits, "error": {"code": code, "message": message}})
        else:
            click.echo(f"Error: {message}", err=True)
        return exits

    def _result(self, values: Mapping[str, object]) -> None:
        click.echo(json.dumps({"type": "result", **values}, ensure_ascii=False))

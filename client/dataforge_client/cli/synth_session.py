"""One execution of `dataforge synth`: shows the price, runs the job, saves the files and returns the exit code."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataforge_client.cli.connection import ConnectionOptions, connect
from dataforge_client.cli.exit_codes import FAILED, INTERRUPTED, OK, PARTIAL, describe, exit_code
from dataforge_client.cli.formatting import duration, money
from dataforge_client.cli.progress import ProgressUpdate, Stage, is_interactive, make_reporter
from dataforge_client.cli.terminal import echo, echo_json
from dataforge_client.dataset_card import render_card
from dataforge_client.errors import ApiError, NotFound

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.resources.synthetic import SyntheticJob, SyntheticStarted

STAGES: tuple[Stage, ...] = ("generate", "validate", "export")


@dataclass(frozen=True, slots=True)
class SynthRequest:
    """body: the JSON of the API request. out: the folder for the files. yes: do not ask before spending money."""

    body: Mapping[str, Any]
    out: Path
    yes: bool = False
    domain_confirmed: bool = False


class SynthSession:
    def __init__(self, connection: ConnectionOptions, request: SynthRequest, *, as_json: bool, quiet: bool) -> None:
        self._connection, self._request, self._json, self._quiet = connection, request, as_json, quiet
        self._reporter = make_reporter(as_json=as_json, quiet=quiet, stages=STAGES)
        self._started_at = time.monotonic()
        self._job_id: str | None = None
        self._batch_noted = False

    def run(self) -> int:
        """Execute the request; returns the exit code."""
        try:
            with connect(self._connection, on_server_start=self._reporter.note) as forge:
                return self._make_dataset(forge)
        except KeyboardInterrupt:
            if self._job_id:
                echo(f"\nInterrupted. The job is {self._job_id}; its accepted records are kept.", err=True)
            return INTERRUPTED
        except ApiError as problem:
            return self._show_api_error(problem)
        except (click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as problem:
            return self._show_error(describe(problem), type(problem).__name__, exit_code(problem))

    def _make_dataset(self, forge: DataForge) -> int:
        request = self._request
        estimate = forge.synthetic_estimate(request.body, domain_confirmed=request.domain_confirmed)
        self._show_price(estimate)
        if estimate.estimated_cost_usd > 0 and not request.yes and is_interactive() and not self._json:
            click.confirm("Start the job?", default=True, abort=True, err=True)
        self._started_at = time.monotonic()
        started = forge.synthetic_generate(**request.body, domain_confirmed=request.domain_confirmed)
        self._job_id = job_id = started.job_id or ""
        with self._reporter:
            try:
                job = forge.wait_synthetic(job_id, self._report_progress)
            except KeyboardInterrupt:
                forge.synthetic_cancel_job(job_id)
                raise
            saved = self._save_files(forge, job) if job.count_accepted else {}
        return self._show_summary(job, saved)

    def _show_price(self, estimate: SyntheticStarted) -> None:
        self._reporter.event("estimate", dict(estimate.raw))
        self._reporter.note(
            f"Estimate: at most {money(estimate.estimated_cost_usd)} for {estimate.count:,} records of "
            f"{estimate.schema} by {estimate.generator} ({money(estimate.price_per_1000_usd)} per 1,000 accepted)"
        )

    def _report_progress(self, job: SyntheticJob) -> None:
        seconds = time.monotonic() - self._started_at
        if job.stage == "waiting" and not self._batch_noted:
            self._batch_noted = True
            self._reporter.note("The requests were sent to the providers as batch jobs: up to a day for each round")
        done = round(job.count * job.progress / 100)
        rate = done / seconds if seconds > 1 and done else None
        generated = job.closed or job.stage in ("validating", "finalizing")
        self._reporter.update(
            ProgressUpdate(
                "generate",
                done=job.count if generated else done,
                total=job.count,
                unit="records",
                rate=rate,
                finished=generated,
            )
        )
        if generated:
            self._reporter.update(
                ProgressUpdate(
                    "validate",
                    done=job.count_accepted,
                    total=job.count,
                    unit="records",
                    cost=job.cost_usd,
                    finished=job.closed,
                )
            )

    def _save_files(self, forge: DataForge, job: SyntheticJob) -> dict[str, str]:
        """Name -> absolute path of every file written to --out."""
        out = self._request.out
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
        saved["card"].write_text(render_card(json.loads(saved["manifest"].read_bytes())), encoding="utf-8")
        self._reporter.update(ProgressUpdate("export", len(saved), len(saved), "files", finished=True))
        return {name: str(path.absolute()) for name, path in saved.items()}

    def _show_summary(self, job: SyntheticJob, saved: Mapping[str, str]) -> int:
        code = FAILED if not job.count_accepted else PARTIAL if job.count_accepted < job.count else OK
        if self._json:
            self._print_result({"status": job.status, "exit_code": code, "job": dict(job.raw), "files": dict(saved)})
        elif code == FAILED:
            echo(f"Error: {job.error or 'no record was accepted'}", err=True)
        elif not self._quiet:
            echo(self._summary_text(job, saved), err=True)
        return code

    def _summary_text(self, job: SyntheticJob, saved: Mapping[str, str]) -> str:
        breakdown = job.summary.get("rejection_breakdown") if job.summary else None
        counted = breakdown if isinstance(breakdown, Mapping) else {}
        reasons = ", ".join(f"{name} {n}" for name, n in counted.items())
        lines = [
            f"{job.count_accepted:,} of {job.count:,} records accepted, grade {job.quality_grade}, "
            f"{money(job.cost_usd)}, {duration(time.monotonic() - self._started_at)}",
            f"rejected {job.count_rejected:,}{f' ({reasons})' if reasons else ''}, failed {job.count_failed:,}",
            *(f"{name:<16}{path}" for name, path in saved.items()),
        ]
        if job.error:
            lines.append(f"The job stopped early: {job.error}")
        return "\n".join(lines)

    def _show_api_error(self, problem: ApiError) -> int:
        hints = {
            "DOMAIN_SPELL_CHECK": "If the spelling is right, add --confirm-domain.",
            "TEACHER_NOT_CONFIGURED": "To try the command without a model: --generator templated.",
        }
        hint = hints.get(problem.code)
        message = f"{str(problem).rstrip('.')}. {hint}" if hint else str(problem)
        return self._show_error(message, problem.code, exit_code(problem))

    def _show_error(self, message: str, error_code: str, code: int) -> int:
        if self._json:
            self._print_result(
                {"status": "failed", "exit_code": code, "error": {"code": error_code, "message": message}}
            )
        else:
            echo(f"Error: {message}", err=True)
        return code

    def _print_result(self, values: Mapping[str, object]) -> None:
        echo_json({"type": "result", **values})

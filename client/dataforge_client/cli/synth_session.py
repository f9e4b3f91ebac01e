"""One execution of `dataforge synth`: shows the price, runs the job, saves the files and returns the exit code."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataforge_client.cli.connection import ConnectionOptions, connect
from dataforge_client.cli.exit_codes import DENIED, FAILED, INTERRUPTED, OK, PARTIAL, describe, exit_code, is_refusal
from dataforge_client.cli.formatting import STOPPED, duration, money
from dataforge_client.cli.hints import command_line
from dataforge_client.cli.job_progress import PauseNotes
from dataforge_client.cli.progress import ProgressUpdate, Stage, is_interactive, make_reporter
from dataforge_client.cli.synth_files import save_files, save_losses
from dataforge_client.cli.terminal import confirm, echo, echo_json
from dataforge_client.errors import ApiError

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.synthetic_models import SyntheticJob, SyntheticStarted

STAGES: tuple[Stage, ...] = ("generate", "validate", "export")


@dataclass(frozen=True, slots=True)
class SynthRequest:
    """body: the JSON of the API request; None with job_id, the job to wait for. out: the folder for the files.

    yes: do not ask before spending money.
    """

    body: Mapping[str, Any] | None
    out: Path
    job_id: str | None = None
    yes: bool = False
    domain_confirmed: bool = False


class SynthSession:
    def __init__(self, connection: ConnectionOptions, request: SynthRequest, *, as_json: bool, quiet: bool) -> None:
        self._connection, self._request, self._json, self._quiet = connection, request, as_json, quiet
        self._reporter = make_reporter(as_json=as_json, quiet=quiet, stages=STAGES)
        self._started_at = time.monotonic()
        self._job_id, self._is_starting = request.job_id, False
        self._batch_noted = False
        self._pauses = PauseNotes(self._reporter)

    def run(self) -> int:
        """Execute the request; returns the exit code."""
        try:
            with connect(self._connection, on_server_start=self._reporter.note) as forge:
                return self._make_dataset(forge)
        except KeyboardInterrupt:
            return INTERRUPTED
        except ApiError as problem:
            return self._show_api_error(problem)
        except (click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as problem:
            return self._show_error(describe(problem), type(problem).__name__, exit_code(problem))

    def _make_dataset(self, forge: DataForge) -> int:
        try:
            job_id = self._job_id or self._start(forge)
            self._show_id()
            with self._reporter:
                job = forge.wait_synthetic(job_id, self._report_progress)
                save = save_files if job.count_accepted else save_losses
                saved = save(forge, job_id, self._request.out)
                self._reporter.update(ProgressUpdate("export", len(saved), len(saved), "files", finished=True))
        except KeyboardInterrupt:
            # Printed before a local server is stopped: a second Ctrl-C must not lose the id.
            self._show_interrupted()
            raise
        return self._show_summary(job, saved)

    def _start(self, forge: DataForge) -> str:
        """Show the price, ask, and start the job. Returns its id."""
        request = self._request
        body = request.body or {}
        estimate = forge.synthetic_estimate(body, domain_confirmed=request.domain_confirmed)
        self._show_price(estimate)
        if estimate.estimated_cost_usd > 0 and not request.yes and is_interactive() and not self._json:
            confirm("Start the job?", default=True)
        self._started_at = time.monotonic()
        self._is_starting = True
        started = forge.synthetic_start(body, domain_confirmed=request.domain_confirmed)
        self._job_id, self._is_starting = started.job_id or "", False
        return self._job_id

    def _show_id(self) -> None:
        resume = self._resume_command()
        self._reporter.event("job", {"job_id": self._job_id, "resume": resume})
        self._reporter.note(f"Job {self._job_id}. If this command is interrupted: {resume}")

    def _resume_command(self) -> str:
        """Waits for the job and saves its files; empty without a job."""
        if not self._job_id:
            return ""
        return command_line(
            self._connection, "jobs", "resume", self._job_id, "--out", str(self._request.out.absolute())
        )

    def _show_interrupted(self) -> None:
        """A job is never cancelled by Ctrl-C: it goes on, on a local server at its next start."""
        if self._json:
            self._print_result({"status": "interrupted", "exit_code": INTERRUPTED, **self._job_values()})
        elif self._job_id:
            cancel = command_line(self._connection, "jobs", "cancel", self._job_id)
            echo(
                f"\nInterrupted. The job {self._job_id} is not cancelled; to cancel it: {cancel}\n"
                f"Resume with:\n  {self._resume_command()}",
                err=True,
            )
        else:
            echo(f"\nInterrupted.{self._lost_start()}", err=True)

    def _lost_start(self) -> str:
        """A sentence for a job that may have been started although its id never arrived."""
        if not self._is_starting:
            return ""
        return f" The job may have been started all the same: {command_line(self._connection, 'jobs', 'list')}"

    def _job_values(self) -> dict[str, object]:
        return {"job_id": self._job_id, "resume": self._resume_command() or None}

    def _show_price(self, estimate: SyntheticStarted) -> None:
        self._reporter.event("estimate", dict(estimate.raw))
        records = estimate.count if estimate.limited_to is None else estimate.limited_to
        self._reporter.note(
            f"Estimate: at most {money(estimate.estimated_cost_usd)} for {records:,} records of "
            f"{estimate.schema} by {estimate.generator} ({money(estimate.price_per_1000_usd)} per 1,000 accepted)"
        )
        if estimate.limited_to is not None:
            self._reporter.note(
                f"--max-cost pays for {estimate.limited_to:,} of the {estimate.count:,} records: no more are made"
            )

    def _report_progress(self, job: SyntheticJob) -> None:
        self._pauses(job.paused_reason)
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

    def _show_summary(self, job: SyntheticJob, saved: Mapping[str, str]) -> int:
        nothing = DENIED if is_refusal(job.error) else FAILED
        code = nothing if not job.count_accepted else PARTIAL if job.count_accepted < job.count else OK
        if self._json:
            self._print_result({"status": job.status, "exit_code": code, "job": dict(job.raw), "files": dict(saved)})
        elif code == nothing:
            echo(f"Error: {job.error or 'no record was accepted'}", err=True)
            for name, path in saved.items():
                echo(f"{name:<16}{path}", err=True)
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
        if job.stop_reason:
            lines.append(f"not all records were made: {STOPPED.get(job.stop_reason, job.stop_reason)}")
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
            error = {"code": error_code, "message": message}
            self._print_result({"status": "failed", "exit_code": code, "error": error, **self._job_values()})
            return code
        echo(f"Error: {message}{self._lost_start() if code == FAILED else ''}", err=True)
        if self._job_id:
            echo(f"The job {self._job_id} is not cancelled. Resume with:\n  {self._resume_command()}", err=True)
        return code

    def _print_result(self, values: Mapping[str, object]) -> None:
        echo_json({"type": "result", **values})

"""One execution of `dataforge run`: connects, runs the pipeline, prints the result and returns the exit code."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, data_folder, remote_connection
from dataforge_client.cli.exit_codes import INTERRUPTED, OK, describe, exit_code
from dataforge_client.cli.formatting import estimate_lines
from dataforge_client.cli.hints import command_line
from dataforge_client.cli.local_server import log_path
from dataforge_client.cli.pipeline import estimate_run, run_pipeline
from dataforge_client.cli.progress import make_reporter
from dataforge_client.cli.resume_command import resume_command
from dataforge_client.cli.run_request import RunRequest, RunResult, RunState
from dataforge_client.cli.summary import Summary, failed_documents_text, quiet_text, summary_json, summary_text
from dataforge_client.cli.terminal import copy_to_stdout, echo, echo_json
from dataforge_client.errors import ApiError, ClientError, ConnectionFailed, ServerError
from dataforge_client.folders import SkippedFile

if TYPE_CHECKING:
    from dataforge_client.client import DataForge


class RunSession:
    """paths and exclude: as typed, for the resume command."""

    def __init__(
        self,
        connection: ConnectionOptions,
        request: RunRequest,
        skipped: list[SkippedFile],
        *,
        paths: Sequence[Path | str],
        exclude: Sequence[str],
        as_json: bool,
        quiet: bool,
    ) -> None:
        self._connection, self._request, self._paths, self._exclude = connection, request, paths, exclude
        self._json, self._quiet = as_json, quiet
        self._state = RunState(skipped=skipped)
        self._reporter = make_reporter(as_json=as_json, quiet=quiet)
        self._started_at = time.monotonic()

    def run(self) -> int:
        """Execute the request; returns the exit code."""
        for file in self._state.skipped:
            if file.kind == "failed":
                self._reporter.note(f"  {file.path} cannot be used: {file.message}")
        if not self._request.sources and self._request.resume is None:
            return self._show_error(ClientError("None of the files can be used."))
        try:
            with connect(self._connection, on_server_start=self._reporter.note) as forge:
                return self._show_estimate(forge) if self._request.dry_run else self._make_dataset(forge)
        except KeyboardInterrupt:
            if self._state.project_id is None:
                self._show_interrupted()
            return INTERRUPTED
        except (click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as problem:
            return self._show_error(problem)

    def _make_dataset(self, forge: DataForge) -> int:
        with tempfile.TemporaryDirectory() as scratch:
            to_stdout = str(self._request.out) == "-"
            request = self._request
            if to_stdout:
                request = replace(request, out=Path(scratch, "dataset.jsonl"), write_losses=False)
            try:
                with self._reporter:
                    result = run_pipeline(forge, request, self._state, self._reporter, on_known=self._show_id)
            except KeyboardInterrupt:
                # Printed before the local server is stopped: a second Ctrl-C must not lose the resume command.
                if self._state.project_id is not None:
                    self._show_interrupted()
                raise
            code = self._show_summary(result, request.out)
            if to_stdout:
                copy_to_stdout(request.out)
            return code

    def _show_id(self) -> None:
        """The first output of a run: its id, and how to resume it whatever happens to this command."""
        state, command = self._state, self._resume_command()
        self._reporter.event("project", {"project_id": state.project_id, "resume": command})
        self._reporter.note(f"Run {state.generation_id or state.project_id}. If it is interrupted: {command}")

    def _show_estimate(self, forge: DataForge) -> int:
        """For --dry-run: print the estimate, and the command that starts the job on the parsed documents."""
        with self._reporter:
            job = estimate_run(forge, self._request, self._state, self._reporter, on_known=self._show_id)
        estimate = job.estimate or {}
        command = self._resume_command()
        if self._json:
            self._print_result(
                {
                    "status": "estimated",
                    "exit_code": OK,
                    "project_id": self._state.project_id,
                    "estimate": estimate,
                    "resume": command,
                }
            )
        else:
            lines = [*estimate_lines(estimate), "No teacher was called. Start the job with:", f"  {command}"]
            echo("\n".join(lines), err=True)
        return OK

    def _show_summary(self, result: RunResult, written: Path) -> int:
        with written.open("rb") as dataset:
            lines = sum(1 for _ in dataset)
        summary = Summary(
            result=result,
            skipped=self._state.skipped,
            out="-" if str(self._request.out) == "-" else str(written.absolute()),
            lines=lines,
            seconds=time.monotonic() - self._started_at,
            next=self._next_command(result, has_pending=lines < result.generation.counts.delivered),
            review=self._command("pairs", result.generation.project_id, "--status", "pending", "--flagged"),
            accept=self._command(
                *("bulk", result.generation.project_id, "accept", "--generation", result.generation.generation_id),
                *("--flagged", "--include-flagged"),
            ),
        )
        if self._json:
            self._print_result(summary_json(summary))
        else:
            echo(quiet_text(summary) if self._quiet else summary_text(summary), err=True, nl=False)
        return summary.exit_code

    def _next_command(self, result: RunResult, *, has_pending: bool) -> str:
        words = ["pairs", result.generation.project_id, *(["--status", "pending"] if has_pending else [])]
        return self._command(*words)

    def _command(self, *words: str) -> str:
        return command_line(self._connection, *words)

    def _show_interrupted(self) -> None:
        command = self._resume_command()
        if self._json:
            self._print_result({"status": "interrupted", "exit_code": INTERRUPTED, "resume": command})
            return
        job = self._state.generation_id
        if job and remote_connection(self._connection) is not None:
            note = (
                f"The job is still running on the server; stop it with: {command_line(self._connection, 'cancel', job)}"
            )
        else:
            note = "Stopping (press Ctrl-C again to kill). Finished work is kept."
        echo(f"\nInterrupted. {note}\nResume with:\n  {command}", err=True)

    def _show_error(self, problem: Exception) -> int:
        code, message = exit_code(problem), describe(problem)
        failed = [(str(f.path), f.reason, f.message) for f in self._state.skipped if f.kind == "failed"]
        error_code = problem.code if isinstance(problem, ApiError) else type(problem).__name__
        if self._json:
            self._print_result(
                {
                    "status": "failed",
                    "exit_code": code,
                    "error": {"code": error_code, "message": message},
                    "project_id": self._state.project_id,
                    "losses": [str(path.absolute()) for path in self._state.losses],
                    "documents": {"failed": [{"name": n, "reason": r, "message": m} for n, r, m in failed]},
                    "resume": self._resume_command() if self._state.project_id else None,
                }
            )
            return code
        if self._quiet:
            echo(failed_documents_text(failed), err=True, nl=False)
        echo(f"Error: {message}", err=True)
        if self._state.losses:
            echo(f"What the teacher said is in {' and '.join(map(str, self._state.losses))}", err=True)
        if isinstance(problem, (ServerError, ConnectionFailed)) and remote_connection(self._connection) is None:
            echo(f"The log of the local server is {log_path(data_folder(self._connection))}", err=True)
        if self._state.project_id:
            echo(
                f"Finished work is kept. When the problem is solved, resume with:\n  {self._resume_command()}", err=True
            )
        return code

    def _resume_command(self) -> str:
        return resume_command(self._connection, self._request, self._state, paths=self._paths, exclude=self._exclude)

    def _print_result(self, values: Mapping[str, object]) -> None:
        echo_json({"type": "result", **values})

"""One `dataforge run` from its first line to its exit code: connects, travels the road, says how it ended."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataforge_client.cli import summary as summaries
from dataforge_client.cli.bars import reporter
from dataforge_client.cli.connection import Place, connect, home_of, remote_of
from dataforge_client.cli.exits import INTERRUPTED, OK, exit_code
from dataforge_client.cli.local import log_path
from dataforge_client.cli.pipeline import Order, Outcome, Trail, estimate, travel
from dataforge_client.cli.resume import key_words, place_words, resume_command
from dataforge_client.cli.sources import Unused
from dataforge_client.cli.texts import estimate_lines, program
from dataforge_client.errors import ApiError, ClientError, ConnectionFailed, ServerError

if TYPE_CHECKING:
    from dataforge_client.client import DataForge


class Session:
    """paths and exclude: as typed, for the resume command."""

    def __init__(
        self,
        place: Place,
        order: Order,
        unused: list[Unused],
        *,
        paths: Sequence[Path | str],
        exclude: Sequence[str],
        as_json: bool,
        quiet: bool,
    ) -> None:
        self._place, self._order, self._paths, self._exclude = place, order, paths, exclude
        self._json, self._quiet = as_json, quiet
        self._trail = Trail(unused=unused)
        self._say = reporter(as_json=as_json, quiet=quiet)
        self._began = time.monotonic()

    def go(self) -> int:
        """The exit code."""
        for u in self._trail.unused:
            if u.kind == "failed":
                self._say.note(f"  {u.path} cannot be used: {u.message}")
        if not self._order.sources and self._order.resume is None:
            return self._failed(ClientError("None of the files can be used."))
        try:
            with connect(self._place, starting=lambda h: self._say.note(f"Starting a local server on {h}")) as forge:
                return self._work(forge)
        except KeyboardInterrupt:
            if self._trail.project_id is None:
                self._goodbye()
            return INTERRUPTED
        except BrokenPipeError:
            raise
        except (ClientError, OSError) as problem:
            return self._failed(problem)

    def _work(self, forge: DataForge) -> int:
        if self._order.dry_run:
            return self._told(forge)
        with tempfile.TemporaryDirectory() as scratch:
            to_stdout = str(self._order.out) == "-"
            order = self._order
            if to_stdout:
                order = replace(order, out=Path(scratch, "dataset.jsonl"), keep_losses=False)
            try:
                with self._say:
                    outcome = travel(forge, order, self._trail, self._say)
            except KeyboardInterrupt:
                # Said before the local server is asked to stop: a second Ctrl-C must not cost the resume command.
                if self._trail.project_id is not None:
                    self._goodbye()
                raise
            code = self._done(outcome, order.out)
            if to_stdout:
                with order.out.open("rb") as dataset:
                    shutil.copyfileobj(dataset, sys.stdout.buffer)
                sys.stdout.flush()
            return code

    def _told(self, forge: DataForge) -> int:
        """What the job would take, and how to start it on the documents that are read now."""
        with self._say:
            told = estimate(forge, self._order, self._trail, self._say).estimate or {}
        command = self._resume()
        if self._json:
            self._result(
                {
                    "status": "estimated",
                    "exit_code": OK,
                    "project_id": self._trail.project_id,
                    "estimate": told,
                    "resume": command,
                }
            )
        else:
            lines = [*estimate_lines(told), "No teacher was asked. Start it with:", f"  {command}"]
            click.echo("\n".join(lines), err=True)
        return OK

    def _done(self, outcome: Outcome, written: Path) -> int:
        with written.open("rb") as dataset:
            lines = sum(1 for _ in dataset)
        summary = summaries.Summary(
            outcome,
            self._trail.unused,
            "-" if str(self._order.out) == "-" else str(written.absolute()),
            lines,
            time.monotonic() - self._began,
            self._next(outcome, waiting=lines < outcome.generation.counts.delivered),
        )
        if self._json:
            self._result(summaries.as_json(summary))
        else:
            click.echo(summaries.quiet(summary) if self._quiet else summaries.text(summary), err=True, nl=False)
        return summary.exit_code

    def _next(self, outcome: Outcome, *, waiting: bool) -> str:
        words = ["pairs", outcome.generation.project_id, *(["--status", "pending"] if waiting else [])]
        return f"{program()} {shlex.join([*words, *place_words(self._place)])}{key_words(self._place)}"

    def _goodbye(self) -> None:
        command = self._resume()
        if self._json:
            self._result({"status": "interrupted", "exit_code": INTERRUPTED, "resume": command})
            return
        running = self._trail.generation_id
        if running and remote_of(self._place) is not None:
            where = f"The server goes on; stop it with: {program()} cancel {running}"
        else:
            where = "Stopping cleanly (Ctrl-C again kills); nothing that is done is lost."
        click.echo(f"\nInterrupted. {where}\nResume with:\n  {command}", err=True)

    def _failed(self, problem: ClientError | OSError) -> int:
        code = exit_code(problem)
        failed = [(str(u.path), u.reason, u.message) for u in self._trail.unused if u.kind == "failed"]
        word = problem.code if isinstance(problem, ApiError) else type(problem).__name__
        if self._json:
            self._result(
                {
                    "status": "failed",
                    "exit_code": code,
                    "error": {"code": word, "message": str(problem)},
                    "project_id": self._trail.project_id,
                    "documents": {"failed": [{"name": n, "reason": r, "message": m} for n, r, m in failed]},
                    "resume": self._resume() if self._trail.project_id else None,
                }
            )
            return code
        if self._quiet:
            click.echo(summaries.documents_text(failed), err=True, nl=False)
        click.echo(f"Error: {problem}", err=True)
        if isinstance(problem, (ServerError, ConnectionFailed)) and remote_of(self._place) is None:
            click.echo(f"The server's log is {log_path(home_of(self._place))}", err=True)
        if self._trail.project_id:
            click.echo(f"What was done is kept. Once that is solved, go on with:\n  {self._resume()}", err=True)
        return code

    def _resume(self) -> str:
        return resume_command(self._place, self._order, self._trail, paths=self._paths, exclude=self._exclude)

    def _result(self, values: Mapping[str, object]) -> None:
        click.echo(json.dumps({"type": "result", **values}, ensure_ascii=False))

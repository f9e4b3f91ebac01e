"""One execution of `dataforge train` or `dataforge watch`: uploads, shows the estimate, starts, follows, sums up."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, remote_connection
from dataforge_client.cli.exit_codes import FAILED, INTERRUPTED, OK, WrongUse, describe, exit_code
from dataforge_client.cli.formatting import money
from dataforge_client.cli.hints import command_line
from dataforge_client.cli.progress import is_interactive
from dataforge_client.cli.terminal import confirm, echo, echo_json
from dataforge_client.cli.training_view import make_view
from dataforge_client.errors import ApiError, Conflict, NotFound

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.models import Json
    from dataforge_client.training_models import TrainedModel, TrainingStatus

SHOWN_ERRORS = 10
"""Errors of lines that are printed; the API returns more."""
DATASETS = ("dataset", "eval_dataset")
POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """body: the JSON of the API request; a dataset in it may be a file of this machine. yes: do not ask before spending
    money. detach: do not follow it."""

    body: Mapping[str, Any]
    dry_run: bool = False
    detach: bool = False
    yes: bool = False


class TrainingSession:
    """request: None to follow a training that was started before; job_id: which, else the one that goes on."""

    def __init__(
        self,
        connection: ConnectionOptions,
        request: TrainingRequest | None,
        *,
        job_id: str | None = None,
        as_json: bool,
        quiet: bool,
    ) -> None:
        self._connection, self._request, self._json, self._quiet = connection, request, as_json, quiet
        self._view = make_view(as_json=as_json, quiet=quiet)
        self._job_id, self._is_open, self._is_starting = job_id, False, False

    def run(self) -> int:
        """Returns the exit code."""
        try:
            with connect(self._connection, on_server_start=self._view.note, goes_on=lambda: self._is_open) as forge:
                return self._execute(forge)
        except KeyboardInterrupt:
            return INTERRUPTED
        except (click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as problem:
            return self._show_error(problem)

    def _execute(self, forge: DataForge) -> int:
        try:
            if self._request is not None:
                body = self._prepared(forge, self._request.body)
                self._show_estimate(forge, body)
                if self._request.dry_run:
                    return self._end("estimated", OK)
                self._start(forge, body)
                if self._request.detach:
                    return self._end("started", OK)
            return self._follow(forge)
        except KeyboardInterrupt:
            # Printed before a local server is left: a second Ctrl-C must not lose the id.
            self._show_interrupted()
            raise

    def _prepared(self, forge: DataForge, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request with files uploaded, and a folder of this machine as the absolute path that its server needs."""
        files = {name: Path(body[name]) for name in DATASETS if name in body and is_file(body[name])}
        changed = dict(body)
        for name, path in files.items():
            changed[name] = self._upload(forge, path)
        model = str(body["model_name"])
        if remote_connection(self._connection) is None and Path(model).expanduser().is_dir():
            changed["model_name"] = os.path.abspath(Path(model).expanduser())
        return changed

    def _upload(self, forge: DataForge, path: Path) -> str:
        """Returns the name under which it lies on the server. Raises WrongUse for lines that cannot be trained on."""
        uploaded = forge.upload_training_file(path)
        self._view.event("upload", dict(uploaded.raw))
        if not uploaded.validation.valid:
            errors = uploaded.validation.errors
            left = max(uploaded.validation.error_count, len(errors)) - SHOWN_ERRORS
            more = f"\n  and {left:,} more" if left > 0 else ""
            listed = "".join(f"\n  {error}" for error in errors[:SHOWN_ERRORS])
            raise WrongUse(f"{path} cannot be trained on:{listed}{more}")
        self._view.note(f"Uploaded {path}: {uploaded.num_examples:,} lines, as {uploaded.filename}")
        return uploaded.filename

    def _show_estimate(self, forge: DataForge, body: Json) -> None:
        """Show what it takes, and ask where it costs money."""
        estimate = forge.training_estimate(body).estimate or {}
        self._view.event("estimate", estimate)
        for line in estimate_lines(estimate):
            self._view.note(line)
        request = self._request
        costs = highest(estimate.get("cost_usd"))
        if request and not (request.yes or request.dry_run or self._json) and costs and is_interactive():
            confirm("Start the training?", default=True)

    def _start(self, forge: DataForge, body: Json) -> None:
        self._is_starting = True
        started = forge.training_start(body)
        self._job_id, self._is_starting, self._is_open = started.job_id, False, True
        watch = self._watch_command()
        self._view.event("job", {"job_id": self._job_id, "watch": watch})
        self._view.note(
            f"Training {self._job_id}. It goes on whatever happens to this command; follow it with: {watch}"
        )

    def _follow(self, forge: DataForge) -> int:
        with self._view:
            for state in forge.watch_training(self._job_id, poll=POLL_SECONDS):
                self._job_id, self._is_open = state.job_id or self._job_id, not state.closed
                self._view.state(state)
        if state.status == "idle":
            raise WrongUse("Nothing was trained yet; start with: dataforge train DATASET --model NAME")
        return self._show_result(forge, state)

    def _show_result(self, forge: DataForge, state: TrainingStatus) -> int:
        model = self._model(forge, state)
        code = OK if state.status == "completed" else FAILED
        if self._json:
            self._print_result(state.status, code, model=dict(model.raw) if model else None, error=state.error)
        elif code:
            said = state.error or state.message
            echo(f"Error: {self._job_id} ended as {state.status}{f': {said}' if said else ''}", err=True)
        elif not self._quiet:
            echo("\n".join(self._summary_lines(state, model)), err=True)
        return code

    def _model(self, forge: DataForge, state: TrainingStatus) -> TrainedModel | None:
        """None where it was deleted meanwhile."""
        try:
            return forge.get_model(state.model_id) if state.model_id is not None else None
        except NotFound:
            return None

    def _summary_lines(self, state: TrainingStatus, model: TrainedModel | None) -> list[str]:
        if model is None:
            return [f"{self._job_id} is completed; its model {state.model_id} is not there any more"]
        from dataforge_client.cli.figures import figures_text

        chat = command_line(self._connection, "chat", str(model.id))
        return [
            f"Model {model.id} is ready: {model.name}, {model.size_mb:,.1f} MB",
            *(f"note: {note}" for note in model.notes),
            *figures_text(model),
            f"Next: {chat}",
        ]

    def _watch_command(self) -> str:
        return command_line(self._connection, "watch", *([self._job_id] if self._job_id else []))

    def _show_interrupted(self) -> None:
        if self._json:
            self._print_result("interrupted", INTERRUPTED)
            return
        if self._is_starting:
            said = f" The training may have been started: {command_line(self._connection, 'watch')}"
        elif self._is_open and self._job_id:
            stop = command_line(self._connection, "train", "stop", self._job_id)
            said = (
                f" The training {self._job_id} goes on; to stop it: {stop}\nFollow it with:\n  {self._watch_command()}"
            )
        else:
            said = ""
        echo(f"\nInterrupted.{said}", err=True)

    def _show_error(self, problem: Exception) -> int:
        code, message = exit_code(problem), self._said_of(problem)
        if self._json:
            error_code = problem.code if isinstance(problem, ApiError) else type(problem).__name__
            self._print_result("failed", code, error={"code": error_code, "message": message})
            return code
        echo(f"Error: {message}", err=True)
        if (isinstance(problem, Conflict) and problem.code == "TRAINING_IN_PROGRESS") or self._is_open:
            echo(f"Follow the training that goes on with:\n  {self._watch_command()}", err=True)
        return code

    def _said_of(self, problem: Exception) -> str:
        """A dataset that was not found, and is written as a file is, was most likely meant as one of this machine."""
        named = [str(self._request.body.get(name) or "") for name in DATASETS] if self._request else []
        missing = [n for n in named if isinstance(problem, NotFound) and n in problem.message and is_file_name(n)]
        if not missing:
            return describe(problem)
        listed = command_line(self._connection, "train", "datasets")
        return f"There is no file {missing[0]} here, and no uploaded dataset of that name; `{listed}` lists yours"

    def _end(self, status: str, code: int) -> int:
        if self._json:
            self._print_result(status, code)
        return code

    def _print_result(self, status: str, code: int, **values: object) -> None:
        watch = self._watch_command() if self._job_id else None
        said = {"type": "result", "status": status, "exit_code": code, "job_id": self._job_id, "watch": watch}
        echo_json({**said, **{name: value for name, value in values.items() if value is not None}})


def estimate_lines(estimate: Json) -> list[str]:
    """What a training takes, for a person; the notes say how it was found."""
    if not estimate:
        return []
    hours, cost = bounds(estimate.get("hours")), bounds(estimate.get("cost_usd"))
    parts = [str(estimate.get("instance_type") or "this machine")]
    if hours:
        parts.append(_ranged([f"{h:.2g} h" if h >= 1 else f"{h * 60:.2g} min" for h in hours]))
    parts.append("cost " + (_ranged([money(c) for c in cost]) if cost else "unknown"))
    notes = estimate.get("notes")
    return [f"Estimate: {', '.join(parts)}", *(f"  {n}" for n in (notes if isinstance(notes, list) else []))]


def bounds(value: object) -> tuple[float, float] | None:
    """Low and high of a range, of one number both."""
    if isinstance(value, Mapping):
        low, high = value.get("low"), value.get("high")
        return (float(low), float(high)) if isinstance(low, int | float) and isinstance(high, int | float) else None
    return (float(value), float(value)) if isinstance(value, int | float) else None


def highest(value: object) -> float:
    found = bounds(value)
    return found[1] if found else 0.0


def _ranged(texts: list[str]) -> str:
    low, high = texts
    return low if low == high else f"{low} to {high}"


def is_file(text: str) -> bool:
    """Whether a dataset names a file of this machine. Raises UsageError for a path where there is none."""
    path = Path(text)
    if path.is_file():
        return True
    if path.is_dir() or (text.count("/") and not text.startswith("s3://") and not path.exists()):
        raise click.UsageError(f"{text} is not a file.")
    return False


def is_file_name(text: str) -> bool:
    """Whether it ends as names of files do: `set.jsonl`, `data.json.gz`."""
    return bool(re.search(r"\.[A-Za-z]\w{0,8}$", text))

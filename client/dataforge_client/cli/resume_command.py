"""The command that resumes an interrupted run, ready to copy."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge_client.cli.connection import ConnectionOptions
from dataforge_client.cli.hints import connection_arguments, program_name, secret_arguments

if TYPE_CHECKING:
    from dataforge_client.cli.run_request import RunRequest, RunState


def resume_command(
    connection: ConnectionOptions,
    request: RunRequest,
    state: RunState,
    *,
    paths: Sequence[Path | str],
    exclude: Sequence[str],
) -> str:
    """A shell command with absolute paths and no secret: an API key is printed as `"$DATAFORGE_API_KEY"`."""
    words = ["run", *(str(p.absolute()) if isinstance(p, Path) else p for p in paths)]
    words += [word for pattern in exclude for word in ("--exclude", pattern)]
    resume_id = state.generation_id or state.project_id or request.resume
    if resume_id:
        words += ["--resume", resume_id]
    words += connection_arguments(connection)
    words += ["--out", str(request.out.absolute()) if str(request.out) != "-" else "-", "--format", request.format]
    if request.split:
        words += ["--split", ",".join(f"{name}={share}" for name, share in request.split.items())]
    if not state.is_stored:
        words += _request_arguments(request)
    return f"{program_name()} {shlex.join(words)}{secret_arguments(connection)}"


def _request_arguments(request: RunRequest) -> list[str]:
    values: dict[str, object] = {
        "--pairs": request.pairs,
        "--teacher": request.teacher,
        "--project": request.project,
        "--min-quality": request.min_quality,
        "--system-prompt": request.system_prompt,
        "--temperature": request.temperature,
        "--seed": request.seed,
        "--multi-hop": request.multi_hop,
        "--personal-data": request.personal_data,
        "--secrets": request.secrets,
        "--max-cost": request.max_cost,
        "--mode": request.mode,
    }
    words = [word for option, value in values.items() if value is not None for word in (option, str(value))]
    return words + [
        word
        for name, typed in request.distributions.items()
        for text in typed
        for word in (f"--{name.removesuffix('s').replace('_', '-')}", text)
    ]

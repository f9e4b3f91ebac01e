"""The command that resumes an interrupted run, ready to copy."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge_client.cli.connection import ConnectionOptions, data_folder, remote_connection
from dataforge_client.cli.formatting import program_name

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
    if state.generation_id is None:
        words += _request_arguments(request)
    return f"{program_name()} {shlex.join(words)}{api_key_argument(connection)}"


def connection_arguments(connection: ConnectionOptions) -> list[str]:
    """The options for the same server; options that come from the environment are left out."""
    if remote_connection(connection) is None:
        return ["--home", str(data_folder(connection))]
    options = {
        "--server": connection.server,
        "--profile": connection.profile,
        "--organization": connection.organization,
    }
    return [word for option, value in options.items() if value for word in (option, value)]


def api_key_argument(connection: ConnectionOptions) -> str:
    """Empty when the key comes from the environment or a profile."""
    typed = connection.api_key and remote_connection(connection) is not None
    return ' --api-key "$DATAFORGE_API_KEY"' if typed else ""


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

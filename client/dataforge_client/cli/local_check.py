"""The checks of the installed server over a file on this machine: a child process, no project, no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

from dataforge_client.cli.exit_codes import FAILED, USAGE, WrongUse
from dataforge_client.errors import ClientError

MODULE = "dataforge_infra.local.check"
_NOT_INSTALLED = "The checks are part of the server, which is not installed here: install dataforge-server[machine]."


def run_check(asked: Mapping[str, object], *, on_progress: Callable[[Mapping[str, int]], None]) -> dict[str, Any]:
    """The report of the check. Raises WrongUse where the file or an option cannot be used, ClientError else.

    PYTHONSAFEPATH: a folder named dataforge_infra in the current directory is not imported.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    try:
        return _talk(child, json.dumps(asked).encode(), on_progress)
    finally:
        if child.poll() is None:
            child.terminate()
        child.wait()


def _talk(
    child: subprocess.Popen[bytes], asked: bytes, on_progress: Callable[[Mapping[str, int]], None]
) -> dict[str, Any]:
    assert child.stdin  # noqa: S101 - Popen was asked for the pipes
    assert child.stdout  # noqa: S101
    assert child.stderr  # noqa: S101
    with child.stdin, child.stdout, child.stderr:
        try:
            child.stdin.write(asked)
            child.stdin.close()
        except BrokenPipeError:
            pass  # its own words follow
        for line in child.stdout:
            event = json.loads(line)
            if event["event"] == "progress":
                on_progress(event)
            elif event["event"] == "result":
                report: dict[str, Any] = event["report"]
                return report
            elif event["event"] == "error":
                raise (WrongUse if event["exit_code"] == USAGE else ClientError)(event["message"])
        raise ClientError(_why(child.stderr, child.wait() or FAILED))


def _why(errors: IO[bytes], code: int) -> str:
    said = errors.read().decode("utf-8", "replace").splitlines()
    if any("No module named 'dataforge" in line for line in said):
        return _NOT_INSTALLED
    return "\n".join((f"The check ended with exit code {code}.", *said[-15:]))

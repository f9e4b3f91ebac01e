"""`python -m dataforge_infra.local.check`: checks one file on this machine, for `dataforge check`.

What is asked comes as one JSON object on stdin; what is found goes to stdout, one event a line: `progress`, then
`result` with the report, or `error` with a message and the exit code of the command.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dataforge.errors import Invalid
from dataforge.quality.checks import CHECKS
from dataforge.quality.policy import Level, Policy, Setting
from dataforge.workflows.checking.checking import CheckRequest, check_file

USAGE, FAILED, INTERRUPTED = 2, 1, 130
_EVERY = 0.2
"""Seconds between two events of progress."""


class Asked(BaseModel):
    """The options of the command."""

    model_config = ConfigDict(extra="forbid")

    file: Path
    level: Level = "standard"
    single: dict[str, Setting] = Field(default_factory=dict)
    sources: list[tuple[Path, str]] = Field(default_factory=list)
    against: list[Path] = Field(default_factory=list)
    trainer: Literal["openai", "bedrock", "trl", "llama-factory"] | None = None
    out: Path | None = None
    flagged: Path | None = None
    rejected: Path | None = None
    verdicts: Path | None = None
    html: Path | None = None
    processes: Annotated[int | None, Field(ge=1)] = None

    def request(self) -> CheckRequest:
        """Raises Invalid for a check that is not there."""
        if unknown := sorted(self.single.keys() - CHECKS.keys()):
            raise Invalid(f"No check is called {unknown[0]}; they are: {', '.join(CHECKS)}", field="checks")
        policy = Policy(self.level, self.single)
        return CheckRequest(
            file=self.file,
            policy=policy,
            sources=self.sources,
            against=self.against,
            trainer=self.trainer,
            out=self.out,
            flagged=self.flagged,
            rejected=self.rejected,
            verdicts=self.verdicts,
            html=self.html,
            processes=self.processes,
        )


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        request = Asked.model_validate_json(sys.stdin.buffer.read()).request()
        report = check_file(request, _Progress(request.file.stat().st_size))
    except (Invalid, ValidationError) as problem:
        return _failed(problem.message if isinstance(problem, Invalid) else str(problem), USAGE)
    except (OSError, RuntimeError) as problem:
        return _failed(str(problem), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    _event("result", report=report)
    return 0


class _Progress:
    def __init__(self, size: int) -> None:
        self._size, self._told = size, 0.0

    def __call__(self, lines: int, read: int) -> None:
        if time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            _event("progress", lines=lines, bytes=read, size=self._size)


def _failed(message: str, code: int) -> int:
    _event("error", message=message, exit_code=code)
    return code


def _event(kind: str, **values: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps({"event": kind, **values}) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())

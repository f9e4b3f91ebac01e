"""The files that a check writes: kept lines as they were, flagged and rejected ones with what was found.

| file     | a line of it                                                                            |
|----------|-----------------------------------------------------------------------------------------|
| out      | the accepted lines, byte for byte; the flagged ones too, unless they have their own file |
| flagged  | {"line", "score", "findings", "record"}                                                 |
| rejected | the same; of a line that cannot be read {"line", "problem", "text"}                     |
| verdicts | {"line", "outcome", "score", "findings"} of every line                                  |

A file takes its place only when it is whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from dataforge.workflows.checking.line_checks import CheckedLine

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Outputs:
    out: IO[bytes] | None = None
    flagged: IO[bytes] | None = None
    rejected: IO[bytes] | None = None
    verdicts: IO[bytes] | None = None

    @classmethod
    @contextmanager
    def opened(
        cls, out: Path | None, flagged: Path | None, rejected: Path | None, verdicts: Path | None
    ) -> Iterator[Outputs]:
        with ExitStack() as files:
            opened = (
                files.enter_context(replacing(path)) if path else None for path in (out, flagged, rejected, verdicts)
            )
            yield cls(*opened)

    @property
    def any(self) -> bool:
        return any((self.out, self.flagged, self.rejected, self.verdicts))

    def write(self, line: CheckedLine, raw: bytes | None) -> None:
        """raw: the line as it stands in the file, without its end; None: it is too long to be held."""
        if self.verdicts:
            self.verdicts.write(orjson.dumps(_verdict(line)) + b"\n")
        raw = raw.removeprefix(_BOM).rstrip(b"\r") if raw is not None else None
        outcome = line.outcome
        if raw is not None and (outcome == "accepted" or (outcome == "flagged" and not self.flagged)):
            if self.out:
                self.out.write(raw + b"\n")
        elif (file := self.flagged if outcome == "flagged" else self.rejected) is not None:
            file.write(_with_reasons(line, raw) + b"\n")


def _verdict(line: CheckedLine) -> dict[str, Any]:
    if line.problem:
        return {"line": line.number, "outcome": line.outcome, "problem": line.problem}
    return {"line": line.number, "outcome": line.outcome, **_found(line)}


def _found(line: CheckedLine) -> dict[str, Any]:
    return {"score": line.probability, "findings": [f.to_json() for f in line.findings]}


def _with_reasons(line: CheckedLine, raw: bytes | None) -> bytes:
    if line.problem:
        text = "" if raw is None else raw.decode("utf-8", "replace")
        return orjson.dumps({"line": line.number, "problem": line.problem, "text": text})
    told = orjson.dumps({"line": line.number, **_found(line)})
    return told[:-1] + b',"record":' + (raw or b"null").strip() + b"}"


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its place when it is whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

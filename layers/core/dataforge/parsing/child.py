"""The process that reads one document and may die of it; started by `isolate`, never imported by it.

It limits and confines itself before it opens the document, and says what it found as one JSON object on a pipe of its
own.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

from dataforge.errors import Unreadable
from dataforge.parsing.sandbox import confine


def main(arguments: str) -> None:
    """`arguments`: JSON of path, filename, content_type, memory_mb, cpu_seconds, parent (a process id)."""
    given = json.loads(arguments)
    sys.dont_write_bytecode = True
    out = _own_pipe()
    _die_with(given["parent"])
    _limit(given["memory_mb"], given["cpu_seconds"])
    missing = confine(Path(given["path"]), sys.path)
    answer = {**_answer(Path(given["path"]), given["filename"], given["content_type"]), "unconfined": missing}
    with os.fdopen(out, "w", encoding="utf-8") as pipe:
        json.dump(answer, pipe, ensure_ascii=False)
    # Straight out: tearing down a large document can take longer than reading it, or crash.
    os._exit(0)


def _own_pipe() -> int:
    """Keep standard output for the answer; what libraries print must not mix with it."""
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return out


def _die_with(parent: int) -> None:
    with contextlib.suppress(ImportError, OSError, AttributeError):  # Linux only
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _limit(memory_mb: int, cpu_seconds: int) -> None:
    memory = memory_mb * 2**20
    wanted = {
        resource.RLIMIT_AS: (memory, memory),
        # The soft limit kills with SIGXCPU, the hard one a second later with SIGKILL.
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 1),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (64, 64),
        resource.RLIMIT_CORE: (0, 0),
    }
    for limit, (soft, hard) in wanted.items():
        most = resource.getrlimit(limit)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        with contextlib.suppress(ValueError, OSError):  # a limit this system does not have
            resource.setrlimit(limit, (soft, hard))


def _answer(path: Path, filename: str, content_type: str) -> dict[str, object]:
    try:
        from dataforge.parsing import parse

        parsed = parse(path, filename=filename, content_type=content_type)
    except Unreadable as error:
        return {"reason": error.reason, "message": error.message}
    except MemoryError:
        return {"reason": "too_complex", "message": ""}
    except ImportError as error:
        return {"broken": f"{type(error).__name__}: {error}"}
    except Exception as error:  # whatever a reader throws at a hostile file
        # Where, not what: the message of a reader may quote the document.
        place = traceback.extract_tb(error.__traceback__)[-1]
        print(f"{type(error).__name__} in {place.filename}:{place.lineno}", file=sys.stderr)
        return {"reason": "corrupted", "message": ""}
    return {
        "text": parsed.text,
        "blocks": [[block.kind, block.start, block.end, block.level, block.page] for block in parsed.blocks],
        "pages": parsed.pages,
        "title": parsed.title,
        "warnings": list(parsed.warnings),
    }

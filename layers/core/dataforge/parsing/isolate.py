"""Read a document in a process of its own, so that no file can take the caller down, fill its memory or hold it up.

The child starts with no environment to steal, limits its memory, processor time, files and core dumps, gives up the
network, other processes and every file but the document and its own code (`sandbox`), and is killed with everything it
started when its time is up, when it says too much, or when this process dies.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast, get_args

from dataforge.errors import Unreadable
from dataforge.parsing import sandbox
from dataforge.records import Block, ContentType, ParsedDocument

_log = logging.getLogger(__name__)

_MOST_ANSWER = 64 * 2**20
_MOST_COMPLAINT = 4_000
_PASSED_ON = ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main(sys.argv[2])"


_PLAIN = re.compile(r"[^A-Za-z0-9 _-]")
_TELLING = re.compile(r'File "[^"\n]+", line \d+, in \w+|\b\w+(?:Error|Exception|Warning)\b(?: in \S+\.py:\d+)?')


_noticed: set[str] = set()
"""Mechanisms of the sandbox whose absence was logged."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    answer: bytes
    complaint: str
    code: int
    stopped: str | None
    """Why it was killed from here: timed_out or too_large."""


def parse_isolated(
    path: Path,
    *,
    filename: str,
    content_type: str = "",
    memory_mb: int = 1536,
    cpu_seconds: int = 60,
    wall_seconds: float = 90,
    child: str = "dataforge.parsing.child",
) -> ParsedDocument:
    """Raises Unreadable with a reason and what to do about it; RuntimeError when this installation cannot parse.

    `child` is the module whose `main(arguments)` runs in the process; tests put misbehaving ones there.
    """
    arguments = {
        "path": str(Path(path).resolve()),
        "filename": filename,
        "content_type": content_type,
        "memory_mb": memory_mb,
        "cpu_seconds": cpu_seconds,
        "parent": os.getpid(),
    }
    outcome = _run(child, json.dumps(arguments), wall_seconds)
    if outcome.stopped == "timed_out" or outcome.code == -signal.SIGXCPU:
        raise Unreadable(
            f"Reading {filename} took longer than {cpu_seconds} s of processor time or {wall_seconds:g} s in all. "
            "Split it into smaller documents, or save it in a simpler form.",
            reason="timed_out",
        )
    if outcome.stopped == "too_large":
        raise Unreadable(
            f"{filename} holds more than {_MOST_ANSWER // 2**20} MiB of text. Split it and upload the parts.",
            reason="too_large",
        )
    return _read(outcome, filename, memory_mb)


def _read(outcome: _Outcome, filename: str, memory_mb: int) -> ParsedDocument:
    heavy = Unreadable(
        f"{filename} needs more than {memory_mb} MiB of memory to read. Split it into smaller documents, or save it in "
        "a simpler form.",
        reason="too_complex",
    )
    damaged = Unreadable(
        f"{filename} is damaged in a way that stops the reader. Open it, save it again and upload that.",
        reason="corrupted",
    )
    try:
        answer = json.loads(outcome.answer)
    except ValueError:
        _log.warning("parser died with %s: %s", outcome.code, _harmless(outcome.complaint))
        # Native code answers a refused allocation with abort; the system's own memory guard kills.
        if outcome.code in (-signal.SIGABRT, -signal.SIGKILL) or "MemoryError" in outcome.complaint:
            raise heavy from None
        if outcome.code > 0:
            raise RuntimeError(f"the parser could not start: {outcome.complaint or outcome.code}") from None
        raise damaged from None
    _note_missing(answer.get("unconfined"))
    if "broken" in answer:
        raise RuntimeError(f"this installation cannot read documents: {answer['broken']}")
    if reason := answer.get("reason"):
        if outcome.complaint:
            _log.warning("parser gave up: %s", _harmless(outcome.complaint))
        standard = heavy if reason == "too_complex" else damaged
        raise Unreadable(answer["message"] or standard.message, reason=reason)
    return _document(answer)


def _note_missing(notices: object) -> None:
    """Log once what this system does not have; the names are ours, the rest a hostile child could have written."""
    for notice in notices if isinstance(notices, list) else ():
        name, _, reason = str(notice).partition(": ")
        if name in sandbox.MECHANISMS and name not in _noticed:
            _noticed.add(name)
            _log.warning("documents are read with less isolation: no %s here (%s)", name, _PLAIN.sub("", reason)[:80])


def _harmless(complaint: str) -> str:
    """Kinds of errors and places in code: what readers say besides may quote the document."""
    return "; ".join(_TELLING.findall(complaint)[-20:]) or "no error that it could name"


def _document(answer: dict[str, object]) -> ParsedDocument:
    """The child read hostile bytes: believe nothing that can be checked."""
    text, blocks = answer["text"], answer["blocks"]
    if not isinstance(text, str) or not isinstance(blocks, list):
        raise TypeError("the parser's answer has no text")
    found: list[Block] = []
    at = 0
    for kind, start, end, level, page in blocks:
        if kind not in get_args(ContentType) or not at <= start < end <= len(text):
            raise ValueError("the parser's answer has a block outside its text")
        at = end
        found.append(Block(kind, start, end, level, page))
    pages, title, warnings = answer["pages"], answer["title"], answer["warnings"]
    return ParsedDocument(
        text,
        tuple(found),
        pages if isinstance(pages, int) else None,
        title if isinstance(title, str) else None,
        tuple(str(warning) for warning in warnings) if isinstance(warnings, list) else (),
    )


def _run(module: str, arguments: str, wall_seconds: float) -> _Outcome:
    """Start the module in a bare interpreter and hear it out."""
    sandbox.hide_from_children()
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # The parent's import path is handed over as an argument: -I ignores PYTHONPATH, where Lambda keeps its layers.
    import_path = json.dumps([os.path.abspath(entry) for entry in sys.path])
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _START.format(module=module), import_path, arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        env={**environment, "MALLOC_ARENA_MAX": "2", "PYTHONUTF8": "1", "RAYON_NUM_THREADS": "1"},
    )
    out, err = cast(IO[bytes], process.stdout), cast(IO[bytes], process.stderr)
    deadline = time.monotonic() + wall_seconds
    try:
        answer, complaint, stopped = _listen(out, err, deadline)
        if stopped is None:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                stopped = "timed_out"
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        out.close()
        err.close()
    return _Outcome(answer, complaint.decode("utf-8", errors="replace").strip(), process.returncode, stopped)


def _listen(out: IO[bytes], err: IO[bytes], deadline: float) -> tuple[bytes, bytes, str | None]:
    """Read both pipes until the answer's end; (answer, end of the complaint, reason to stop early)."""
    answer, complaint = bytearray(), bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(out, selectors.EVENT_READ, answer)
        ready.register(err, selectors.EVENT_READ, complaint)
        while ready.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return bytes(answer), bytes(complaint), "timed_out"
            for key, _ in ready.select(left):
                piece = os.read(key.fd, 1 << 16)
                if not piece:
                    ready.unregister(key.fileobj)
                key.data.extend(piece)
            if len(answer) > _MOST_ANSWER:
                return b"", bytes(complaint), "too_large"
            del complaint[:-_MOST_COMPLAINT]
    return bytes(answer), bytes(complaint), None

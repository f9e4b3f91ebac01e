"""Keeps one process with a loaded model: `python -m dataforge.platform.embedded.model_keeper FOLDER LOCK OWNER`.

`LocalInference` starts it, from the server or from one of its workers, and it belongs to neither: it leaves its starter
(a second fork), and ends with the server, whoever started it. It holds the lock of the folder (an inherited descriptor,
which the process with the model inherits, too), so that the lock is held exactly as long as one of both lives.

    <folder>/config.json   what to run, its token, after how many idle seconds to end (0600, written by the starter)
    <folder>/ready.json    {"port"}, once the model is loaded
    <folder>/failed.json   {"message"}, where it could not be loaded or does not answer any more
    <folder>/used          touched by every question
    <folder>/stop          end now

OWNER is the lock that the server holds as long as it lives. The model's process dies with its keeper (Linux).
"""

from __future__ import annotations

import ctypes
import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

LOOK_EVERY = 0.05
"""Seconds between two looks while the model is loaded; five times as long afterwards."""
PING_EVERY = 10.0
PING_TIMEOUT = 5.0
MOST_MISSED_PINGS = 6
"""Health checks in a row without an answer: a minute, in which a busy machine may be slow."""
GRACE = 10.0
"""Seconds that the process has after SIGTERM."""
TOKEN = "DATAFORGE_SERVE_TOKEN"  # noqa: S105  the name of the variable
_PR_SET_PDEATHSIG = 1


class _Failed(Exception):
    """The model cannot be used; the message is for people."""


def main(folder: Path, lock: int, owner: Path) -> None:
    """lock: a descriptor that is inherited."""
    if os.fork():
        os._exit(0)  # the starter waits for this process only
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    program: subprocess.Popen[bytes] | None = None
    try:
        port = _free_port()
        program = _start(folder, config, port, lock)
        _keep(folder, config, port, program, owner, asked)
    except (_Failed, OSError) as problem:
        _write(folder / "failed.json", {"message": str(problem)})
    finally:
        (folder / "stop").touch()  # nobody may wait for this process any more
        (folder / "ready.json").unlink(missing_ok=True)
        if program is not None:
            _end(program)


def _start(folder: Path, config: dict[str, Any], port: int, lock: int) -> subprocess.Popen[bytes]:
    descriptor = os.open(folder / "output.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "ab") as output:
        return subprocess.Popen(
            [*config["command"], "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**config["environment"], TOKEN: config["token"]},
            cwd=folder,
            start_new_session=True,
            pass_fds=(lock,),
            preexec_fn=_die_with_parent,
        )


def _keep(
    folder: Path, config: dict[str, Any], port: int, program: subprocess.Popen[bytes], owner: Path, asked: list[int]
) -> None:
    """Until the program is to end. Raises _Failed when it ends by itself, or answers no more."""
    is_ready, missed, next_ping = False, 0, 0.0
    while not asked and not (folder / "stop").exists() and not _is_free(owner):
        if program.poll() is not None:
            raise _Failed(_how_it_ended(program.returncode, folder / "output.log"))
        now = time.monotonic()
        if not is_ready and _pings(port, 1.0):
            is_ready, next_ping = True, now + PING_EVERY
            _write(folder / "ready.json", {"port": port})
        elif is_ready and now >= next_ping:
            missed = 0 if _pings(port, PING_TIMEOUT) else missed + 1
            next_ping = time.monotonic() + PING_EVERY
        if missed >= MOST_MISSED_PINGS:
            raise _Failed("the process with the model does not answer any more")
        if is_ready and _idle(folder / "used") > config["idle_seconds"]:
            return
        with suppress(subprocess.TimeoutExpired):  # its end is seen at once: nobody is sent to a process that is gone
            program.wait(5 * LOOK_EVERY if is_ready else LOOK_EVERY)


def _idle(used: Path) -> float:
    """Seconds since the last question."""
    try:
        return time.time() - used.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _pings(port: int, timeout: float) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_free(owner: Path) -> bool:
    """Nobody holds the lock: the server is gone."""
    try:
        with owner.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _how_it_ended(code: int, log: Path) -> str:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if code == -9:
        how += ", often because the memory is used up"
    last = _last_line(log)
    return f"the process with the model {how}" + (f": {last}" if last else "")


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
        lines = file.read().decode("utf-8", "replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _end(program: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        program.terminate()
    with suppress(subprocess.TimeoutExpired):
        program.wait(GRACE)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)  # with what it started
    program.wait()


def _write(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(content), "utf-8")
    draft.replace(path)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))

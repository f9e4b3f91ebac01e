"""The one-machine server as a child of a command: found if it already serves the folder, else started and stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dataforge_client.errors import ClientError, ConfigError
from dataforge_client.profiles import Connection

GRACE = 20.0
"""Seconds that a server gets to stop by itself."""
START = 120.0
"""Seconds that it gets to become ready; the first start on a cold disk is slow."""

LOG_LIMIT = 10 * 2**20
"""Bytes."""

_running: list[subprocess.Popen[str]] = []


@dataclass(frozen=True, slots=True)
class Ready:
    """What the server says once it answers, and keeps in `<home>/server.json` while it does."""

    url: str
    home: str
    organization_id: str
    credentials: Path
    """A file that only its owner can read."""

    def connection(self) -> Connection:
        """Raises ConfigError when the credentials do not hold a key."""
        try:
            held = json.loads(self.credentials.read_text(encoding="utf-8"))
            return Connection(self.url, held["api_key"], self.organization_id)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise ConfigError(f"{self.credentials} does not hold a server's key: {problem}") from None


@contextmanager
def serving(home: Path) -> Iterator[Connection]:
    """A server on this folder for the length of the block."""
    found = already_serving(home)
    if found is not None:
        yield found
        return
    with open_log(home) as log, log_path(home).open(encoding="utf-8", errors="replace") as reader:
        reader.seek(0, os.SEEK_END)
        child = start(home, "127.0.0.1", 0, log=log)
        try:
            yield wait_ready(child, log=reader).connection()
        finally:
            stop(child)


def log_path(home: Path) -> Path:
    return home / "server.log"


def open_log(home: Path) -> IO[str]:
    """To append to; a log that has grown large makes room for a new one."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = log_path(home)
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    return path.open("a", encoding="utf-8")


def already_serving(home: Path) -> Connection | None:
    """The server that `<home>/server.json` tells of, if it answers and knows the key; a killed one leaves the file."""
    try:
        ready = _ready((home / "server.json").read_text(encoding="utf-8"))
        known = ready.connection() if ready else None
    except (OSError, ConfigError):
        return None
    if known is None:
        return None
    from dataforge_client.client import DataForge
    from dataforge_client.transport import Retry

    with (
        DataForge(known.base_url, known.api_key, known.organization_id, timeout=5, retry=Retry(tries=1)) as forge,
        suppress(ClientError),
    ):
        if forge.health().get("status") == "ok":
            forge.whoami()
            return known
    return None


def start(home: Path, host: str, port: int, *, log: IO[str] | None = None) -> subprocess.Popen[str]:
    """log: where its stderr goes; None: the terminal's.

    port: 0 picks a free one. PYTHONSAFEPATH keeps a folder called infra in the current directory from being mistaken
    for ours. Its own session keeps the terminal's Ctrl-C from reaching it before we have said goodbye.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "infra.local", "--home", str(home), "--host", host, "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    _running.append(child)
    return child


def wait_ready(child: subprocess.Popen[str], *, log: IO[str] | None = None) -> Ready:
    """Reads its one line; raises ClientError with the end of its log when it stops or stays silent instead."""
    too_long = threading.Timer(START, child.kill)
    too_long.start()
    try:
        assert child.stdout is not None  # noqa: S101 - Popen above asked for the pipe
        for line in child.stdout:
            ready = _ready(line)
            if ready is not None:
                return ready
    finally:
        too_long.cancel()
    stop(child)
    raise ClientError(f"The local server did not start (exit code {child.returncode}).{_tail(log)}")


def stop(child: subprocess.Popen[str]) -> None:
    """Ask it to stop; after GRACE seconds, make it."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child.stdout is not None:
        child.stdout.close()
    if child in _running:
        _running.remove(child)


def kill_all() -> None:
    """For the second Ctrl-C: nothing of ours outlives us. What was committed is safe; the next start resumes it."""
    for child in _running:
        with suppress(ProcessLookupError):
            child.kill()


def _ready(line: str) -> Ready | None:
    """None for anything but the server's own ready line."""
    try:
        said = json.loads(line)
        if said["event"] != "ready":
            return None
        return Ready(said["url"], said["home"], said["organization_id"], Path(said["credentials"]))
    except (ValueError, KeyError, TypeError):
        return None


def _tail(log: IO[str] | None, lines: int = 15) -> str:
    """The last lines after the reader's position."""
    if log is None:
        return ""
    last = log.read().splitlines()[-lines:]
    return "\n" + "\n".join(last) if last else ""

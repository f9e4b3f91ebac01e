"""The local server as a child process: a running one is used, otherwise one is started and stopped again."""

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

STOP_TIMEOUT = 20.0
"""Seconds after SIGTERM until the server is killed."""
START_TIMEOUT = 120.0
"""Seconds until the server must be ready; the first start on a cold disk is slow."""

LOG_LIMIT = 10 * 2**20
"""Bytes of the log file until it is rotated."""

_running: list[subprocess.Popen[str]] = []


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What the server prints when it is ready; also in `<home>/server.json` while it runs."""

    url: str
    home: str
    organization_id: str
    credentials: Path
    """The file with the API key, readable only by its owner."""

    def connection(self) -> Connection:
        """Raises ConfigError when the credentials file has no API key."""
        try:
            credentials = json.loads(self.credentials.read_text(encoding="utf-8"))
            return Connection(self.url, credentials["api_key"], self.organization_id)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise ConfigError(f"{self.credentials} has no API key: {problem}") from None


@contextmanager
def running_server(home: Path) -> Iterator[Connection]:
    """A server on this data folder for the duration of the block; a running one is used and left running."""
    running = find_running_server(home)
    if running is not None:
        yield running
        return
    with open_log(home) as log, log_path(home).open(encoding="utf-8", errors="replace") as reader:
        reader.seek(0, os.SEEK_END)
        child = start(home, "127.0.0.1", 0, log=log)
        try:
            yield wait_until_ready(child, log=reader).connection()
        finally:
            stop(child)


def log_path(home: Path) -> Path:
    return home / "server.log"


def open_log(home: Path) -> IO[str]:
    """The log file, opened to append; a log of more than LOG_LIMIT bytes is renamed first."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = log_path(home)
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_suffix(".log.1"))
    return path.open("a", encoding="utf-8")


def find_running_server(home: Path) -> Connection | None:
    """The server of `<home>/server.json` if it responds and accepts the key; a killed server leaves a stale file."""
    try:
        info = _parse_server_info((home / "server.json").read_text(encoding="utf-8"))
        connection = info.connection() if info else None
    except (OSError, ConfigError):
        return None
    if connection is None:
        return None
    from dataforge_client.client import DataForge
    from dataforge_client.transport import Retry

    with (
        DataForge(
            connection.base_url, connection.api_key, connection.organization_id, timeout=5, retry=Retry(tries=1)
        ) as forge,
        suppress(ClientError),
    ):
        if forge.health().get("status") == "ok":
            forge.whoami()
            return connection
    return None


def start(home: Path, host: str, port: int, *, log: IO[str] | None = None) -> subprocess.Popen[str]:
    """Start the server process.

    port: 0 picks a free one. log: the file for its stderr; None: the terminal. PYTHONSAFEPATH prevents the import of a
    folder named infra in the current directory. The process gets its own session, so that Ctrl-C in the terminal does
    not reach it: the command stops it.
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


def wait_until_ready(child: subprocess.Popen[str], *, log: IO[str] | None = None) -> ServerInfo:
    """Read the server's ready line. Raises ClientError with the end of its log when it exits or is not ready."""
    timer = threading.Timer(START_TIMEOUT, child.kill)
    timer.start()
    try:
        assert child.stdout is not None  # noqa: S101 - Popen above requested the pipe
        for line in child.stdout:
            info = _parse_server_info(line)
            if info is not None:
                return info
    finally:
        timer.cancel()
    stop(child)
    raise ClientError(f"The local server did not start (exit code {child.returncode}).{_tail(log)}")


def stop(child: subprocess.Popen[str]) -> None:
    """Ask it to stop; after STOP_TIMEOUT seconds, kill it."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child.stdout is not None:
        child.stdout.close()
    if child in _running:
        _running.remove(child)


def kill_all() -> None:
    """For the second Ctrl-C: kill all child processes. Committed data is safe; the next start resumes the jobs."""
    for child in _running:
        with suppress(ProcessLookupError):
            child.kill()


def _parse_server_info(line: str) -> ServerInfo | None:
    """The server's ready line; None for any other line."""
    try:
        event = json.loads(line)
        if event["event"] != "ready":
            return None
        return ServerInfo(event["url"], event["home"], event["organization_id"], Path(event["credentials"]))
    except (ValueError, KeyError, TypeError):
        return None


def _tail(log: IO[str] | None, lines: int = 15) -> str:
    """The last lines of the log, from the reader's position on."""
    if log is None:
        return ""
    last = log.read().splitlines()[-lines:]
    return "\n" + "\n".join(last) if last else ""

"""The local server of a data folder: a running one is shared, otherwise one is started; its last user stops it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dataforge_client.cli import server_users
from dataforge_client.errors import ClientError, ConfigError
from dataforge_client.profiles import Connection

STOP_TIMEOUT = 20.0
"""Seconds after SIGTERM until the server is killed."""
START_TIMEOUT = 120.0
"""Seconds until the server must be ready; the first start on a cold disk is slow."""

_REASON = "Cannot start: "
"""How the server begins the line that says why."""
LOG_LIMIT = 10 * 2**20
"""Bytes of the log file until it is rotated."""

_running: list[subprocess.Popen[str]] = []
_users: list[IO[str]] = []
"""The locks that count this command as a user of its server."""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What the server prints when it is ready; also in `<home>/server.json` while it runs."""

    url: str
    home: str
    organization_id: str
    credentials: Path
    """The file with the API key, readable only by its owner."""
    unfinished: Sequence[str] = ()
    """Ids of runs that an earlier server left unfinished: this one goes on with them."""

    def connection(self) -> Connection:
        """Raises ConfigError when the credentials file has no API key."""
        try:
            credentials = json.loads(self.credentials.read_text(encoding="utf-8"))
            return Connection(self.url, credentials["api_key"], self.organization_id)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise ConfigError(f"{self.credentials} has no API key: {problem}") from None


@contextmanager
def running_server(
    home: Path,
    *,
    on_start: Callable[[], None] | None = None,
    on_wait: Callable[[], None] | None = None,
    on_unfinished: Callable[[Sequence[str]], None] | None = None,
    goes_on: Callable[[], bool] | None = None,
) -> Iterator[Connection]:
    """A server on this data folder for the duration of the block: the one that is running, or one that is started.

    Commands that run at the same time share it; the last one stops it, unless `dataforge up` started it. on_start:
    called before a server is started; on_wait: when another command is starting or stopping one; on_unfinished: with
    the ids of runs that a server which was started goes on with, if there are any; goes_on: asked at the end whether
    work goes on that takes hours, such as a training: then no command stops the server, which ends by itself once
    nothing goes on.
    """
    with server_users.start_lock(home, on_wait=on_wait):
        child: subprocess.Popen[str] | None = None
        connection = find_running_server(home)
        if connection is None:
            if on_start:
                on_start()
            child, info, connection = _started(home)
            if on_unfinished and info.unfinished:
                on_unfinished(info.unfinished)
        users = server_users.register(home)
    _users.append(users)
    try:
        yield connection
    finally:
        with server_users.start_lock(home, on_wait=on_wait):
            last = server_users.is_last(users)
            if goes_on is not None and goes_on():
                _outlives(home).touch()
            if _outlives(home).exists():
                if child is not None:
                    leave(child)
            elif child is not None and last:
                stop(child)
            elif last and ends_with_its_users(home):
                ask_to_stop(home)
            elif child is not None:
                leave(child)
        _users.remove(users)
        users.close()


def _started(home: Path) -> tuple[subprocess.Popen[str], ServerInfo, Connection]:
    with open_log(home) as log, log_path(home).open(encoding="utf-8", errors="replace") as reader:
        reader.seek(0, os.SEEK_END)
        _outlives(home).unlink(missing_ok=True)
        child = start(home, "127.0.0.1", 0, log=log, shared=True)
        try:
            info = wait_until_ready(child, log=reader)
            return child, info, info.connection()
        except BaseException:
            stop(child)
            raise


def _outlives(home: Path) -> Path:
    """The file that says: the running server ends by itself, and no command stops it at its end."""
    return home / "server.outlives"


def ends_with_its_users(home: Path) -> bool:
    """Whether a command started the running server, and not `dataforge up`."""
    try:
        return bool(json.loads((home / "server.json").read_text(encoding="utf-8")).get("stop_when") == "unused")
    except (OSError, ValueError, AttributeError):
        return False


def ask_to_stop(home: Path) -> bool:
    """Ask the running server to end and wait until it has; False when it has not after STOP_TIMEOUT seconds."""
    (home / "server.stop").touch()
    deadline = time.monotonic() + STOP_TIMEOUT
    while (home / "server.json").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


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
    """The server of `<home>/server.json` if it proves that it is one and accepts the key.

    A killed server leaves a stale file, and another program may listen at that address: it never gets the key.
    """
    try:
        info = _parse_server_info((home / "server.json").read_text(encoding="utf-8"))
        connection = info.connection() if info else None
    except (OSError, ConfigError):
        return None
    from dataforge_client.cli import server_identity

    if connection is None or not server_identity.serves(connection.base_url, home):
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


def start(
    home: Path, host: str, port: int, *, log: IO[str] | None = None, shared: bool = False
) -> subprocess.Popen[str]:
    """Start the server process.

    port: 0 picks a free one. log: the file for its stderr; None: the terminal. shared: it ends when no command uses it
    and it has nothing to do. PYTHONSAFEPATH prevents the import of a
    folder named infra in the current directory. The process gets its own session, so that Ctrl-C in the terminal does
    not reach it: the command stops it.
    """
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "dataforge_infra.local", "--home", str(home), "--host", host, "--port", str(port)),
            *(("--stop-when", "unused") if shared else ()),
        ],
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
    raise ClientError(_why_not_started(child.returncode, log))


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


def leave(child: subprocess.Popen[str]) -> None:
    """Let it run for the other commands that use it; the last one stops it."""
    if child.stdout is not None:
        child.stdout.close()
    if child in _running:
        _running.remove(child)
    child.returncode = child.poll() or 0  # nobody waits for it any more


def kill_all() -> None:
    """For the second Ctrl-C: kill all child processes that no other command uses. Committed data is safe; the next
    start resumes the jobs."""
    if not all(server_users.is_last(users) for users in _users):
        return
    for child in _running:
        with suppress(ProcessLookupError):
            child.kill()


def _parse_server_info(line: str) -> ServerInfo | None:
    """The server's ready line; None for any other line."""
    try:
        event = json.loads(line)
        if event["event"] != "ready":
            return None
        unfinished = [str(run) for run in event.get("unfinished") or ()]
        return ServerInfo(event["url"], event["home"], event["organization_id"], Path(event["credentials"]), unfinished)
    except (ValueError, KeyError, TypeError):
        return None


def _why_not_started(code: int | None, log: IO[str] | None, lines: int = 15) -> str:
    """The server's own reason first; without one, the end of what it has logged."""
    last = log.read().splitlines()[-lines:] if log is not None else []
    reasons = [line.removeprefix(_REASON) for line in last if line.startswith(_REASON)]
    if reasons:
        return f"The local server did not start: {reasons[-1]}"
    if any(f"No module named '{package}" in line for line in last for package in ("dataforge_infra", "uvicorn")):
        return (
            "Only the client is installed here. Install dataforge-server[machine] too, or name a server with --server."
        )
    return "\n".join((f"The local server did not start (exit code {code}).", *last))

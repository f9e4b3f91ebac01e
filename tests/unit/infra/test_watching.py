"""When the one-machine server ends by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dataforge_client.cli import server_users
from dataforge_infra.local import watching
from tests.support.waiting import until


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., threading.Event]]:
    """Watches a folder; the event that is set when the server would be asked to end."""
    monkeypatch.setattr(watching, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(watching, "USERS_EVERY", 0.01)
    monkeypatch.setattr(watching, "IDLE_SECONDS", 0.1)
    closing, threads, kept = threading.Event(), list[threading.Thread](), list[ExitStack]()

    def start(*, unused: bool, busy: Callable[[], bool] = lambda: False) -> threading.Event:
        stopped = threading.Event()
        options: dict[str, Any] = {"unused": unused, "is_busy": busy, "stop": stopped.set, "closing": closing}
        threads.append(threading.Thread(target=lambda: kept.append(watching.watch(tmp_path, **options))))
        threads[-1].start()
        return stopped

    yield start
    closing.set()
    for thread in threads:
        thread.join(10)
    for locks in kept:
        locks.close()


def test_a_server_is_stopped_by_the_file_that_asks_for_it(
    watch: Callable[..., threading.Event], tmp_path: Path
) -> None:
    (tmp_path / "server.stop").touch()  # left over: it asked an earlier server
    stopped = watch(unused=False)
    until(lambda: not (tmp_path / "server.stop").exists())
    assert not stopped.wait(0.1)

    (tmp_path / "server.stop").touch()

    assert stopped.wait(10)
    assert not (tmp_path / "server.stop").exists()


def test_a_server_without_users_goes_on_until_its_runs_have_ended(watch: Callable[..., threading.Event]) -> None:
    busy = threading.Event()
    busy.set()
    stopped = watch(unused=True, busy=busy.is_set)
    assert not stopped.wait(0.2)

    busy.clear()

    assert stopped.wait(10)


def test_a_server_stays_as_long_as_a_command_uses_it(watch: Callable[..., threading.Event], tmp_path: Path) -> None:
    with server_users.start_lock(tmp_path):
        users = server_users.register(tmp_path)
    stopped = watch(unused=True)
    assert not stopped.wait(0.2)

    users.close()  # as the kernel does when the command is killed

    assert stopped.wait(10)


def test_a_server_that_ends_lets_no_command_begin_to_use_it(
    watch: Callable[..., threading.Event], tmp_path: Path
) -> None:
    stopped = watch(unused=True)
    assert stopped.wait(10)

    waiting = threading.Event()
    starter = threading.Thread(target=_take, args=(tmp_path, waiting), daemon=True)
    starter.start()

    assert not waiting.wait(0.2), "the lock is held until the process is gone"


def _take(home: Path, taken: threading.Event) -> None:
    with server_users.start_lock(home):
        taken.set()


def test_a_server_that_nobody_must_use_stays(watch: Callable[..., threading.Event]) -> None:
    assert not watch(unused=False).wait(0.3)

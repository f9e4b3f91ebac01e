"""The public health route: what it reports, and how seldom it asks the services behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dataforge.platform import current
from dataforge.platform.ports import Platform
from dataforge_functions.api import system
from tests.support.service import Service


class Backend:
    """Tables and workflows that count how often they are asked, and may be down."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down: set[str] = set()
        self.platform = cast(
            Platform,
            SimpleNamespace(
                tables=SimpleNamespace(get=lambda *_: self._ask("database")),
                workflows=SimpleNamespace(describe=lambda *_: self._ask("queue")),
            ),
        )
        self.waiting: Callable[[], None] = lambda: None

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        self.waiting()
        if name in self.down:
            raise ConnectionError(name)


def test_many_anonymous_calls_ask_the_workflows_port_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ports = current()
    describe = ports.workflows.describe
    monkeypatch.setattr(
        type(ports.workflows), "describe", lambda _, machine, run_id: asked.append(run_id) or describe(machine, run_id)
    )

    answers = [service.http.get("/health").json()["status"] for _ in range(20)]

    assert set(answers) == {"ok"}
    assert asked == ["health"]


def test_a_result_is_kept_for_half_a_minute_and_a_failure_for_five_seconds() -> None:
    backend, now = Backend(), [0.0]
    checks = system.HealthChecks(lambda: now[0])

    def at(moment: float) -> dict[str, str]:
        now[0] = moment
        return checks.states(backend.platform)

    good = {"database": "ok", "queue": "ok"}
    assert [at(0), at(29)] == [good, good]
    assert backend.asked == ["database", "queue"]
    backend.down = {"queue"}
    bad = {"database": "ok", "queue": "down"}
    assert [at(29.9), at(30), at(34)] == [good, bad, bad]
    backend.down = set()
    assert [at(34.9), at(35)] == [bad, good]
    assert len(backend.asked) == 6


def test_requests_during_a_slow_check_get_the_earlier_result() -> None:
    backend, now, release, entered = Backend(), [0.0], threading.Event(), threading.Event()
    checks = system.HealthChecks(lambda: now[0])
    checks.states(backend.platform)

    def hang() -> None:
        entered.set()
        release.wait(10)

    now[0], backend.waiting = 31.0, hang
    slow = threading.Thread(target=checks.states, args=(backend.platform,))
    slow.start()
    assert entered.wait(10)

    assert checks.states(backend.platform) == {"database": "ok", "queue": "ok"}
    assert backend.asked == ["database", "queue", "database"]
    release.set()
    slow.join()


def test_another_platform_is_checked_anew() -> None:
    first, second = Backend(), Backend()
    second.down = {"database"}
    checks = system.HealthChecks()
    states: list[Any] = [checks.states(first.platform), checks.states(second.platform)]

    assert [found["database"] for found in states] == ["ok", "down"]

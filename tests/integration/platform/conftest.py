"""Runners that are closed after the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.runner_harness import Handler, RunnerHarness, machine


@pytest.fixture
def open_runner(tmp_path: Path) -> Iterator[Callable[..., RunnerHarness]]:
    opened: list[RunnerHarness] = []

    def open_runner(
        states: dict[str, Any],
        handlers: dict[str, Handler] | None = None,
        timeout: int = 60,
        now: Callable[[], float] = time.time,
    ) -> RunnerHarness:
        opened.append(RunnerHarness(tmp_path / "runs.db", {"m": machine(states, timeout)}, handlers or {}, now))
        return opened[-1]

    yield open_runner
    for harness in opened:
        harness.runner.close()

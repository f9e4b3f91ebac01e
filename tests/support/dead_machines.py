"""State machines that die, and the readers of a run who notice."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dataforge.platform import current
from dataforge.store import runs
from dataforge.workflows import lifecycle
from tests.support.service import Service


def noticed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers of a run look after its machine each time."""
    monkeypatch.setattr(lifecycle, "RECONCILE_AFTER", 0.0)
    monkeypatch.setattr(lifecycle, "RECONCILE_EVERY", 0.0)


def kill(machine: str, run_id: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            current().workflows.stop(machine, run_id, cause="pulled the plug")
            break
        except AttributeError:  # the emulator has not begun the execution yet
            assert time.monotonic() < end
            time.sleep(0.02)
    while current().workflows.describe(machine, run_id).status == "RUNNING":  # type: ignore[union-attr]
        assert time.monotonic() < end
        time.sleep(0.05)


def is_dead(machine: str, run_id: str) -> bool:
    execution = current().workflows.describe(machine, run_id)
    return execution is not None and execution.status != "RUNNING"


def closed(service: Service, generation_id: str) -> dict[str, Any]:
    """The run once its recovery has closed it."""
    end = time.monotonic() + 60
    while True:
        job: dict[str, Any] = service.call("GET", f"/generations/{generation_id}")
        if job["status"] in runs.FINISHED:
            return job
        assert time.monotonic() < end, job
        time.sleep(0.1)

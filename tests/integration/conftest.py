"""The whole service on either backend: the API in this process, its state machines really executed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dataforge import settings
from tests.support import shared_workers
from tests.support.service import MakeWorkers, Service, aws_service, embedded_service


@pytest.fixture(scope="session", autouse=True)
def _stop_shared_workers() -> Iterator[None]:
    yield
    shared_workers.close()


@pytest.fixture
def make_workers() -> MakeWorkers:
    """Where the embedded backend's workers come from."""
    return shared_workers.make_workers


@pytest.fixture(params=["embedded", "aws"])
def service(request: pytest.FixtureRequest, tmp_path: Path, make_workers: MakeWorkers) -> Iterator[Service]:
    """One contract, two backends."""
    settings.get.cache_clear()
    yield from embedded_service(tmp_path, make_workers) if request.param == "embedded" else aws_service(tmp_path)
    settings.get.cache_clear()

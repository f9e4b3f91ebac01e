"""A client of the fake API that records the pauses between tries instead of sleeping."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataforge_client import DataForge
from dataforge_client.transport import Retry
from tests.support.fake_api import KEY, ORGANIZATION, FakeApi


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    """The pauses that the client made between tries."""
    return []


@pytest.fixture
def data_forge(api: FakeApi, pauses: list[float]) -> Iterator[DataForge]:
    with DataForge(api.url, KEY, ORGANIZATION, retry=Retry(sleep=pauses.append, rng=lambda: 1.0)) as client:
        yield client

"""The service on the AWS backend only, with the retries of the API's function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dataforge import settings
from tests.support.library_patches import record_botocore_pauses
from tests.support.service import Service, aws_service


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Service]:
    monkeypatch.setenv("DATAFORGE_STORE_ATTEMPTS", "4")  # as in the API's function
    settings.get.cache_clear()
    yield from aws_service(tmp_path)
    settings.get.cache_clear()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What botocore would have slept between its tries."""
    return record_botocore_pauses(monkeypatch)

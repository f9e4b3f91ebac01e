"""A provider with a batch API, for runs that a test walks state by state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataforge import settings
from tests.support.batch_servers import KEY, BatchServer, Plot, openai_batches
from tests.support.embedded_platform import embedded_platform
from tests.support.scripted_replies import scripted_reply
from tests.support.synthetic_batches import MODELS


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[BatchServer]:
    """And an embedded backend that starts no machine."""
    with openai_batches(Plot(reply=scripted_reply)) as made:
        for name, value in {
            "OPENAI_BASE_URL": made.url,
            "OPENAI_API_KEY": KEY,
            "DATAFORGE_BATCH_LEAST": "1",
            "DATAFORGE_BATCH_CALLS": "2",
            "DATAFORGE_MODELS": json.dumps(MODELS),
        }.items():
            monkeypatch.setenv(name, value)
        settings.get.cache_clear()
        with embedded_platform(tmp_path):
            yield made
        settings.get.cache_clear()

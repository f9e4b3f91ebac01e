"""A provider with a batch API, for runs that a test walks state by state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.walking import Started
from dataforge import platform, settings
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.platform.embedded.publisher import InProcessPublisher
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from dataforge.platform.ports import Platform
from infra import catalog
from tests.support.batch_servers import KEY, BatchServer, Plot, openai_batches
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
        files = LocalFiles(tmp_path / "files", base_url=lambda: "http://x", secret=b"s" * 32, max_upload_bytes=10**6)
        tables = SqliteTables(tmp_path / "data.db", catalog.TABLES)
        platform.use(
            Platform(
                name="embedded",
                tables=tables,
                files=files,
                workflows=Started(),
                publisher=InProcessPublisher(),
                secrets=EnvironmentSecrets(None),
            )
        )
        yield made
        platform.use(None)
        tables.close()
        settings.get.cache_clear()

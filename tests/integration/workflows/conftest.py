"""Runs walked state by state on a fresh embedded backend, and a model that keeps what it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dataforge import clock, settings
from dataforge.store import documents, organisations, projects
from dataforge.store.chunks import StoredChunk
from dataforge.store.documents import Document
from dataforge.store.projects import Project
from dataforge.workflows.engine import retry
from tests.support.chat_servers import Recorder, recorder
from tests.support.document_runs import FACTS, passage
from tests.support.embedded_platform import embedded_platform
from tests.support.synthetic_runs import SyntheticHarness


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A language model that keeps what it is sent. Ask for it before `service`, whose workers inherit its address."""
    with recorder() as kept:
        monkeypatch.setenv("OPENAI_BASE_URL", kept.url)
        yield kept


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project of six passages on a fresh embedded backend."""
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.05)
    settings.get.cache_clear()
    with embedded_platform(tmp_path):
        org_id, user_id = organisations.create("harbour")
        made = projects.create(org_id, user_id, name="p", description="", source_type="documents", config={})
        document = Document(
            made.project_id, "doc_0", "rules.md", "text/markdown", 1, "k", clock.now(), parsing_status="parsing"
        )
        documents.add(made, document)
        chunks = [
            StoredChunk(
                made.project_id,
                f"chunk_0_{n:06d}",
                "doc_0",
                passage(n),
                ["Rules"],
                n,
                "paragraph",
                60,
                0,
                len(passage(n)),
                clock.now(),
            )
            for n in range(len(FACTS))
        ]
        documents.replace_chunks(org_id, document, chunks, {"parsing_status": "parsed"})
        yield projects.get(org_id, made.project_id)


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyntheticHarness]:
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.02)
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", "fake:model")
    settings.get.cache_clear()
    with embedded_platform(tmp_path):
        yield SyntheticHarness(monkeypatch)
    settings.get.cache_clear()

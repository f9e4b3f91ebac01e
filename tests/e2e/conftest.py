"""Real processes: the one-machine server, the command, a stub model that counts its requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataforge_client import DataForge
from tests.support.corpus import DOCUMENTS, present
from tests.support.server_processes import Machine, Process


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    for process in made.running:
        if process.child.poll() is None:
            process.kill()
        assert process.child.stdout is not None
        process.child.stdout.close()


@pytest.fixture
def connect() -> Iterator[Callable[[Process], DataForge]]:
    opened: list[DataForge] = []

    def to(server: Process) -> DataForge:
        key = json.loads(Path(server.ready["credentials"]).read_text())["api_key"]
        opened.append(DataForge(server.ready["url"], api_key=key, organization_id=server.ready["organization_id"]))
        return opened[-1]

    yield to
    for client in opened:
        client.close()


@pytest.fixture
def corpus() -> Path:
    """The folder of real documents."""
    return present(DOCUMENTS)

"""The synthesised deployment, once per stage and session, whichever worker needs it first; packages are not installed
for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import templates
from tests.support.templates import Deployment


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this session have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def dev(shared: Path) -> Deployment:
    return templates.read(templates.folder_of("dev", shared))


@pytest.fixture(scope="session")
def prod(shared: Path) -> Deployment:
    return templates.read(templates.folder_of("prod", shared))


@pytest.fixture(scope="session")
def full(shared: Path) -> Deployment:
    """prod with every option."""
    return templates.read(templates.folder_of("full", shared))


@pytest.fixture(scope="session")
def narrow(shared: Path) -> Deployment:
    """dev with two models and one endpoint."""
    return templates.read(templates.folder_of("narrow", shared))


@pytest.fixture(scope="session")
def closed(shared: Path) -> Deployment:
    """dev without any model or endpoint."""
    return templates.read(templates.folder_of("closed", shared))


@pytest.fixture(scope="session")
def ready(shared: Path) -> Deployment:
    """dev with a training image that somebody has built elsewhere."""
    return templates.read(templates.folder_of("ready", shared))


@pytest.fixture(scope="session")
def silent(shared: Path) -> Deployment:
    """prod with every option, in which no function asks trained models."""
    return templates.read(templates.folder_of(templates.SILENT, shared))


@pytest.fixture(params=["dev", "full"])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    return request.getfixturevalue(request.param)

"""Both backends' state machines, one after the other."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from dataforge.platform.ports import Workflows
from tests.support.stepfunctions_moto import definition
from tests.support.workflow_backends import Functions, OpenBackend, aws_backend, embedded_backend


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(params=[embedded_backend, aws_backend], ids=["embedded", "aws"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> OpenBackend:
    def open_backend(functions: Functions, **changed: Any) -> AbstractContextManager[Workflows]:
        definitions = {"parse": definition("parse"), "generate": definition("generate"), **changed}
        return request.param(functions, definitions, tmp_path)

    return open_backend

"""One small base model of each kind for the whole run, and a way to train in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dataforge_training.folders import Folders
from dataforge_training.train import train
from tests.training import tiny
from tests.training.running import FAST, Result, Run

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bases")
    tiny.llama(folder / "llama")
    tiny.llama(folder / "llama-chat", chat=True)
    tiny.t5(folder / "t5")
    tiny.bert(folder / "bert")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Trains in this process; options beside FAST by name."""

    def go(lines: list[Any], validation: list[Any] | None = None, *, root: Path = tmp_path, **options: Any) -> Result:
        tiny.job(root, FAST | options, lines, validation)
        return Result(root, train(Folders(root)))

    return go

"""The folders of SageMaker's container contract below one root (`/opt/ml` there, any folder on one machine)."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

FAILURE_CHARACTERS = 1024
"""As much of the failure file reaches the job's FailureReason."""


@dataclass(frozen=True)
class Folders:
    root: Path

    @property
    def config(self) -> Path:
        return self.root / "input/data/config/training.json"

    @property
    def model(self) -> Path:
        """The result: on SageMaker, what becomes model.tar.gz."""
        return self.root / "model"

    @property
    def checkpoints(self) -> Path:
        """Kept when the job is interrupted; on SageMaker it is copied to S3 all the time."""
        return self.root / "checkpoints"

    @property
    def result(self) -> Path:
        """Copies of the small files of the result, readable without unpacking the model."""
        return self.checkpoints / "result"

    @property
    def base_model(self) -> Path | None:
        """Staged weights of the base model, when there are some."""
        staged = self.root / "input/data/model"
        return staged if (staged / "config.json").exists() else None

    def lines(self, channel: str) -> Path:
        return self.root / "input/data" / channel / f"{channel}.jsonl"

    @property
    def failure(self) -> Path:
        return self.root / "output/failure"

    def fail(self, reason: str) -> None:
        """Writes `output/failure`, at most 1,024 characters. The first reason stays: later ones follow from it."""
        self.failure.parent.mkdir(parents=True, exist_ok=True)
        if not self.failure.exists():
            self.failure.write_text(reason[:FAILURE_CHARACTERS], "utf-8")

    def clear_checkpoints(self) -> None:
        """A job that does not resume starts from nothing."""
        for entry in self.checkpoints.iterdir():
            if entry.name != "progress.jsonl":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def clear_result(self) -> None:
        """Nothing half-written stays in the folder of the result. The folder itself may be a mount."""
        if self.model.exists():
            for entry in self.model.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


@dataclass(frozen=True)
class Hosts:
    """The machines of the job, as SageMaker's resourceconfig.json names them."""

    names: tuple[str, ...]
    own: str

    @property
    def rank(self) -> int:
        return self.names.index(self.own)


def hosts(folders: Folders) -> Hosts:
    path = folders.root / "input/config/resourceconfig.json"
    if not path.exists():
        return Hosts(("localhost",), "localhost")
    said = json.loads(path.read_text("utf-8"))
    return Hosts(tuple(sorted(said["hosts"])), said["current_host"])

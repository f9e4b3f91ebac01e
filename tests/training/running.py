"""How the tests start a training, and what they read of its result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parents[2] / "training_images"
FAST: dict[str, Any] = {
    "per_device_train_batch_size": 8,
    "per_device_eval_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "gradient_checkpointing": False,
    "lr_scheduler_type": "constant",
    "warmup_ratio": 0.0,
    "max_grad_norm": 1.0,
    "lora_dropout": 0.0,
    "eval_steps": 1000,
    "save_steps": 1000,
    "max_completion_length": 24,
}
"""Options under which a tiny model learns within a second or two."""


@dataclass(frozen=True)
class Result:
    root: Path
    status: int

    def read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "model" / name).read_text("utf-8"))
        return found

    @property
    def metrics(self) -> dict[str, Any]:
        return self.read("metrics.json")

    @property
    def about(self) -> dict[str, Any]:
        return self.read("model.json")

    @property
    def progress(self) -> list[dict[str, Any]]:
        lines = (self.root / "checkpoints/progress.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @property
    def failure(self) -> str:
        return (self.root / "output/failure").read_text("utf-8")

    @property
    def predictions(self) -> list[dict[str, Any]]:
        lines = (self.root / "model/predictions.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]


Run = Callable[..., Result]


def start(root: Path) -> subprocess.Popen[str]:
    """The program as a container or one machine starts it."""
    environment = os.environ | {"PYTHONPATH": str(IMAGES), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "dataforge_training", "train", "--root", str(root)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str], root: Path) -> Result:
    """Waits for the end; what the program wrote is shown when a test fails."""
    output, _ = process.communicate(timeout=120)
    print(output)
    return Result(root, process.returncode)


def wait_for_step(root: Path, step: int) -> None:
    """Until the training has taken so many steps. Raises TimeoutError after a minute."""
    path = root / "checkpoints/progress.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        if any((json.loads(line)["step"] or 0) >= step for line in lines):
            return
        time.sleep(0.02)
    raise TimeoutError(f"no step {step}")

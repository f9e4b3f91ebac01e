"""Trained models without a training: rows and files as a training leaves them, and a program that answers with them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from dataforge import clock, platform, settings
from dataforge.store import trained_models
from dataforge.store.item_codec import to_item
from dataforge.store.trained_models import TrainedModel
from tests.support.paths import ROOT

BASE = "/opt/models/tiny"


class Program:
    """The stand-in for the program that serves; reads what it wrote down."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def lines(self) -> list[str]:
        return self._log.read_text("utf-8").splitlines() if self._log.exists() else []

    def loads(self) -> Counter[str]:
        """How often each base or merged model was loaded."""
        return Counter(line.split()[2] for line in self.lines() if " loaded " in line)

    def processes(self) -> set[int]:
        return {int(line.split()[0]) for line in self.lines()}


def use_program(monkeypatch: pytest.MonkeyPatch, folder: Path, *, loads: float = 0.0, wait: int = 20) -> Program:
    """loads: seconds that loading a model takes."""
    log = folder / "model-program.log"
    monkeypatch.setenv("DATAFORGE_SERVING_PROGRAM", f"{sys.executable} -m tests.support.model_program")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MODEL_PROGRAM_LOG", str(log))
    monkeypatch.setenv("MODEL_PROGRAM_LOADS", str(loads))
    monkeypatch.setenv("DATAFORGE_SERVING_WAIT", str(wait))
    settings.get.cache_clear()
    return Program(log)


def add_model(
    org_id: str,
    *,
    model_id: int = 1,
    name: str = "harbour",
    task: str = "text-generation",
    adapter: bool = True,
    base_model: str = "org/tiny",
    **params: object,
) -> TrainedModel:
    """A model in the state that a finished training leaves."""
    prefix = f"data-forge/training/{org_id}/models/{model_id}"
    files = platform.current().files
    names = ["merged/model.safetensors", "merged/config.json", *(["adapter/adapter_config.json"] if adapter else [])]
    for file in names:
        files.write(f"{prefix}/{file}", b"{}")
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    files.write(f"{prefix}/merged/config.json", json.dumps(config).encode())
    model = TrainedModel(
        org_id=org_id,
        model_id=model_id,
        name=name,
        base_model=base_model,
        task=task,
        provider="huggingface",
        strategy="sft",
        run_id=f"train_{model_id}",
        files_prefix=prefix,
        created_at=clock.now(),
        size_bytes=1000,
        params={"use_chat_template": True, **params},  # type: ignore[dict-item]
        details={"provenance": {"documents": ["harbour.md"]}},
        card="# harbour",
    )
    platform.current().tables.put("models", to_item(model))
    return trained_models.get(org_id, model_id)

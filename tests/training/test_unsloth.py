"""The provider unsloth without unsloth, which needs a GPU: a module with its parameters stands in for it.

What is proven: unsloth gets what the request asks for, under names that the pinned release has, and what it returns is
trained, evaluated and saved as any other model. What is not proven: what unsloth itself makes of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training import tiny
from tests.training.running import FAST, IMAGES, Result, Run, finish

UNSLOTH = '''
"""The two functions that are called; parameters by name as in unsloth 2026.10.9 (models/loader.py, models/llama.py)."""

import json
import os
import sys

if os.environ.get("UNSLOTH_FIRST"):
    assert not {"transformers", "peft", "trl"} & sys.modules.keys(), "unsloth has to be imported before them"
from peft import LoraConfig
from peft import get_peft_model as with_adapter
from transformers import AutoModelForCausalLM

LOADED = {
    *("model_name", "max_seq_length", "dtype", "load_in_4bit", "load_in_8bit", "load_in_16bit", "full_finetuning"),
    *("token", "device_map", "trust_remote_code", "use_gradient_checkpointing", "revision", "random_state"),
}
ADAPTED = {
    *("r", "target_modules", "lora_alpha", "lora_dropout", "bias", "use_gradient_checkpointing", "random_state"),
    *("max_seq_length", "use_rslora", "modules_to_save", "init_lora_weights", "loftq_config"),
}


def note(call, given, known):
    with open(os.environ["UNSLOTH_LOG"], "a") as file:
        file.write(json.dumps({"call": call, "other": sorted(given.keys() - known), **given}, default=str) + "\\n")


class FastLanguageModel:
    @staticmethod
    def from_pretrained(**given):
        note("from_pretrained", given, LOADED)
        passed_on = {name: value for name, value in given.items() if name not in LOADED}
        return AutoModelForCausalLM.from_pretrained(given["model_name"], dtype=given["dtype"], **passed_on), None

    @staticmethod
    def get_peft_model(model, **given):
        note("get_peft_model", given, ADAPTED)
        names = ("r", "lora_alpha", "lora_dropout", "target_modules")
        return with_adapter(model, LoraConfig(**{name: given[name] for name in names}))
'''
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    folder = tmp_path / "installed"
    (folder / "unsloth").mkdir(parents=True)
    (folder / "unsloth/__init__.py").write_text(UNSLOTH)
    (folder / "unsloth-2026.10.9.dist-info").mkdir()
    (folder / "unsloth-2026.10.9.dist-info/METADATA").write_text("Name: unsloth\nVersion: 2026.10.9\n")
    return folder


def train(tmp_path: Path, stand_in: Path, base: Path, lines: list[Any], **options: Any) -> tuple[Result, list[Any]]:
    """In a process of its own, as a container starts it; what the stand-in was asked for."""
    root, log = tmp_path / "job", tmp_path / "calls.jsonl"
    wanted = {"task": "text-generation", "provider": "unsloth", "model_name": str(base), "num_train_epochs": 2}
    tiny.job(root, FAST | wanted | options, lines)
    paths = f"{IMAGES}:{stand_in}"
    environment = os.environ | {
        "PYTHONPATH": paths,
        "OMP_NUM_THREADS": "1",
        "UNSLOTH_LOG": str(log),
        "UNSLOTH_FIRST": "1",
    }
    command = [sys.executable, "-W", "ignore", "-m", "dataforge_training", "train", "--root", str(root)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    done = finish(process, root)
    return done, [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


# checklist 166
def test_unsloth_gets_the_options_under_its_own_names_and_its_model_is_saved(
    tmp_path: Path, stand_in: Path, bases: Path
) -> None:
    done, (loaded, adapted) = train(
        tmp_path, stand_in, bases / "llama", tiny.completions(tiny.facts(16, 0)),
        lora_r=4, lora_alpha=8, lora_dropout=0.05, seed=7, max_seq_length=64, learning_rate=1e-2,
        gradient_checkpointing=False, use_4bit=False,
    )  # fmt: skip

    assert done.status == 0, done.failure
    assert (loaded["call"], adapted["call"]) == ("from_pretrained", "get_peft_model")
    assert (loaded["model_name"], loaded["max_seq_length"]) == (str(bases / "llama"), 64)
    assert (loaded["load_in_4bit"], loaded["load_in_8bit"], loaded["full_finetuning"]) == (False, False, False)
    assert set(loaded["other"]) <= {"local_files_only"}
    assert (adapted["r"], adapted["lora_alpha"], adapted["lora_dropout"], adapted["random_state"]) == (4, 8, 0.05, 7)
    assert (adapted["target_modules"], adapted["use_gradient_checkpointing"]) == (LINEAR, False)
    assert adapted["other"] == []
    assert done.about["trainable_parameters"] < done.about["parameters"]
    assert (done.root / "model/adapter/adapter_model.safetensors").exists()
    assert (done.root / "model/merged/model.safetensors").exists()


# checklist 166
def test_unsloth_trains_every_weight_and_names_of_layers_are_passed_on(
    tmp_path: Path, stand_in: Path, bases: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, in which the other libraries are imported already."""
    monkeypatch.syspath_prepend(stand_in)
    monkeypatch.setenv("UNSLOTH_LOG", str(tmp_path / "calls.jsonl"))
    wanted = {"task": "text-generation", "provider": "unsloth", "model_name": str(bases / "llama")}
    lines = tiny.completions(tiny.facts(12, 0))

    whole = run(lines, root=tmp_path / "whole", full_finetune=True, **wanted)
    run(lines, root=tmp_path / "named", target_modules=["q_proj"], gradient_checkpointing=True, **wanted)
    monkeypatch.delitem(sys.modules, "unsloth")

    loaded, _, adapted = (json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines())
    assert loaded["full_finetuning"] is True
    assert whole.about["trainable_parameters"] == whole.about["parameters"]
    assert (adapted["target_modules"], adapted["use_gradient_checkpointing"]) == (["q_proj"], "unsloth")


def test_without_unsloth_the_failure_names_the_image_and_nothing_is_loaded(tmp_path: Path, bases: Path) -> None:
    (tmp_path / "empty").mkdir()
    done, calls = train(tmp_path, tmp_path / "empty", bases / "llama", tiny.completions(tiny.facts(12, 0)))

    assert (done.status, calls) == (1, [])
    assert "training_images/unsloth" in done.failure

"""What a job leaves: adapter, merged weights, metrics, predictions, model.json and the model card."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoConfig

from dataforge_training import VERSION, checkpoints
from dataforge_training.card import card
from dataforge_training.folders import Folders
from dataforge_training.job import Job, Trained, free

SMALL = ("model.json", "metrics.json", "predictions.jsonl", "README.md")
LIBRARIES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "bitsandbytes", "safetensors", "unsloth")


def weights(job: Job, trained: Trained, **auto_arguments: Any) -> Path:
    """Writes `adapter/` (where one was trained) and `merged/`; returns the folder of the merged weights.

    Every process calls it; the first one writes. An adapter is merged into the base in its own precision, never into
    the quantised copy that it was trained on.
    """
    model = job.folders.model
    merged = model / "merged"
    model.mkdir(parents=True, exist_ok=True)
    if trained.adapter:
        trained.trainer.save_model(str(model / "adapter"))
        free(trained.trainer)
        if job.is_first:
            tidy(model / "adapter")
            merge(job, trained.auto, model / "adapter", merged, **auto_arguments)
    else:
        trained.trainer.save_model(str(merged))
        free(trained.trainer)
        if job.is_first:
            tidy(merged)
            as_precise_as_the_base(job, trained.auto, merged, **auto_arguments)
    if job.is_first:
        tidy(job.folders.checkpoints)
        job.tokenizer.save_pretrained(str(merged))
        for path in model.rglob("*"):
            if path.is_file():
                path.chmod(0o644)
    return merged


def merge(job: Job, auto: Any, adapter: Path, merged: Path, **auto_arguments: Any) -> None:
    base = auto.from_pretrained(job.origin.place, **job.origin.arguments, dtype="auto", **auto_arguments)
    whole = PeftModel.from_pretrained(base, str(adapter)).merge_and_unload(safe_merge=True)
    whole.save_pretrained(str(merged))


def as_precise_as_the_base(job: Job, auto: Any, merged: Path, **auto_arguments: Any) -> None:
    """Weights trained in float32 are kept in the precision of the base model."""
    wanted = AutoConfig.from_pretrained(job.origin.place, **job.origin.arguments).dtype or torch.float32
    if AutoConfig.from_pretrained(str(merged)).dtype == wanted:
        return
    model = auto.from_pretrained(str(merged), local_files_only=True, dtype=wanted, **auto_arguments)
    shutil.rmtree(merged)
    model.save_pretrained(str(merged))


def tidy(folder: Path) -> None:
    """Takes away what trainers write beside the weights: their own card and pickled arguments."""
    for name in ("README.md", "training_args.bin"):
        (folder / name).unlink(missing_ok=True)


def versions() -> dict[str, str]:
    found = {"dataforge_training": VERSION}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def documents(job: Job, trained: Trained, metrics: dict[str, Any], predicted: list[dict[str, Any]], asked: Any) -> None:
    """Writes the small files; model.json last, because it says that the result is complete."""
    folder = job.folders.model
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2), "utf-8")
    with (folder / "predictions.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in predicted)
    about = {
        "job_id": job.config.job_id,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "base_model": job.config.model_name,
        "task": job.config.task,
        "provider": job.config.provider,
        "strategy": job.config.strategy,
        "model_format": job.config.model_format,
        "prompt_format": "chat" if job.is_chat else "text",
        "parameters": trained.parameters,
        "trainable_parameters": trained.trainable,
        "lines": {"train": len(job.train), "held_out": len(job.validation)},
        "device": job.machine.name,
        "processes": job.machine.world,
        "config": job.config.model_dump(mode="json", exclude={"provenance"}) | {"learning_rate": job.config.rate},
        "asked": asked.model_dump(mode="json", exclude={"provenance"}, exclude_unset=True),
        "notes": job.notes,
        "versions": versions(),
        "metrics": metrics,
        "provenance": job.config.provenance,
    }
    (folder / "README.md").write_text(card(about), "utf-8")
    (folder / "model.json").write_text(json.dumps(about, indent=2, ensure_ascii=False), "utf-8")
    publish(job.folders)


def publish(folders: Folders) -> None:
    """Copies the small files to where they can be read without unpacking the model."""
    folders.result.mkdir(parents=True, exist_ok=True)
    for name in SMALL:
        shutil.copyfile(folders.model / name, folders.result / name)
    checkpoints.seal(folders.result)

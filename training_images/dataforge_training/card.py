"""The model card: what was trained, on what, how, and how well it answers."""

from __future__ import annotations

import json
from typing import Any

SHOWN = ("final_loss", "eval_loss", "perplexity", "exact_match", "f1", "rouge1", "rouge2", "rougeL")
SETTINGS = (
    *("num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate"),
    *("lr_scheduler_type", "optim", "max_seq_length", "lora_r", "lora_alpha", "lora_dropout", "full_finetune"),
    *("use_4bit", "use_8bit", "fp16", "bf16", "seed"),
)


def card(about: dict[str, Any]) -> str:
    """Markdown with the metadata block that model hubs read."""
    config, metrics = about["config"], about["metrics"]
    base = metrics.get("base") or {}
    front = {
        "base_model": about["base_model"],
        "library_name": "transformers",
        "pipeline_tag": {"extractive-question-answering": "question-answering"}.get(about["task"], about["task"]),
    }
    rows = [
        f"| {name} | {number(base.get(name))} | {number(metrics.get(name))} |"
        for name in SHOWN
        if metrics.get(name) is not None
    ]
    parts = [
        "---\n" + "".join(f"{key}: {json.dumps(value)}\n" for key, value in front.items()) + "---",
        f"# {about['base_model']}, fine-tuned by {about['strategy']}",
        f"Job {about['job_id']}, {about['created_at']}. Task: {about['task']}. "
        f"{about['lines']['train']} training lines, {about['lines']['held_out']} held-out lines. "
        f"{about['parameters']:,} parameters, {about['trainable_parameters']:,} of them trained.",
        "## How well it answers\n\nOn the held-out lines:\n\n| metric | base | tuned |\n|---|---|---|\n"
        + "\n".join(rows),
        "## How it was trained\n\n| setting | value |\n|---|---|\n"
        + "\n".join(f"| {name} | {config[name]} |" for name in SETTINGS),
    ]
    if about["notes"]:
        parts.append("## Notes\n\n" + "\n".join(f"- {note}" for note in about["notes"]))
    parts.append("## Libraries\n\n" + "\n".join(f"- {name} {version}" for name, version in about["versions"].items()))
    if about["provenance"]:
        told = json.dumps(about["provenance"], indent=2, ensure_ascii=False).replace("```", "` ` `")
        parts.append(f"## Provenance\n\n```json\n{told}\n```")
    return "\n\n".join(parts) + "\n"


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"

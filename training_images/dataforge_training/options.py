"""Public option names, and what today's libraries call them. This is the only place that knows both."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from transformers import TrainingArguments

from dataforge_training.config import Config
from dataforge_training.machine import Machine

SAME = (
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "max_grad_norm",
    "weight_decay",
    "optim",
    "lr_scheduler_type",
    "fp16",
    "bf16",
    "eval_steps",
    "save_steps",
    "seed",
    "adam_beta2",
)
"""Options with one name on both sides."""
RENAMED = {
    "warmup_ratio": "warmup_steps",
    "seed": "data_seed",
    "gradient_checkpointing": "activation_checkpointing",
}
"""Public name -> library name. `warmup_steps` below 1 is a share of all steps."""
KNOWN = {field.name for field in fields(TrainingArguments)}


def training_arguments(config: Config, machine: Machine, output: Path, *, evaluates: bool) -> dict[str, Any]:
    """Keyword arguments of `TrainingArguments` and of the classes that extend it.

    Every step is logged, so that progress is never old; `logging_steps` says how often a line of it is written.
    """
    return {
        **{name: getattr(config, name) for name in SAME},
        **{(new if new in KNOWN else public): getattr(config, public) for public, new in RENAMED.items()},
        "train_sampling_strategy": "group_by_length" if config.group_by_length else "random",
        "learning_rate": config.rate,
        "output_dir": str(output),
        "eval_strategy": "steps" if evaluates else "no",
        "save_strategy": "steps",
        "save_total_limit": 2,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "use_cpu": machine.device == "cpu",
        "report_to": "none",
        "disable_tqdm": True,
        "ddp_find_unused_parameters": False,
        **({"fsdp": True, "fsdp_config": FSDP} if shards(config, machine) else {}),
    }


FSDP = {"version": 2, "state_dict_type": "FULL_STATE_DICT", "reshard_after_forward": True}


def shards(config: Config, machine: Machine) -> bool:
    """Whether the weights are divided among the processes (FSDP): full fine-tuning on several GPUs, or on request.

    A LoRA base is copied to every GPU instead (DDP): faster, and a quantised one cannot be divided.
    """
    if machine.world == 1 or config.sharding == "ddp":
        return False
    return config.sharding == "fsdp" or (config.full_finetune and machine.device == "cuda")

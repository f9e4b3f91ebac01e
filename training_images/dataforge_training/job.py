"""One training job: what all strategies share."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import PreTrainedTokenizerBase, PrinterCallback, ProgressCallback

from dataforge_training import checkpoints, flops, models
from dataforge_training.config import Config
from dataforge_training.errors import TrainingError
from dataforge_training.folders import Folders
from dataforge_training.machine import Machine
from dataforge_training.progress import Progress
from dataforge_training.reporting import WHOLE, ReportSteps, Span
from dataforge_training.sampling import group_by_length
from dataforge_training.stopping import Stop, StopAtStep


@dataclass
class Job:
    config: Config
    folders: Folders
    machine: Machine
    origin: models.Source
    tokenizer: PreTrainedTokenizerBase
    progress: Progress
    stop: Stop
    train: list[Any]
    validation: list[Any]
    notes: list[str] = field(default_factory=list)
    is_chat: bool = False
    """Whether prompts go through a chat template."""

    def change(self, reason: str, **options: Any) -> None:
        """An option that really runs with another value than asked; the reason goes into the notes."""
        self.config = self.config.model_copy(update=options)
        told = ", ".join(f"{name} = {value}" for name, value in options.items())
        self.notes.append(f"{told}: {reason}")

    def use_chat(self) -> None:
        """Prompts go through the chat template; a tokenizer without one gets ChatML, which leaves a note."""
        self.is_chat = True
        if note := models.ensure_chat_template(self.tokenizer):
            self.notes.append(note)

    @property
    def is_first(self) -> bool:
        """Whether this process writes what the job makes."""
        return int(os.environ.get("RANK", "0")) == 0


@dataclass(frozen=True)
class Trained:
    """A finished training, its weights still in the trainer."""

    trainer: Any
    auto: Any
    """The AutoModel class that loads the result."""
    adapter: bool
    losses: dict[str, float | None]
    parameters: int
    trainable: int
    extra: dict[str, float | None] = field(default_factory=dict)
    """More metrics, by name."""
    likelihood: bool = True
    """Whether the loss is that of the answer's tokens, so that its exponential is the perplexity."""


def lora(config: Config, task_type: str, **more: Any) -> LoraConfig | None:
    """The adapter to train; None for full fine-tuning."""
    if config.full_finetune:
        return None
    return LoraConfig(
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=config.target_modules,
        task_type=task_type,
        **more,
    )


def adapted(job: Job, model: Any, task_type: str, **more: Any) -> Any:
    """The model with its adapter, for trainers that do not add it themselves."""
    peft_config = lora(job.config, task_type, **more)
    if peft_config is None:
        return model
    if job.config.use_4bit or job.config.use_8bit:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=job.config.gradient_checkpointing)
    elif job.config.gradient_checkpointing:
        model.enable_input_require_grads()
    return get_peft_model(model, peft_config)


def run(
    job: Job, trainer: Any, output: Path, *, evaluates: bool, span: Span = WHOLE, message: str | None = None
) -> dict[str, float | None]:
    """Trains to the end, from the last complete checkpoint if there is one.

    Returns base_eval_loss, eval_loss and train_loss (None where unknown). Raises Interrupted on SIGTERM.
    """
    adapter = not job.config.full_finetune
    per_token = flops.per_token(models.parameters(trainer.model), adapter=adapter)
    report = ReportSteps(
        job.progress,
        every=job.config.logging_steps,
        flops_per_token=per_token,
        peak_flops=job.machine.peak_flops,
        span=span,
    )
    for printing in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(printing)
    group_by_length(trainer)
    resumed = checkpoints.latest(output) if job.config.resume else None
    base = base_loss(job, trainer, output) if evaluates else None
    for callback in (report, checkpoints.SealCheckpoints(), StopAtStep(job.stop)):
        trainer.add_callback(callback)
    told = [message] if message else []
    told += [f"resumed from {resumed.name}"] if resumed else []
    job.progress.stage("training", ", ".join(told) or None)
    with job.stop.steps():
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    logged = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    last = logged[-job.config.logging_steps :]
    final = None
    if evaluates:
        job.progress.stage("evaluating", "loss on the held-out lines")
        final = trainer.evaluate()["eval_loss"]
    return {"base_eval_loss": base, "eval_loss": final, "train_loss": sum(last) / len(last) if last else None}


def base_loss(job: Job, trainer: Any, output: Path) -> float | None:
    """Loss on the held-out lines before training; kept in a file, because a resumed job has only trained weights."""
    kept = output / "base_loss.json"
    if kept.exists():
        return checkpoints.read_number(kept)
    if checkpoints.latest(output) or getattr(trainer, "is_fsdp_enabled", False):
        return None
    job.progress.stage("evaluating", "loss of the base model on the held-out lines")
    loss = float(trainer.evaluate()["eval_loss"])
    if job.is_first:
        output.mkdir(parents=True, exist_ok=True)
        checkpoints.write_number(kept, loss)
    return loss


def barrier() -> None:
    """Waits for the other processes of the job."""
    if dist.is_available() and dist.is_initialized():
        dist.barrier()


def out_of_memory(job_config: Config, error: Exception) -> TrainingError:
    return TrainingError(
        f"the GPU ran out of memory ({str(error).split('. ', 1)[0]}). Lower per_device_train_batch_size "
        f"({job_config.per_device_train_batch_size}) or max_seq_length, turn gradient_checkpointing on, "
        "use strategy qlora, or choose a larger instance"
    )


def trainable(model: Any) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def free(trainer: Any) -> None:
    """Gives the memory of a finished trainer back."""
    trainer.model = trainer.model_wrapped = trainer.optimizer = trainer.lr_scheduler = None
    trainer.accelerator.free_memory()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

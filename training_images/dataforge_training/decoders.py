"""The decoder of a job with what is trained of it, by provider."""

from __future__ import annotations

import importlib
from typing import Any

from transformers import AutoModelForCausalLM

from dataforge_training import models
from dataforge_training.job import Job, lora

LINEAR_LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
"""What unsloth knows as all linear layers."""


def load(job: Job, limit: int) -> tuple[Any, Any]:
    """The model, and the adapter that the trainer has to add to it (None where it is there or none is trained).

    `limit` is the longest sequence in tokens. The model ends its answers at the end tokens of the tokenizer.
    """
    found = PROVIDERS[job.config.provider](job, limit)
    settings = found[0].generation_config
    settings.eos_token_id = models.end_tokens(job.tokenizer, settings.eos_token_id)
    return found


def from_huggingface(job: Job, _limit: int) -> tuple[Any, Any]:
    model = models.load(AutoModelForCausalLM, job.origin, job.config, job.machine)
    return model, lora(job.config, "CAUSAL_LM")


def from_unsloth(job: Job, limit: int) -> tuple[Any, Any]:
    fast_model: Any = importlib.import_module("unsloth").FastLanguageModel
    config = job.config
    model, _ = fast_model.from_pretrained(
        model_name=job.origin.place,
        max_seq_length=limit,
        dtype=job.machine.dtype,
        load_in_4bit=config.use_4bit,
        load_in_8bit=config.use_8bit,
        full_finetuning=config.full_finetune,
        **job.origin.arguments,
    )
    if config.full_finetune:
        return model, None
    adapted = fast_model.get_peft_model(
        model,
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=LINEAR_LAYERS if config.target_modules == "all-linear" else config.target_modules,
        use_gradient_checkpointing="unsloth" if config.gradient_checkpointing else False,
        random_state=config.seed,
    )
    return adapted, None


PROVIDERS = {"huggingface": from_huggingface, "unsloth": from_unsloth}

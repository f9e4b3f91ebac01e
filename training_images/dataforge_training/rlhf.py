"""Reinforcement learning from preferences: a reward model is trained on them, then the policy with RLOO.

RLOO (Ahmadian et al. 2024): several answers per prompt; each one's advantage is its reward less the mean of the others.
`beta` weighs the KL divergence from the base model.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, set_seed
from trl import RewardConfig, RewardTrainer, RLOOConfig, RLOOTrainer

from dataforge_training import checkpoints, decoders, models, prompts
from dataforge_training.errors import ConfigError
from dataforge_training.job import Job, Trained, barrier, free, lora, run, trainable
from dataforge_training.options import training_arguments
from dataforge_training.preferences import lengths, logged, pairs, shortened
from dataforge_training.reporting import Span
from dataforge_training.sequences import fit

REWARD_FOLDER = "reward"
"""Below the checkpoints: the finished reward model, and its own checkpoints while it is trained."""


def train(job: Job) -> Trained:
    answers = num_generations(job)
    rows, held_out = pairs(job, job.train), pairs(job, job.validation)
    most = models.longest(job.tokenizer, models.model_config(job.origin))
    limit = fit(job, most, lengths(job, rows))
    rows, held_out = shortened(job, rows, limit), shortened(job, held_out, limit)
    epochs = job.config.num_train_epochs
    reward_steps = steps_of(job, len(rows))
    policy_steps = steps_of(job, len(rows) * answers)
    reward, extra = reward_model(job, rows, held_out, limit, Span(after=policy_steps, epochs_after=epochs))
    span = Span(before=reward_steps, epochs_before=epochs)
    trainer = policy_trainer(job, rows, reward, answers=answers, limit=limit)
    losses = run(job, trainer, job.folders.checkpoints, evaluates=False, span=span, message="policy (RLOO)")
    rewards = [e["reward"] for e in trainer.state.log_history if "reward" in e][-job.config.logging_steps :]
    return Trained(
        trainer=trainer,
        auto=AutoModelForCausalLM,
        adapter=not job.config.full_finetune,
        losses=losses,
        parameters=models.parameters(trainer.model),
        trainable=trainable(trainer.model),
        likelihood=False,
        extra={**extra, "reward": sum(rewards) / len(rewards) if rewards else None, "kl": logged(trainer, "kl")},
    )


def num_generations(job: Job) -> int:
    """Answers per prompt: as asked, or the most of 8, 4 and 2 that the batch divides into. Raises ConfigError."""
    config = job.config
    batch = config.per_device_train_batch_size * config.gradient_accumulation_steps * job.machine.world
    if config.num_generations:
        if batch % config.num_generations:
            raise ConfigError(
                f"num_generations: {config.num_generations} does not divide the batch of {batch} answers "
                "(per_device_train_batch_size x gradient_accumulation_steps x processes)"
            )
        return config.num_generations
    if batch % 2:
        job.change("the batch has to hold an even number of answers", gradient_accumulation_steps=2 * batch)
        return 2
    return next(n for n in (8, 4, 2) if batch % n == 0)


def steps_of(job: Job, samples: int) -> int:
    """Optimiser steps over so many samples."""
    config = job.config
    if config.max_steps > 0:
        return config.max_steps
    batches = math.ceil(samples / (config.per_device_train_batch_size * job.machine.world))
    return math.ceil(batches / config.gradient_accumulation_steps) * config.num_train_epochs


def reward_model(
    job: Job, rows: list[dict[str, Any]], held_out: list[dict[str, Any]], limit: int, span: Span
) -> tuple[Any, dict[str, float | None]]:
    """The finished reward model, frozen, and how often it prefers the chosen answer. Trained once per job."""
    folder = job.folders.checkpoints / REWARD_FOLDER
    if not checkpoints.is_complete(folder / "model"):
        train_reward(job, rows, held_out, limit, span)
    model = load_reward(job, folder / "model")
    return model, {"reward_accuracy": checkpoints.read_number(folder / "model/accuracy.json")}


def train_reward(job: Job, rows: list[dict[str, Any]], held_out: list[dict[str, Any]], limit: int, span: Span) -> None:
    folder = job.folders.checkpoints / REWARD_FOLDER
    arguments = training_arguments(job.config, job.machine, folder, evaluates=bool(held_out))
    trainer = RewardTrainer(
        model=reward_base(job, models.load),
        args=RewardConfig(**arguments | {"train_sampling_strategy": "random"}, max_length=limit),
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(held_out) if held_out else None,
        processing_class=job.tokenizer,
        peft_config=lora(job.config, "SEQ_CLS"),
    )
    run(job, trainer, folder, evaluates=bool(held_out), span=span, message="reward model")
    accuracy = logged(trainer, "accuracy")
    trainer.save_model(str(folder / "model"))
    free(trainer)
    if job.is_first:
        checkpoints.write_number(folder / "model/accuracy.json", accuracy)
        checkpoints.seal(folder / "model")
    barrier()


def reward_base(job: Job, load: Any) -> Any:
    """The base model with a head of one number, whose random weights are the same each time."""
    set_seed(job.config.seed)
    model = load(AutoModelForSequenceClassification, job.origin, job.config, job.machine, num_labels=1)
    model.config.pad_token_id = job.tokenizer.pad_token_id
    return model


def load_reward(job: Job, folder: Path) -> Any:
    """Frozen, in the precision of the training, on the machine's device."""
    if job.config.full_finetune:
        model = models.load_plain(AutoModelForSequenceClassification, folder, job.machine, num_labels=1)
    else:
        plain = models.load_plain(AutoModelForSequenceClassification, job.origin.place, job.machine, num_labels=1)
        model = PeftModel.from_pretrained(plain, str(folder)).merge_and_unload()
    model.config.pad_token_id = job.tokenizer.pad_token_id
    return model.requires_grad_(False).eval()


def policy_trainer(job: Job, rows: list[dict[str, Any]], reward: Any, *, answers: int, limit: int) -> Any:
    model, adapter = decoders.load(job, limit)
    arguments = training_arguments(job.config, job.machine, job.folders.checkpoints, evaluates=False)
    return RLOOTrainer(
        model=model,
        reward_funcs=[reward],
        reward_processing_classes=[job.tokenizer],
        args=RLOOConfig(
            **arguments | {"train_sampling_strategy": "random"},
            beta=job.config.beta,
            num_generations=answers,
            max_completion_length=job.config.max_completion_length,
        ),
        train_dataset=Dataset.from_list([{"prompt": row["prompt"]} for row in rows]),
        processing_class=job.tokenizer,
        peft_config=adapter,
    )


def mean_reward(job: Job, asked: list[prompts.Prompt], answers: list[str]) -> float:
    """How the reward model of the job likes answers to prompts, on average."""
    model = load_reward(job, job.folders.checkpoints / REWARD_FOLDER / "model")
    total = 0.0
    for prompt, answer in zip(asked, answers, strict=True):
        if isinstance(prompt, str):
            text = prompt + answer
        else:
            text = str(job.tokenizer.apply_chat_template([*prompt, *prompts.assistant(answer)], tokenize=False))
        batch = job.tokenizer(text, return_tensors="pt", add_special_tokens=isinstance(prompt, str))
        batch.pop("token_type_ids", None)
        with torch.inference_mode():
            total += float(model(**batch.to(model.device)).logits[0, 0])
    return total / len(answers)

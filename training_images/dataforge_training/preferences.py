"""Direct preference optimisation, and what it shares with reward models: lines with a chosen and a rejected answer."""

from __future__ import annotations

from typing import Any

from datasets import Dataset
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer

from dataforge_training import decoders, models, prompts
from dataforge_training.errors import ConfigError, DataError
from dataforge_training.job import Job, Trained, run, trainable
from dataforge_training.options import training_arguments
from dataforge_training.sequences import fit

LOSSES = (
    *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired"),
    *("apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm"),
)


def train(job: Job) -> Trained:
    """The reference is the base model: the adapter switched off, or a second copy for full fine-tuning."""
    if job.config.loss_type not in LOSSES:
        raise ConfigError(f"loss_type: {job.config.loss_type!r} is none of {', '.join(LOSSES)}")
    rows, held_out = pairs(job, job.train), pairs(job, job.validation)
    limit = fit(job, models.longest(job.tokenizer, models.model_config(job.origin)), lengths(job, rows))
    model, adapter = decoders.load(job, limit)
    rows, held_out = shortened(job, rows, limit), shortened(job, held_out, limit)
    evaluates = bool(held_out)
    arguments = training_arguments(job.config, job.machine, job.folders.checkpoints, evaluates=evaluates)
    trainer = DPOTrainer(
        model=model,
        ref_model=reference(job),
        args=DPOConfig(
            **arguments | {"train_sampling_strategy": "random"},
            max_length=limit,
            beta=job.config.beta,
            loss_type=[job.config.loss_type],
        ),
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(held_out) if evaluates else None,
        processing_class=job.tokenizer,
        peft_config=adapter,
    )
    losses = run(job, trainer, job.folders.checkpoints, evaluates=evaluates)
    return Trained(
        trainer=trainer,
        auto=AutoModelForCausalLM,
        adapter=not job.config.full_finetune,
        losses=losses,
        parameters=models.parameters(trainer.model),
        trainable=trainable(trainer.model),
        likelihood=False,
        extra={"reward_margin": logged(trainer, "rewards/margins"), "accuracy": logged(trainer, "rewards/accuracies")},
    )


def reference(job: Job) -> Any:
    if not job.config.full_finetune:
        return None
    return models.load(AutoModelForCausalLM, job.origin, job.config, job.machine).requires_grad_(False)


def logged(trainer: Any, name: str) -> float | None:
    """The last value of a metric, on the held-out lines where there are some."""
    history = trainer.state.log_history
    for key in (f"eval_{name}", name):
        if values := [entry[key] for entry in history if key in entry]:
            return float(values[-1])
    return None


def pairs(job: Job, found: list[Any]) -> list[dict[str, Any]]:
    """Prompt, chosen and rejected of each line, as messages where a chat template is used.

    Raises DataError where a line mixes text and messages, or chosen and rejected are the same.
    """
    rows = []
    for number, line in enumerate(found, start=1):
        row = {name: prompts.spoken(getattr(line, name)) for name in ("prompt", "chosen", "rejected")}
        if len({type(side) for side in row.values()}) > 1:
            raise DataError(f"line {number}: prompt, chosen and rejected have to be all text or all lists of messages")
        if row["chosen"] == row["rejected"]:
            raise DataError(f"line {number}: chosen and rejected are the same")
        if job.config.use_chat_template and isinstance(row["prompt"], str):
            row = {
                "prompt": prompts.user(prompts.text_of(row["prompt"])),
                "chosen": prompts.assistant(prompts.text_of(row["chosen"])),
                "rejected": prompts.assistant(prompts.text_of(row["rejected"])),
            }
        rows.append(row)
    if rows and not isinstance(rows[0]["prompt"], str):
        job.use_chat()
    return rows


def lengths(job: Job, rows: list[dict[str, Any]]) -> list[int]:
    """Tokens of prompt and longer answer, line by line."""
    return [count(job, row["prompt"]) + max(count(job, row["chosen"]), count(job, row["rejected"])) for row in rows]


def count(job: Job, side: prompts.Prompt) -> int:
    if isinstance(side, str):
        return len(job.tokenizer(side)["input_ids"])
    text = job.tokenizer.apply_chat_template(side, tokenize=False)
    return len(job.tokenizer(text, add_special_tokens=False)["input_ids"])


def shortened(job: Job, rows: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """Where prompt and answer are longer than `limit`, the prompt keeps its last `max_prompt_length` tokens: the
    answers are what is learnt."""
    keep = job.config.max_prompt_length
    result = []
    cut = 0
    for row, length in zip(rows, lengths(job, rows), strict=True):
        if length > limit:
            cut += 1
            result.append(row | {"prompt": last_tokens(job, row["prompt"], keep)})
        else:
            result.append(row)
    if cut:
        job.notes.append(f"the prompts of {cut} of {len(rows)} lines were cut to their last {keep} tokens")
    return result


def last_tokens(job: Job, prompt: prompts.Prompt, keep: int) -> prompts.Prompt:
    ids = job.tokenizer(prompts.text_of(prompt), add_special_tokens=False)["input_ids"]
    text = str(job.tokenizer.decode(ids[-keep:]))
    return text if isinstance(prompt, str) else [*prompt[:-1], prompt[-1] | {"content": text}]

"""Supervised fine-tuning of a decoder on prompts and answers, with LoRA, QLoRA or all weights."""

from __future__ import annotations

from typing import Any

from datasets import Dataset
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer
from trl.chat_template_utils import has_generation_markers

from dataforge_training import decoders, lines, models, prompts
from dataforge_training.errors import DataError
from dataforge_training.job import Job, Trained, run, trainable
from dataforge_training.options import training_arguments
from dataforge_training.sequences import fit


def train(job: Job) -> Trained:
    examples = [prompts.example(line, job.config) for line in job.train]
    if prompts.is_chat(examples):
        job.use_chat()
    whole_chats = isinstance(job.train[0], lines.Chat) and has_generation_markers(job.tokenizer.chat_template or "")
    if not whole_chats and any(isinstance(line, lines.Chat) and turns(line) > 1 for line in job.train):
        job.notes.append(
            "only the last answer of each conversation is learnt: "
            "the chat template does not mark what the assistant says"
        )
    most = models.longest(job.tokenizer, models.model_config(job.origin))
    limit = fit(job, most, [token_count(job, e) for e in examples])
    model, adapter = decoders.load(job, limit)
    evaluates = bool(job.validation)
    output = job.folders.checkpoints
    arguments = training_arguments(job.config, job.machine, output, evaluates=evaluates)
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(**arguments, max_length=limit, packing=job.config.packing, assistant_only_loss=whole_chats),
        train_dataset=dataset(job, job.train, whole_chats=whole_chats),
        eval_dataset=dataset(job, job.validation, whole_chats=whole_chats) if evaluates else None,
        processing_class=job.tokenizer,
        peft_config=adapter,
    )
    require_samples(trainer, len(job.train), packed=job.config.packing)
    losses = run(job, trainer, output, evaluates=evaluates)
    return Trained(
        trainer=trainer,
        auto=AutoModelForCausalLM,
        adapter=not job.config.full_finetune,
        losses=losses,
        parameters=models.parameters(trainer.model),
        trainable=trainable(trainer.model),
    )


def turns(line: lines.Chat) -> int:
    return sum(message.role == "assistant" for message in line.messages)


def dataset(job: Job, found: list[Any], *, whole_chats: bool) -> Dataset:
    """Whole conversations where the template marks the assistant's turns, else prompts and completions."""
    if whole_chats:
        return Dataset.from_list([{"messages": prompts.dumped(line.messages)} for line in found])
    examples = [prompts.example(line, job.config) for line in found]
    return Dataset.from_list([{"prompt": e.prompt, "completion": e.answer} for e in examples])


def token_count(job: Job, example: prompts.Example) -> int:
    if isinstance(example.prompt, str):
        return len(job.tokenizer(example.prompt + prompts.text_of(example.answer))["input_ids"])
    text = job.tokenizer.apply_chat_template([*example.prompt, *example.answer], tokenize=False)
    return len(job.tokenizer(text, add_special_tokens=False)["input_ids"])


def require_samples(trainer: Any, count: int, *, packed: bool) -> None:
    """Raises DataError when lines were lost on the way, as an empty chat template does without a word."""
    rows = trainer.train_dataset
    labels = rows["labels"] if "labels" in rows.column_names else None
    learnt = len(rows) if labels is None else sum(any(token != -100 for token in row) for row in labels)
    if learnt == 0 or (not packed and learnt < count):
        raise DataError(
            f"{count - learnt} of {count} lines hold nothing to learn after tokenisation: "
            "the answer is empty or lies behind max_seq_length"
        )

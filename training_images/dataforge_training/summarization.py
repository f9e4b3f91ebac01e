"""Summarization with an encoder-decoder; a decoder learns it as prompts and completions (see sft)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from transformers import AutoModelForSeq2SeqLM, DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments

from dataforge_training import models, prompts
from dataforge_training.evaluation import Held
from dataforge_training.job import Job, Trained, adapted, run, trainable
from dataforge_training.options import training_arguments
from dataforge_training.sequences import fit


def train(job: Job) -> Trained:
    model = models.load(AutoModelForSeq2SeqLM, job.origin, job.config, job.machine)
    sources = [len(job.tokenizer(source(line))["input_ids"]) for line in job.train]
    limit = fit(job, models.longest(job.tokenizer, model.config), sources)
    evaluates = bool(job.validation)
    output = job.folders.checkpoints
    arguments = training_arguments(job.config, job.machine, output, evaluates=evaluates)
    trainer = Seq2SeqTrainer(
        model=adapted(job, model, "SEQ_2_SEQ_LM"),
        args=Seq2SeqTrainingArguments(**arguments, include_num_input_tokens_seen="non_padding"),
        train_dataset=dataset(job, job.train, limit),
        eval_dataset=dataset(job, job.validation, limit) if evaluates else None,
        data_collator=DataCollatorForSeq2Seq(job.tokenizer, model=model),
        processing_class=job.tokenizer,
    )
    losses = run(job, trainer, output, evaluates=evaluates)
    return Trained(
        trainer=trainer,
        auto=AutoModelForSeq2SeqLM,
        adapter=not job.config.full_finetune,
        losses=losses,
        parameters=models.parameters(trainer.model),
        trainable=trainable(trainer.model),
    )


def source(line: Any) -> str:
    return prompts.PREFIX + str(line.document)


def dataset(job: Job, found: Sequence[Any], limit: int) -> Dataset:
    return Dataset.from_list(
        [
            dict(job.tokenizer(source(line), text_target=line.summary, max_length=limit, truncation=True))
            for line in found
        ]
    )


def held_out(job: Job, found: Sequence[Any]) -> list[Held]:
    return [
        Held(line.document, (line.summary.strip(),), line.id, line.topic, source(line))
        for line in found[: job.config.eval_examples]
    ]

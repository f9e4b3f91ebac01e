"""Extractive question answering: the model marks the answer's first and last token in the context.

A context that is longer than a sequence is read in windows that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from transformers import AutoModelForQuestionAnswering, DefaultDataCollator, Trainer, TrainingArguments, set_seed

from dataforge_training import models, spans
from dataforge_training.errors import DataError, Interrupted, ModelError
from dataforge_training.evaluation import Held
from dataforge_training.job import Job, Trained, adapted, run, trainable
from dataforge_training.options import training_arguments
from dataforge_training.sequences import fit


def train(job: Job) -> Trained:
    if not job.tokenizer.is_fast:
        raise ModelError("model_name: extractive question answering needs a fast tokenizer (tokenizer.json)")
    check(job.train)
    set_seed(job.config.seed)
    model = models.load(AutoModelForQuestionAnswering, job.origin, job.config, job.machine)
    most = models.longest(job.tokenizer, model.config)
    fit(job, most, [len(job.tokenizer(line.question, line.context)["input_ids"]) for line in job.train], cut=False)
    evaluates = bool(job.validation)
    output = job.folders.checkpoints
    arguments = training_arguments(job.config, job.machine, output, evaluates=evaluates)
    trainer = Trainer(
        model=adapted(job, model, "QUESTION_ANS", exclude_modules=["qa_outputs"]),
        args=TrainingArguments(
            **arguments,
            include_num_input_tokens_seen="non_padding",
            label_names=["start_positions", "end_positions"],
        ),
        train_dataset=dataset(job, job.train),
        eval_dataset=dataset(job, job.validation) if evaluates else None,
        data_collator=DefaultDataCollator(),
        processing_class=job.tokenizer,
    )
    losses = run(job, trainer, output, evaluates=evaluates)
    return Trained(
        trainer=trainer,
        auto=AutoModelForQuestionAnswering,
        adapter=not job.config.full_finetune,
        losses=losses,
        parameters=models.parameters(trainer.model),
        trainable=trainable(trainer.model),
        likelihood=False,
    )


def check(found: Sequence[Any]) -> None:
    """Raises DataError where an answer does not stand where the line says."""
    for number, line in enumerate(found, start=1):
        if len(line.answers.text) != len(line.answers.answer_start):
            raise DataError(f"line {number}: answers.text and answers.answer_start differ in length")
        for text, start in zip(line.answers.text, line.answers.answer_start, strict=True):
            if start < 0 or line.context[start : start + len(text)] != text:
                raise DataError(f"line {number}: answer {text[:60]!r} does not stand at {start} of the context")


def dataset(job: Job, found: Sequence[Any]) -> Dataset:
    """Rows with the answer's first and last token; both are 0 where the window does not hold it."""
    questions, contexts = [line.question for line in found], [line.context for line in found]
    made = spans.windows(job.tokenizer, questions, contexts, int(job.config.max_seq_length or 0))
    rows = []
    for number, owner in enumerate(made["overflow_to_sample_mapping"]):
        first, last = positions(made, number, found[owner].answers)
        row = {name: made[name][number] for name in ("input_ids", "attention_mask", "token_type_ids") if name in made}
        rows.append(row | {"start_positions": first, "end_positions": last})
    return Dataset.from_list(rows)


def positions(made: Any, number: int, answers: Any) -> tuple[int, int]:
    if not answers.text:
        return 0, 0
    begin = answers.answer_start[0]
    end = begin + len(answers.text[0])
    parts = made["offset_mapping"][number]
    inside = [i for i, part in enumerate(made.sequence_ids(number)) if part == 1]
    touching = [i for i in inside if parts[i][0] < end and parts[i][1] > begin]
    if not touching or parts[touching[0]][0] > begin or parts[touching[-1]][1] < end:
        return 0, 0
    return touching[0], touching[-1]


def held_out(job: Job, found: Sequence[Any]) -> list[Held]:
    return [
        Held(line.question, tuple(line.answers.text) or ("",), line.id, line.topic, line)
        for line in found[: job.config.eval_examples]
    ]


def answer(job: Job, model: Any, held: Sequence[Held]) -> list[str]:
    """The best span of each context; empty where the lines know questions without answer and none is better.

    Raises Interrupted when the job was asked to stop.
    """
    may_be_none = any(not line.answers.text for line in job.train)
    window = int(job.config.max_seq_length or 0)
    answers = []
    for asked in held:
        if job.stop.requested:
            raise Interrupted
        line = asked.payload
        answers.append(
            spans.best(model, job.tokenizer, line.question, line.context, window=window, may_be_none=may_be_none)
        )
    return answers

"""Extractive question answering: the model marks the answer's first and last token in the context.

A context that is longer than a sequence is read in windows that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForQuestionAnswering, DefaultDataCollator, Trainer, TrainingArguments, set_seed

from dataforge_training import models
from dataforge_training.errors import DataError, Interrupted, ModelError
from dataforge_training.evaluation import BATCH, Held
from dataforge_training.job import Job, Trained, adapted, run, trainable
from dataforge_training.options import training_arguments
from dataforge_training.sequences import fit

LONGEST_ANSWER = 64
"""Tokens."""
CANDIDATES = 20
"""Best first and last tokens that are combined."""


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


def windows(job: Job, questions: Sequence[str], contexts: Sequence[str]) -> Any:
    """Tokens of question and context, one row per window, with the characters of each token."""
    length = job.config.max_seq_length
    return job.tokenizer(
        list(questions),
        list(contexts),
        truncation="only_second",
        max_length=length,
        stride=min(128, (length or 384) // 4),
        padding="max_length",
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )


def dataset(job: Job, found: Sequence[Any]) -> Dataset:
    """Rows with the answer's first and last token; both are 0 where the window does not hold it."""
    made = windows(job, [line.question for line in found], [line.context for line in found])
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
    spans = made["offset_mapping"][number]
    inside = [i for i, part in enumerate(made.sequence_ids(number)) if part == 1]
    touching = [i for i in inside if spans[i][0] < end and spans[i][1] > begin]
    if not touching or spans[touching[0]][0] > begin or spans[touching[-1]][1] < end:
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
    answers = []
    for start in range(0, len(held), BATCH[job.machine.device]):
        if job.stop.requested:
            raise Interrupted
        batch = [h.payload for h in held[start : start + BATCH[job.machine.device]]]
        made = windows(job, [line.question for line in batch], [line.context for line in batch])
        names = ("input_ids", "attention_mask", "token_type_ids")
        tensors = {name: torch.tensor(made[name]).to(model.device) for name in names if name in made}
        with torch.inference_mode():
            out = model(**tensors)
        scores = list(zip(out.start_logits.float().cpu(), out.end_logits.float().cpu(), strict=True))
        for sample, line in enumerate(batch):
            rows = [i for i, owner in enumerate(made["overflow_to_sample_mapping"]) if owner == sample]
            score, text = max((best_span(made, row, scores[row], line.context) for row in rows), key=lambda s: s[0])
            none = min(float(scores[row][0][0] + scores[row][1][0]) for row in rows)
            answers.append("" if may_be_none and none > score else text)
    return answers


def best_span(made: Any, row: int, scores: tuple[Any, Any], context: str) -> tuple[float, str]:
    """The likeliest span of one window: its score and its text."""
    inside = [i for i, part in enumerate(made.sequence_ids(row)) if part == 1]
    spans = made["offset_mapping"][row]
    first, last = scores
    starts = sorted(inside, key=lambda i: -float(first[i]))[:CANDIDATES]
    ends = sorted(inside, key=lambda i: -float(last[i]))[:CANDIDATES]
    fitting = [(float(first[s] + last[e]), s, e) for s in starts for e in ends if s <= e < s + LONGEST_ANSWER]
    if not fitting:
        return float("-inf"), ""
    score, s, e = max(fitting)
    return score, context[spans[s][0] : spans[e][1]].strip()

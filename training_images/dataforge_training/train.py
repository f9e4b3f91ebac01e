"""`train`: the whole job, from training.json to the folder of the result."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import datasets
import torch
from transformers import set_seed
from transformers.utils import logging

from dataforge_training import config as configs
from dataforge_training import (
    evaluation,
    lines,
    machine,
    metrics,
    models,
    preferences,
    prompts,
    questions,
    rlhf,
    saving,
    sft,
    summarization,
)
from dataforge_training.errors import ConfigError, Interrupted, TrainingError
from dataforge_training.folders import Folders
from dataforge_training.job import Job, Trained, out_of_memory
from dataforge_training.progress import Progress
from dataforge_training.stopping import Stop


def train(folders: Folders) -> int:
    """Runs the job. Returns the exit status: 0 when finished or interrupted, 1 after writing `output/failure`."""
    try:
        asked = configs.read(folders.config)
        return work(asked, folders)
    except Interrupted:
        return 0
    except (TrainingError, OSError) as error:
        folders.fail(str(error))
        print(f"failed: {error}", flush=True)
        return 1
    except Exception as error:
        folders.fail(f"{type(error).__name__}: {error}")
        raise


def work(asked: configs.Config, folders: Folders) -> int:
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    datasets.disable_progress_bars()
    here = machine.detect(asked)
    config, notes = machine.settle(asked, here)
    first = is_first()
    progress = Progress(folders.checkpoints / "progress.jsonl", active=first, memory_mb=here.memory_mb)
    stop = Stop(lambda: interrupted(progress))
    try:
        with stop.listening():
            progress.stage("loading")
            job = open_job(config, folders, here, progress, stop, notes)
            how = approach(job)
            finish(job, how, how.train(job), asked)
    except Interrupted:
        if first:
            folders.clear_result()
        interrupted(progress)
        raise
    except torch.cuda.OutOfMemoryError as error:
        raise out_of_memory(config, error) from error
    except Exception:
        if first:
            folders.clear_result()
        raise
    finally:
        progress.close()
    return 0


def is_first() -> bool:
    """Whether this process writes what the job makes."""
    return int(os.environ.get("RANK", "0")) == 0


def interrupted(progress: Progress) -> None:
    progress.write(message="interrupted", seconds_left=None)
    progress.close()


def open_job(
    config: configs.Config, folders: Folders, here: machine.Machine, progress: Progress, stop: Stop, notes: list[str]
) -> Job:
    """Reads what the job needs but for the weights, so that wrong input fails early."""
    found = list(lines.training_lines(folders.lines("train"), config))
    validation = lines.read(folders.lines("validation"), config)
    lines.read(folders.lines("eval"), config)
    origin = models.source(config, folders)
    set_seed(config.seed)
    if not config.resume and is_first():
        folders.clear_checkpoints()
    return Job(
        config=config,
        folders=folders,
        machine=here,
        origin=origin,
        tokenizer=models.load_tokenizer(origin),
        progress=progress,
        stop=stop,
        train=found,
        validation=validation,
        notes=notes,
    )


@dataclass(frozen=True)
class Approach:
    """How one kind of job trains, what it asks about held-out lines, and how a model answers that."""

    train: Callable[[Job], Trained]
    held_out: Callable[[Job, Sequence[Any]], list[evaluation.Held]] = evaluation.held_out
    answer: Callable[[Job, Any, Sequence[evaluation.Held]], list[str]] = evaluation.answer


APPROACHES = {
    "decoder": Approach(sft.train),
    "encoder-decoder": Approach(summarization.train, summarization.held_out),
    "spans": Approach(questions.train, questions.held_out, questions.answer),
    "dpo": Approach(preferences.train),
    "rlhf": Approach(rlhf.train),
}


def approach(job: Job) -> Approach:
    """Raises ConfigError where the model does not suit the task."""
    config = job.config
    encodes = bool(models.model_config(job.origin).is_encoder_decoder)
    if config.task == "text-generation" and encodes:
        raise ConfigError("model_name: task text-generation needs a decoder, this model is an encoder-decoder")
    if config.strategy in ("dpo", "rlhf"):
        return APPROACHES[config.strategy]
    if config.task == "extractive-question-answering":
        return APPROACHES["spans"]
    return APPROACHES["encoder-decoder" if encodes else "decoder"]


def finish(job: Job, how: Approach, trained: Trained, asked: configs.Config) -> None:
    """Saves, evaluates and describes the result."""
    job.progress.stage("saving")
    merged = saving.weights(job, trained)
    if not job.is_first:
        return
    found = lines.read(job.folders.lines("eval"), job.config) or job.validation
    values, predicted = measured(job, how, trained, merged, found)
    job.progress.stage("saving")
    saving.documents(job, trained, values, predicted, asked)
    job.progress.write(stage="done", message=None, seconds_left=0.0)


def measured(
    job: Job, how: Approach, trained: Trained, merged: Any, found: list[Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """metrics.json and the lines of predictions.jsonl."""
    losses = trained.losses
    final = losses["eval_loss"] if losses["eval_loss"] is not None else losses["train_loss"]
    values: dict[str, Any] = {
        "final_loss": final,
        "eval_loss": losses["eval_loss"],
        "perplexity": metrics.perplexity(final) if trained.likelihood else None,
        **dict.fromkeys(metrics.NAMES),
        **trained.extra,
    }
    base: dict[str, Any] = {
        "final_loss": losses["base_eval_loss"],
        "eval_loss": losses["base_eval_loss"],
        "perplexity": metrics.perplexity(losses["base_eval_loss"]) if trained.likelihood else None,
        **dict.fromkeys(metrics.NAMES),
    }
    predicted: list[dict[str, Any]] = []
    if job.config.evaluate and job.config.eval_examples and found:
        held = how.held_out(job, found)
        before = answers(job, how, trained, job.origin.place, held, which="base")
        after = answers(job, how, trained, merged, held, which="tuned")
        references = [h.references for h in held]
        base |= metrics.scores(before, references)
        values |= metrics.scores(after, references)
        if job.config.strategy == "rlhf":
            asked = [prompts.example(line, job.config).prompt for line in found[: len(held)]]
            base["reward"] = rlhf.mean_reward(job, asked, before)
            values["reward"] = rlhf.mean_reward(job, asked, after)
        predicted = evaluation.predictions(held, before, after)
    return {**values, "base": base}, predicted


def answers(
    job: Job, how: Approach, trained: Trained, place: Any, held: list[evaluation.Held], *, which: str
) -> list[str]:
    job.progress.stage("evaluating", f"the {which} model answers {len(held)} held-out lines")
    set_seed(job.config.seed)
    return how.answer(job, models.load_plain(trained.auto, place, job.machine), held)

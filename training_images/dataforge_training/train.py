"""`train`: the whole job, from training.json to the folder of the result."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import datasets
import torch
from transformers import set_seed
from transformers.utils import logging

from dataforge_training import config as configs
from dataforge_training import evaluation, lines, machine, metrics, models, saving, sft
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
            trained = STRATEGIES[strategy(job)](job)
            finish(job, trained, asked)
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


def strategy(job: Job) -> str:
    """The key of STRATEGIES. Raises ConfigError where the model does not suit the task."""
    encodes = models.is_encoder_decoder(job.origin)
    if job.config.task == "text-generation" and encodes:
        raise ConfigError("model_name: task text-generation needs a decoder, this model is an encoder-decoder")
    return "sft"


STRATEGIES: dict[str, Callable[[Job], Trained]] = {"sft": sft.train}


def finish(job: Job, trained: Trained, asked: configs.Config) -> None:
    """Saves, evaluates and describes the result."""
    job.progress.stage("saving")
    merged = saving.weights(job, trained)
    if not job.is_first:
        return
    found = lines.read(job.folders.lines("eval"), job.config) or job.validation
    values, predicted = measured(job, trained, merged, found)
    job.progress.stage("saving")
    saving.documents(job, trained, values, predicted, asked)
    job.progress.write(stage="done", message=None, seconds_left=0.0)


def measured(job: Job, trained: Trained, merged: Any, found: list[Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """metrics.json and the lines of predictions.jsonl."""
    losses = trained.losses
    final = losses["eval_loss"] if losses["eval_loss"] is not None else losses["train_loss"]
    values: dict[str, Any] = {
        "final_loss": final,
        "eval_loss": losses["eval_loss"],
        "perplexity": metrics.perplexity(final),
        **dict.fromkeys(metrics.NAMES),
        **trained.extra,
    }
    base: dict[str, Any] = {
        "final_loss": losses["base_eval_loss"],
        "eval_loss": losses["base_eval_loss"],
        "perplexity": metrics.perplexity(losses["base_eval_loss"]),
        **dict.fromkeys(metrics.NAMES),
    }
    predicted: list[dict[str, Any]] = []
    if job.config.evaluate and job.config.eval_examples and found:
        held = evaluation.held_out(found, job.config, job.tokenizer)
        before = answers(job, trained, job.origin.place, held, "base")
        after = answers(job, trained, merged, held, "tuned")
        references = [h.references for h in held]
        base |= metrics.scores(before, references)
        values |= metrics.scores(after, references)
        predicted = evaluation.predictions(held, before, after)
    return {**values, "base": base}, predicted


def answers(job: Job, trained: Trained, place: Any, held: list[evaluation.Held], which: str) -> list[str]:
    job.progress.stage("evaluating", f"the {which} model answers {len(held)} held-out lines")
    model = models.load_plain(trained.auto, place, job.machine)
    limit = evaluation.answer_limit(held, job.config, job.tokenizer)
    return evaluation.generate(
        model, job.tokenizer, held, limit=limit, machine=job.machine, stopped=lambda: job.stop.requested
    )

"""The held-out lines of a training: where they lie, what both models answered, and which of them it had learnt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from dataforge.errors import NotFound
from dataforge.platform import current
from dataforge.store import runs
from dataforge.store.runs import Run
from dataforge.store.trained_models import TrainedModel
from dataforge.text.normal_forms import normalise
from dataforge.training import examples, jsonl
from dataforge.workflows.training import jobs

PREDICTIONS, CHUNK = "predictions.jsonl", 1 << 20


def predictions(run: Run, files_prefix: str) -> Iterator[dict[str, Any]]:
    """The lines of predictions.jsonl; nothing where the training did not compare. files_prefix: of the model."""
    for key in (jobs.checkpoints(run, f"result/{PREDICTIONS}"), f"{files_prefix}/{PREDICTIONS}"):
        if current().files.info(key) is not None:
            yield from lines_of(key)
            return


def lines_of(key: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file of lines, blank and broken ones left out."""
    with current().files.open(key) as file:
        for row in jsonl.rows(iter(lambda: file.read(CHUNK), b"")):
            if row.value is not None:
                yield row.value


def key_of(run: Run) -> str | None:
    """The file whose lines were held out; None: there is none, or it is empty."""
    for name in (jobs.EVAL, jobs.VALIDATION):
        info = current().files.info(jobs.data_key(run, name))
        if info is not None and info.size:
            return info.key
    return None


def learnt(run: Run) -> set[int]:
    """The places of held-out lines that ask what a training line asks, but for case and white space."""
    held, trained = key_of(run), jobs.data_key(run, jobs.TRAIN)
    if held is None or current().files.info(trained) is None:
        return set()
    asked: dict[bytes, list[int]] = {}
    for number, line in enumerate(lines_of(held)):
        asked.setdefault(digest(line), []).append(number)
    found: set[int] = set()
    for line in lines_of(trained):
        found.update(asked.get(digest(line), ()))
    return found


def digest(line: Mapping[str, Any]) -> bytes:
    """Of what a converted line asks; of a line of another form, of all of it."""
    try:
        text = examples.asked_text(line)
    except (KeyError, TypeError, IndexError, AttributeError):
        text = repr(sorted(line.items()))
    return hashlib.blake2b(normalise(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def file_of(model: TrainedModel) -> str | None:
    """The file with the held-out lines of a model; None: there is none."""
    try:
        return key_of(runs.get(model.org_id, model.run_id))
    except NotFound:
        return None

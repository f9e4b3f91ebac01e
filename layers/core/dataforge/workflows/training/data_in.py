"""Training data, from wherever it comes, as the files that the training program reads."""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.errors import NotFound
from dataforge.platform import current
from dataforge.store.runs import Run
from dataforge.training.options import Options
from dataforge.workflows.training import jobs

NDJSON = "application/x-ndjson"


def check(org_id: str, chosen: Options) -> None:
    """Raises NotFound for a dataset that is not there."""
    key = _key(org_id, chosen.dataset)
    if current().files.info(key) is None:
        raise NotFound(f"Dataset {chosen.dataset} not found: upload it first (POST /api/upload_dataset)")


def prepare(run: Run, chosen: Options) -> dict[str, int]:
    """Write train.jsonl and validation.jsonl; how many lines each has."""
    lines = [line for line in _lines(_key(run.org_id, chosen.dataset)) if line.strip()]
    held_back = int(len(lines) * chosen.eval_split)
    parts = {jobs.VALIDATION: lines[:held_back], jobs.TRAIN: lines[held_back:]}
    for name, part in parts.items():
        current().files.write_stream(jobs.data_key(run, name), iter(part), content_type=NDJSON)
    return {"train": len(parts[jobs.TRAIN]), "validation": held_back}


def _lines(key: str) -> Iterator[bytes]:
    with current().files.open(key) as file:
        for line in file:
            yield line if line.endswith(b"\n") else line + b"\n"


def _key(org_id: str, dataset: str) -> str:
    name = dataset.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return f"{jobs.folder_of(org_id)}/uploads/{name}"

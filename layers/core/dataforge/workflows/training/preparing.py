"""State PrepareData: the data of a training and its configuration become the files that the program reads."""

from __future__ import annotations

from dataclasses import replace

import orjson

from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import run_log
from dataforge.store.runs import Run
from dataforge.training import options
from dataforge.workflows import lifecycle, state_input
from dataforge.workflows.training import base_models, data_in, jobs, project_data
from dataforge.workflows.training.data_in import Prepared


def prepare_data(raw: Item) -> Item:
    """Write `input/data/` of the run. Run again, it writes the same."""
    e = state_input.read(raw)
    run = lifecycle.run_of(e)
    if run.cancel_requested:
        return {**e.base(), "next": "close"}
    chosen = jobs.options_of(run)
    lines = data_in.prepare(run, chosen)
    chosen = replace(chosen, use_chat_template=lines.use_chat_template)
    config = options.to_config(
        chosen,
        job_id=run.run_id,
        provenance=_provenance(run, lines),
        network=base_models.staged(run.org_id, chosen) is None,
    )
    key = jobs.data_key(run, jobs.CONFIG)
    current().files.write(key, orjson.dumps(config, option=orjson.OPT_INDENT_2), content_type="application/json")
    said = f"{lines.train:,} lines ({lines.train_tokens:,} tokens) to train on, {lines.validation:,} held back"
    for message in (said, *lines.notes):
        run_log.write(run.run_id, "preparing", message)
    return {**e.base(), "next": "start"}


def _provenance(run: Run, lines: Prepared) -> dict[str, object]:
    """For the model's card: what it was trained on, down to the versions of the documents."""
    request = run.config["request"]
    dataset = request.get("dataset") if isinstance(request, dict) else None
    return {
        "job_id": run.run_id,
        "dataset": dataset,
        "sources": run.config["data"],
        "lines": lines.to_item(),
        "started_at": run.created_at,
        **project_data.provenance(run),
    }

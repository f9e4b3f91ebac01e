"""State RegisterModel: what a training has made becomes a model with a number."""

from __future__ import annotations

import re
from typing import Any

import orjson

from dataforge import clock
from dataforge.errors import DataForgeError
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import run_log, run_status, trained_models
from dataforge.store.runs import Run
from dataforge.store.trained_models import TrainedModel
from dataforge.training import options
from dataforge.workflows import lifecycle, state_input
from dataforge.workflows.training import jobs

MOST_CARD_CHARS = 32_000
MOST_DETAILS_BYTES = 100_000
"""A row holds 400 KB; the whole files lie beside the model."""
EVALUATION, EVALUATION_SECONDS = "evaluation", 3600
"""Who holds a fresh model, so that it is not deleted while it is evaluated."""
_SMALL_FILES = ("model.json", "metrics.json", "README.md", "predictions.jsonl")


class NoModel(DataForgeError):
    """The trainer says that the job is complete, and there are no files."""

    code = "NO_MODEL"


def register_model(raw: Item) -> Item:
    """Idempotent: a run has one model. Raises NoModel."""
    e, attempt = state_input.read(raw), jobs.attempt_of(raw)
    run = run_status.advance(lifecycle.run_of(e), "training", "finalizing")
    if trained_models.of_run(run) is None and "model_id" not in run.results:
        prefix = jobs.model_prefix(run, jobs.job_name(run, attempt.number))
        size = sum(f.size for f in current().files.list(f"{prefix}/"))
        if not size:
            raise NoModel(f"The training ended without a model: there is no file under {prefix}")
        made = trained_models.add(run, _model(run, prefix, size), run.results)
        run_log.write(run.run_id, "finalizing", f"Model {made.model_id} ({made.name}), {size / 1e6:,.1f} MB")
    return jobs.state_output(e, attempt, "evaluate")


def _model(run: Run, prefix: str, size: int) -> TrainedModel:
    chosen = jobs.options_of(run)
    details, metrics = (_json(run, prefix, name) for name in ("model.json", "metrics.json"))
    return TrainedModel(
        org_id=run.org_id,
        model_id=0,
        name=chosen.name or default_name(chosen.model_name),
        base_model=chosen.model_name,
        task=chosen.task,
        provider=chosen.provider,
        strategy=chosen.strategy,
        run_id=run.run_id,
        files_prefix=prefix,
        created_at=clock.now(),
        size_bytes=size,
        params=_params(run),
        metrics=metrics,
        card=_card(run, prefix),
        details=details if len(orjson.dumps(details)) <= MOST_DETAILS_BYTES else {"notes": details.get("notes")},
        status="evaluating",
        holds={EVALUATION: clock.epoch() + EVALUATION_SECONDS},
    )


def default_name(base_model: str) -> str:
    """`meta-llama/Llama-3.2-3B` -> `my-llama-3-2-3b-finetuned`, as in the public document."""
    last = base_model.rstrip("/").rpartition("/")[2]
    words = "-".join(re.findall(r"[a-z0-9]+", last.lower()))[:80]
    return f"my-{words or 'model'}-finetuned"


def small_file(run: Run, prefix: str, name: str) -> bytes | None:
    """One of the small files of a model: beside the checkpoints, where a copy lies, or in the model itself."""
    for key in (jobs.checkpoints(run, f"result/{name}"), f"{prefix}/{name}"):
        try:
            return current().files.read(key)
        except FileNotFoundError:
            continue
    return None


def _json(run: Run, prefix: str, name: str) -> dict[str, Any]:
    try:
        found = orjson.loads(small_file(run, prefix, name) or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _card(run: Run, prefix: str) -> str:
    text = (small_file(run, prefix, "README.md") or b"").decode("utf-8", "replace")
    return (
        text
        if len(text) <= MOST_CARD_CHARS
        else f"{text[:MOST_CARD_CHARS]}\n\n(the whole card is README.md of the model)"
    )


def _params(run: Run) -> Item:
    """Every option that the training had, defaults included."""
    chosen = jobs.options_of(run)
    values = {name: getattr(chosen, name) for name in options.TABLE} | {"learning_rate": chosen.rate}
    return {n: list(v) if isinstance(v, tuple) else v for n, v in values.items() if v is not None}

"""State EvaluateModel: what the training program measured on held-out lines, base model against tuned one."""

from __future__ import annotations

from typing import cast

from dataforge.platform.ports import Item
from dataforge.store import trained_models
from dataforge.workflows import lifecycle, state_input
from dataforge.workflows.training import jobs
from dataforge.workflows.training.registering import EVALUATION


def evaluate_model(raw: Item) -> Item:
    """Idempotent. A run whose model was deleted meanwhile has nothing to evaluate."""
    e, attempt = state_input.read(raw), jobs.attempt_of(raw)
    model = trained_models.of_run(lifecycle.run_of(e))
    if model is not None:
        tuned = {k: v for k, v in model.metrics.items() if k != "base"}
        evaluation: Item = {"base": cast(Item, model.metrics.get("base")), "tuned": tuned}
        trained_models.change(model, {"status": "ready", "evaluation": evaluation})
        trained_models.release(model, EVALUATION)
    return jobs.state_output(e, attempt, "close")

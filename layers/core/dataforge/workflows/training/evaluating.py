"""State EvaluateModel: what the training program measured on held-out lines, base model against tuned one.

Lines that the training had learnt as well are left out: what a model does on those says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from dataforge.platform.ports import Item
from dataforge.store import run_log, trained_models
from dataforge.store.runs import Run
from dataforge.store.trained_models import TrainedModel
from dataforge.training import evaluation
from dataforge.training.evaluation import Compared
from dataforge.workflows import lifecycle, run_files, state_input
from dataforge.workflows.training import held_out, jobs, project_data
from dataforge.workflows.training.registering import EVALUATION


def evaluate_model(raw: Item) -> Item:
    """Idempotent. A run whose model was deleted meanwhile, or that is being stopped, has nothing to evaluate."""
    e, attempt = state_input.read(raw), jobs.attempt_of(raw)
    run = lifecycle.run_of(e)
    model = trained_models.of_run(run)
    if model is not None and not run.cancel_requested:
        found = evaluate(run, model)
        if model.evaluation and (verifier := model.evaluation.get("verifier")):
            found["verifier"] = verifier
        trained_models.change(model, {"status": "ready", "evaluation": found})
        trained_models.release(model, EVALUATION)
        if measured := found["lines"]:
            run_log.write(run.run_id, "finalizing", f"Base and tuned model compared on {measured} held-out lines")
    return jobs.state_output(e, attempt, "close")


def evaluate(run: Run, model: TrainedModel) -> Item:
    """{"lines", "measured_on", "base", "tuned", "gain", "topics", "verifier"}; base and tuned: every measure, those of
    single lines with their intervals, losses as the training program says."""
    lines, left_out = compared(run, model)
    topics = topics_of(run)
    lines = [Compared(line.line, line.base, line.tuned, {**line.topics, **topics.get(line.line, {})}) for line in lines]
    whole = evaluation.summary(lines)
    for side, metrics in (("base", model.metrics.get("base")), ("tuned", model.metrics)):
        whole[side] = {**_losses(metrics), **whole[side]}
    made = {**whole, "measured_on": _measured_on(run, left_out), "topics": evaluation.by_topic(lines), "verifier": None}
    return cast(Item, made)


def compared(run: Run, model: TrainedModel) -> tuple[list[Compared], int]:
    """The held-out lines that the training did not learn, and how many are left out because it did."""
    learnt = held_out.learnt(run)
    found = [
        evaluation.of_prediction(row, number)
        for number, row in enumerate(held_out.predictions(run, model.files_prefix))
    ]
    kept = [line for number, line in enumerate(found) if number not in learnt]
    return kept, len(found) - len(kept)


def _measured_on(run: Run, left_out: int) -> dict[str, Any]:
    chosen = jobs.options_of(run)
    made: dict[str, Any] = {"dataset": chosen.eval_dataset, "of": "eval_dataset"}
    if chosen.eval_dataset is None:
        made = {"dataset": chosen.dataset, "of": "split", "share": chosen.eval_split}
    return {**made, "left_out_as_learnt": left_out}


def topics_of(run: Run) -> dict[str, dict[str, str]]:
    """Of an export's lines, by the id of the line: topics by kind, beside a line's own `topic`."""
    return {str(row["id"]): row["topics"] for row in run_files.read_lines(run, project_data.SOURCES)}


def _losses(metrics: object) -> dict[str, Any]:
    """Figures that are no means of lines."""
    found = metrics if isinstance(metrics, Mapping) else {}
    return {
        name: value
        for name, value in found.items()
        if name not in evaluation.MEASURES and isinstance(value, int | float) and not isinstance(value, bool)
    }

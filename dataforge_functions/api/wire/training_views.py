"""Trained models as the training API shows them."""

from __future__ import annotations

from typing import Any

from dataforge.store.trained_models import TrainedModel
from dataforge.workflows.training.improving import Improvement
from dataforge_functions.api.wire import training as wire

_SHORT = {
    "num_epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "learning_rate": "learning_rate",
}
"""Name in `training_params` of the public document -> name of the option."""


def brief(model: TrainedModel) -> wire.TrainedModelBrief:
    return wire.TrainedModelBrief(**_brief(model))


def model(model: TrainedModel) -> wire.TrainedModel:
    notes = model.details.get("notes")
    return wire.TrainedModel(
        **_brief(model),
        provider=model.provider,
        strategy=model.strategy,
        training_params={**{short: model.params.get(name) for short, name in _SHORT.items()}, **model.params},
        metrics={"final_loss": None, "perplexity": None, **model.metrics},
        job_id=model.run_id,
        status=model.status,
        evaluation=model.evaluation,
        provenance=provenance if isinstance(provenance := model.details.get("provenance"), dict) else {},
        notes=[str(note) for note in notes] if isinstance(notes, list) else [],
        card=model.card,
    )


def improvement(found: Improvement) -> wire.ModelImprovement:
    return wire.ModelImprovement(
        model_id=found.model_id,
        project_id=found.project_id,
        dataset=found.dataset,
        eval_dataset=found.eval_dataset,
        weak_topics=[
            wire.WeakTopic(
                **{name: topic[name] for name in ("by", "topic", "lines", "tuned", "against_rest")}, chunk_ids=ids
            )
            for topic, ids in found.weak
        ],
        chunk_ids=found.chunk_ids,
        training=found.training,
    )


def _brief(model: TrainedModel) -> dict[str, Any]:
    return {
        "id": model.model_id,
        "name": model.name,
        "base_model": model.base_model,
        "task": model.task,
        "created_at": model.created_at,
        "size_mb": round(model.size_bytes / 1e6, 1 if model.size_bytes >= 1e6 else 3),
    }

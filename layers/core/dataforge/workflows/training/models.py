"""What callers do with the models that they have trained."""

from __future__ import annotations

from dataforge.platform import current
from dataforge.store import trained_models
from dataforge.store.trained_models import TrainedModel
from dataforge.teachers import trained_catalogue
from dataforge.workflows.training import jobs


def delete(org_id: str, model_id: int) -> None:
    """Its row says so first, then its files go, those of its training too. Raises NotFound, Conflict (MODEL_IN_USE)."""
    model = trained_models.get(org_id, model_id)
    trained_models.mark_deleted(model)
    current().inference.remove(trained_catalogue.served(model))
    erase_files(model)


def erase_files(model: TrainedModel) -> None:
    """Safe to repeat."""
    folder = jobs.folder_of(model.org_id)
    verifier = (model.evaluation or {}).get("verifier")
    verified = [f"{folder}/runs/{verifier['run_id']}/"] if isinstance(verifier, dict) else []
    for prefix in (f"{folder}/models/{model.model_id}/", f"{folder}/runs/{model.run_id}/", *verified):
        current().files.delete_prefix(prefix)

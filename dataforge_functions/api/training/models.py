from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from dataforge.store import trained_models
from dataforge.workflows.training import models
from dataforge_functions.api.callers import AnyCallerDep as Who
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import training as wire
from dataforge_functions.api.wire import training_views as views

router = APIRouter(tags=["training"], route_class=Route)

ModelId = Annotated[int, Path(ge=1, le=10**9, description="Number of the model")]


@router.get("/models", operation_id="list_models")
def list_models(who: Who) -> wire.TrainedModels:
    """Every trained model, the newest first."""
    return wire.TrainedModels(models=[views.brief(m) for m in trained_models.of_organisation(who.org_id)])


@router.get("/models/{model_id}", operation_id="get_model")
def get_model(who: Who, model_id: ModelId) -> wire.TrainedModel:
    """With its options, metrics, evaluation, and card."""
    return views.model(trained_models.get(who.org_id, model_id))


@router.delete("/models/{model_id}", operation_id="delete_model")
def delete_model(who: Who, model_id: ModelId) -> wire.TrainedModelDeleted:
    """Removes the model and all its files; its number is never given again. 409 while it is in use."""
    models.delete(who.org_id, model_id)
    return wire.TrainedModelDeleted()

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from dataforge.store import trained_models
from dataforge.workflows.training import improving, models, verifying
from dataforge.workflows.training.verifying import Verification
from dataforge_functions.api.callers import AnyCallerDep as Who
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import training as wire
from dataforge_functions.api.wire import training_views as views

router = APIRouter(tags=["training"], route_class=Route)

_NOT_COMPARED: dict[int | str, dict[str, Any]] = {
    409: {"description": "There are no held-out lines to compare on, or no project behind the data"}
}
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


@router.post("/models/{model_id}/evaluate", operation_id="evaluate_model")
def evaluate_model(who: Who, model_id: ModelId, body: wire.EvaluateModel) -> wire.EvaluationStarted:
    """A verifier compares the model's answers to its held-out lines with those of its base, and returns at once. The
    win rate with its interval is in `evaluation.verifier` of the model. 409 while another one is at work."""
    wanted = Verification(
        verifier=body.verifier, max_cost_usd=body.max_cost_usd, both_orders=body.both_orders, seed=body.seed
    )
    run, most = verifying.start(who.org_id, who.user_id, model_id, wanted)
    return wire.EvaluationStarted(job_id=run.run_id, verdicts=run.requested, max_cost_usd=most)


@router.get("/models/{model_id}/gain", operation_id="model_gain", responses=_NOT_COMPARED)
def model_gain(
    who: Who, model_id: ModelId, over: Annotated[int, Query(ge=1, le=10**9, description="Number of the other model")]
) -> wire.ModelGain:
    """How much better a model does than another one on the same held-out lines. 409 when they have none in common."""
    found = improving.gain(who.org_id, model_id, over=over)
    return wire.ModelGain(model_id=model_id, over=over, **found.to_item())


@router.get("/models/{model_id}/improvement", operation_id="model_improvement", responses=_NOT_COMPARED)
def model_improvement(who: Who, model_id: ModelId) -> wire.ModelImprovement:
    """The topics on which a model is weak, and the chunks of its project to generate more from. 409 when it was not
    evaluated, or its data is no export of a project."""
    return views.improvement(improving.plan(who.org_id, model_id))

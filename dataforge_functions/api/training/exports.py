from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from dataforge.platform import current
from dataforge.workflows.training import gguf, hub_push
from dataforge_functions.api.callers import AnyCallerDep
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import model_exports as wire

router = APIRouter(tags=["training"], route_class=Route)

ModelId = Annotated[int, Path(ge=1, le=10**9, description="Number of the model")]
RETRY_SECONDS = 5
URL_SECONDS = 3600
_AGAIN: dict[int | str, dict[str, Any]] = {202: {"description": "Not done yet; send the same request again."}}


@router.post(
    "/models/{model_id}/export",
    operation_id="export_model",
    responses={202: {**_AGAIN[202], "model": wire.ExportedModel}},
)
def export_model(
    who: AnyCallerDep, model_id: ModelId, body: wire.ModelExport, response: Response
) -> wire.ExportedModel:
    """A trained model as one GGUF file, on one machine with a converter (`DATAFORGE_GGUF_CONVERTER`); else 501."""
    made = gguf.export(who.org_id, model_id, body.precision)
    if made is None:
        _again(response)
        return wire.ExportedModel(status="converting")
    url = current().files.presign_get(made.key, expires_in=URL_SECONDS, filename=made.filename)
    return wire.ExportedModel(status="completed", filename=made.filename, size_bytes=made.size_bytes, url=url)


@router.post("/hub/push", operation_id="push_model", responses={202: {**_AGAIN[202], "model": wire.PushedModel}})
def push_model(who: AnyCallerDep, body: wire.ModelPush, response: Response) -> wire.PushedModel:
    """Uploads a trained model with its card to a model hub, on one machine with a token (`HF_TOKEN`); else 501."""
    url = hub_push.push(who.org_id, body.model_id, body.repo_name, private=body.private)
    if url is None:
        _again(response)
        return wire.PushedModel(status="pushing")
    return wire.PushedModel(status="pushed", url=url)


def _again(response: Response) -> None:
    response.status_code = 202
    response.headers["Retry-After"] = str(RETRY_SECONDS)

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from dataforge.store import training_uploads
from dataforge.store.training_uploads import TrainingUpload
from dataforge.workflows.training import uploads
from dataforge.workflows.training.uploads import Place
from dataforge_functions.api import errors
from dataforge_functions.api.callers import AnyCallerDep as Who
from dataforge_functions.api.routing import Route
from dataforge_functions.api.training import receiving
from dataforge_functions.api.wire import training_data as wire
from dataforge_functions.api.wire.limits import Id

router = APIRouter(tags=["training"], route_class=Route)

UNNAMED = "dataset.jsonl"
_PART = 1 << 20
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [receiving.FIELD],
                    "properties": {
                        receiving.FIELD: {"type": "string", "format": "binary", "description": "JSONL, UTF-8"}
                    },
                },
                "example": {receiving.FIELD: '{"instruction": "...", "output": "..."}'},
            }
        },
    }
}
UploadId = Annotated[Id, Path(description="Id of the upload")]
FileName = Annotated[str, Path(description="Name of the uploaded file", min_length=1, max_length=200)]


@router.post("/upload_dataset", operation_id="upload_dataset", openapi_extra=_FORM, response_model=wire.DatasetUploaded)
async def upload_dataset(request: Request, who: Who) -> wire.DatasetUploaded | JSONResponse:
    """Stores a JSONL file and checks every line. A file of the same name is replaced.

    Above 4 MiB on AWS (64 MiB on one machine): 413, with `upload_url` to PUT the file to and `complete_url` to POST to.
    """
    limit = uploads.most_inline()
    try:
        file = await receiving.file_of(request, limit)
    except receiving.OverLimit as over:
        place = await run_in_threadpool(uploads.announce, who.org_id, over.filename or UNNAMED)
        message = f"A file in the request has at most {limit:,} bytes: PUT it to upload_url, then POST to complete_url"
        return errors.body(request, 413, errors.TOO_LARGE, message, upload=_address(request, place))
    try:
        parts = iter(lambda: file.file.read(_PART), b"")
        upload = await run_in_threadpool(uploads.receive, who.org_id, file.filename or "", parts)
    finally:
        await file.close()
    return _uploaded(upload)


@router.post("/upload_dataset/url", operation_id="create_dataset_upload_url")
def create_dataset_upload_url(
    request: Request, who: Who, body: wire.AnnounceDatasetUpload
) -> wire.DatasetUploadAddress:
    """Where to PUT a file of any size, and where to say that it is there."""
    return _address(request, uploads.announce(who.org_id, body.filename, body.size_bytes))


@router.post("/upload_dataset/{upload_id}/complete", operation_id="complete_dataset_upload")
def complete_dataset_upload(
    who: Who, upload_id: UploadId, body: wire.CompleteDatasetUpload | None = None
) -> wire.DatasetUploaded:
    """Checks the file that was PUT to `upload_url`, as `upload_dataset` does. Again is fine."""
    return _uploaded(uploads.complete(who.org_id, upload_id, body.filename if body else None))


@router.get("/datasets", operation_id="list_training_datasets")
def list_training_datasets(who: Who) -> wire.TrainingDatasets:
    """Uploaded files, the newest first."""
    found = training_uploads.of_organisation(who.org_id)
    return wire.TrainingDatasets(datasets=[_listed(upload) for upload in found])


@router.delete("/datasets/{filename}", operation_id="delete_training_dataset")
def delete_training_dataset(who: Who, filename: FileName) -> wire.DatasetDeleted:
    """Deletes an uploaded file; models that were trained on it stay."""
    uploads.delete(who.org_id, filename)
    return wire.DatasetDeleted()


def _uploaded(upload: TrainingUpload) -> wire.DatasetUploaded:
    return wire.DatasetUploaded(
        filename=upload.filename,
        num_examples=upload.num_examples,
        validation=wire.DatasetValidation(
            valid=upload.valid,
            errors=upload.errors,
            error_count=upload.error_count,
            unchecked=upload.unchecked,
        ),
        shapes=upload.shapes,
    )


def _listed(upload: TrainingUpload) -> wire.TrainingDataset:
    return wire.TrainingDataset(
        filename=upload.filename,
        num_examples=upload.num_examples,
        size_mb=round(upload.size / 1e6, 3),
        uploaded_at=upload.uploaded_at,
        valid=upload.valid,
        shapes=upload.shapes,
    )


def _address(request: Request, place: Place) -> wire.DatasetUploadAddress:
    complete = f"/api/upload_dataset/{place.upload.upload_id}/complete"
    return wire.DatasetUploadAddress(
        upload_url=place.url,
        complete_url=f"{_base(request)}{complete}",
        upload_id=place.upload.upload_id,
        filename=place.upload.name,
    )


def _base(request: Request) -> str:
    """The address under which the client sees this API; behind API Gateway its path may begin with a stage."""
    stage = ""
    event: dict[str, Any] = request.scope.get("aws.event") or {}
    seen, path = str(event.get("requestContext", {}).get("path", "")), str(event.get("path", ""))
    if path and seen.endswith(path):
        stage = seen.removesuffix(path)
    return f"{request.url.scheme}://{request.url.netloc}{stage}"

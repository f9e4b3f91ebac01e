"""Trained models imported into Bedrock (Custom Model Import): Bedrock loads a copy when somebody asks, and takes it
away after five minutes without a question.

API: docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelImportJob.html. Names begin with the prefix of the
stage, and everything carries the tags `application` and `stage`, to which the rights of the functions are limited.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from dataforge import settings
from dataforge.errors import Conflict, ModelLoading
from dataforge.platform.aws import clients
from dataforge.platform.ports import ModelAddress, ServedModel

RETRY_SECONDS = 60.0
READY_SECONDS = 300.0
"""How long a look at an imported model is good for."""
NOT_LOADABLE = "MODEL_NOT_LOADABLE"
_MISSING = ("ResourceNotFoundException", "ValidationException")


class ModelImports:
    """bucket: of the deployment; keys of Files are keys in it."""

    def __init__(self, bucket: str, *, bedrock: Any = None) -> None:
        self._bucket = bucket
        self._known: dict[str, tuple[float, str]] = {}
        """Name -> until when the look is good, and the ARN."""
        if bedrock is not None:
            self._bedrock = bedrock

    @cached_property
    def _bedrock(self) -> Any:
        return clients.client("bedrock", config=Config(retries=clients.retries(), connect_timeout=3))

    def set_up(self, model: ServedModel) -> None:
        """Import it. Raises ModelLoading while it is being imported, Conflict when Bedrock refuses it."""
        name = _name(model)
        if self._arn(name) is None:
            self._known[name] = time.monotonic() + READY_SECONDS, self._follow(model, name)

    def prepare(self, model: ServedModel) -> ModelAddress:
        """Bedrock loads it with the question. Raises Conflict for a model that is not imported."""
        arn = self._arn(_name(model))
        if arn is None:
            raise Conflict(
                "The model is not imported into Bedrock any more; a question by POST /api/playground/generate imports "
                "it again",
                code=NOT_LOADABLE,
            )
        return ModelAddress(service="bedrock", model_arn=arn, region=str(self._bedrock.meta.region_name))

    def _arn(self, name: str) -> str | None:
        until, arn = self._known.get(name, (0.0, ""))
        if time.monotonic() < until:
            return arn
        found = self._imported(name)
        if found is not None:
            self._known[name] = time.monotonic() + READY_SECONDS, found
        return found

    def remove(self, model: ServedModel) -> None:
        name = _name(model)
        self._known.pop(name, None)
        try:
            self._bedrock.delete_imported_model(modelIdentifier=name)
        except ClientError as problem:
            if problem.response["Error"]["Code"] not in _MISSING:
                raise

    def _imported(self, name: str) -> str | None:
        try:
            return str(self._bedrock.get_imported_model(modelIdentifier=name)["modelArn"])
        except ClientError as problem:
            if problem.response["Error"]["Code"] in _MISSING:
                return None
            raise

    def _follow(self, model: ServedModel, name: str) -> str:
        """The ARN, once the import is complete."""
        try:
            job = self._bedrock.get_model_import_job(jobIdentifier=name)
        except ClientError as problem:
            if problem.response["Error"]["Code"] not in _MISSING:
                raise
            job = self._begin(model, name)
        if job["status"] == "Completed":
            return str(job["importedModelArn"])
        if job["status"] == "Failed":
            reason = job.get("failureMessage") or "Bedrock says no reason"
            raise Conflict(
                f"Bedrock cannot import the model: {reason}. DATAFORGE_SERVING=endpoint answers with it on SageMaker",
                code=NOT_LOADABLE,
            )
        raise ModelLoading(
            f"The model {model.key} is being imported into Bedrock, which takes some minutes; try again",
            retry_after=RETRY_SECONDS,
        )

    def _begin(self, model: ServedModel, name: str) -> dict[str, Any]:
        try:
            self._bedrock.create_model_import_job(**self.job(model, name))
        except ClientError as problem:
            code, message = problem.response["Error"]["Code"], problem.response["Error"].get("Message", "")
            if code in ("ValidationException", "ServiceQuotaExceededException", "AccessDeniedException"):
                raise Conflict(f"Bedrock refuses to import the model: {message}", code=NOT_LOADABLE) from None
            if code != "ConflictException":
                raise
        return {"status": "InProgress"}

    def job(self, model: ServedModel, name: str) -> dict[str, Any]:
        """The arguments of CreateModelImportJob."""
        s = settings.get()
        tags = [{"key": "application", "value": "dataforge"}, {"key": "stage", "value": s.stage}]
        return {
            "jobName": name,
            "importedModelName": name,
            "roleArn": s.import_role,
            "modelDataSource": {"s3DataSource": {"s3Uri": f"s3://{self._bucket}/{model.files_prefix}/merged/"}},
            "jobTags": tags,
            "importedModelTags": tags,
            "clientRequestToken": name,
            **({"importedModelKmsKeyId": s.training_kms_key} if s.training_kms_key else {}),
        }


def _name(model: ServedModel) -> str:
    return f"{settings.get().table_prefix}{model.key}"

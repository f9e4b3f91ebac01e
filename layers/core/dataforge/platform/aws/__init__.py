"""The AWS backend; the only package that uses botocore, besides the Bedrock teacher."""

from __future__ import annotations

import os

from dataforge import settings
from dataforge.platform.aws.dynamo import DynamoTables
from dataforge.platform.aws.inference import AwsInference
from dataforge.platform.aws.s3 import S3Files
from dataforge.platform.aws.sagemaker_jobs import SageMakerTrainer
from dataforge.platform.aws.secrets import SecretsManager
from dataforge.platform.aws.stepfunctions import StepFunctionsWorkflows
from dataforge.platform.aws.websocket import WebSocketPublisher
from dataforge.platform.ports import Platform

_MACHINE = "STATE_MACHINE_"


def build() -> Platform:
    """From the settings and `STATE_MACHINE_<NAME>` (ARNs). Raises RuntimeError outside a deployment."""
    s = settings.get()
    if not s.bucket:
        raise RuntimeError("DATAFORGE_BUCKET is not set; outside a deployment, call platform.use(...)")
    arns = {k.removeprefix(_MACHINE).lower(): arn for k, arn in os.environ.items() if k.startswith(_MACHINE)}
    tables, files = DynamoTables(s.table_prefix), S3Files(s.bucket)
    return Platform(
        name="aws",
        tables=tables,
        files=files,
        workflows=StepFunctionsWorkflows(arns),
        publisher=WebSocketPublisher(tables, s.socket_url),
        secrets=SecretsManager(s.table_prefix),
        trainer=SageMakerTrainer(s.bucket),
        inference=AwsInference(s.bucket, files),
    )


def warm(backend: Platform) -> None:
    """Create every client that a request may need, to be part of a snapshot of this process; opens no connection."""
    for port in (backend.tables, backend.files, backend.workflows):
        _ = port._client  # type: ignore[union-attr]  # those of `build`

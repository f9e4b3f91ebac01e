"""The AWS backend; the only place with botocore, besides the Bedrock teacher."""

from __future__ import annotations

import os

from dataforge import settings
from dataforge.platform.aws.dynamo import DynamoTables
from dataforge.platform.aws.s3 import S3Files
from dataforge.platform.aws.secrets import SecretsManager
from dataforge.platform.aws.stepfunctions import StepFunctionsWorkflows
from dataforge.platform.aws.websocket import WebSocketPublisher
from dataforge.platform.ports import Platform

_MACHINE = "STATE_MACHINE_"


def build() -> Platform:
    """From the settings and `STATE_MACHINE_<NAME>` (ARNs). Raises RuntimeError where there is no deployment around."""
    s = settings.get()
    if not s.bucket:
        raise RuntimeError("DATAFORGE_BUCKET is not set; outside a deployment, plug in with platform.use(...)")
    arns = {k.removeprefix(_MACHINE).lower(): arn for k, arn in os.environ.items() if k.startswith(_MACHINE)}
    tables = DynamoTables(s.table_prefix)
    return Platform(
        name="aws",
        tables=tables,
        files=S3Files(s.bucket),
        workflows=StepFunctionsWorkflows(arns),
        publisher=WebSocketPublisher(tables, s.socket_url),
        secrets=SecretsManager(s.table_prefix),
    )


def warm(plugged: Platform) -> None:
    """Make every client that a request may need, for a snapshot of this process to hold; nothing is connected."""
    for port in (plugged.tables, plugged.files, plugged.workflows):
        _ = port._client  # type: ignore[union-attr]  # those of `build`

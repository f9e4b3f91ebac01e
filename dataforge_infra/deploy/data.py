"""The data of a deployment, accessed with the deployer's credentials: its schema version is checked before the stacks
are deployed, and upgraded afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from dataforge import platform, settings
from dataforge.errors import Invalid, SchemaMismatch
from dataforge.store import schema
from dataforge_infra.deploy.account import DeployError


def connect(prefix: str, region: str, *, bucket: str = "none") -> None:
    """Set the backend of this process to the tables with that prefix."""
    os.environ.update(DATAFORGE_BUCKET=bucket, DATAFORGE_TABLE_PREFIX=prefix, AWS_DEFAULT_REGION=region)
    settings.get.cache_clear()
    platform.use(None)


def refuse_newer(prefix: str, region: str, say: Callable[[str], None]) -> None:
    """Called before any change. Raises DeployError if a newer release has written the data."""
    connect(prefix, region)
    try:
        found = schema.stored()
    except Invalid:  # no tables yet
        return
    except (ClientError, BotoCoreError) as problem:
        say(f"The schema version of the data could not be read ({problem}); the service checks it again when it starts")
        return
    if found is not None and found.number > schema.needed():
        raise DeployError(schema.newer(found, schema.needed()))


def upgrade_schema(outputs: dict[str, str], *, prefix: str, region: str, say: Callable[[str], None]) -> list[str]:
    """The upgrade steps that were executed; until then the new service returns 503. Raises DeployError."""
    connect(prefix, region, bucket=outputs["FilesBucketName"])
    try:
        return schema.bring_up(say=say)
    except SchemaMismatch as problem:
        raise DeployError(problem.message) from None
    except (ClientError, BotoCoreError) as problem:
        raise DeployError(
            f"The stacks are deployed, but the schema of the data could not be upgraded ({problem}): your user needs "
            "dynamodb:GetItem, Query, PutItem, UpdateItem and DescribeTable on the table orgs. Run dataforge deploy "
            "again"
        ) from None

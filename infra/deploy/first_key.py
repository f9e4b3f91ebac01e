"""The first organisation of a deployment and its key, written with the deployer's own credentials."""

from __future__ import annotations

import os

from dataforge import platform, settings
from dataforge.store import orgs


def create(outputs: dict[str, str], *, prefix: str, region: str, organization: str) -> tuple[str, str]:
    """(organisation id, key): the key cannot be shown again. outputs: those of both stacks."""
    os.environ.update(
        DATAFORGE_BUCKET=outputs["FilesBucketName"], DATAFORGE_TABLE_PREFIX=prefix, AWS_DEFAULT_REGION=region
    )
    settings.get.cache_clear()
    platform.use(None)
    org_id, user_id = orgs.create_org(organization)
    return org_id, orgs.create_key(org_id, user_id, name="first key")

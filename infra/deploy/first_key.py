"""The first organisation of a deployment and its key, written with the deployer's own credentials."""

from __future__ import annotations

from dataforge.store import api_keys, organisations
from infra.deploy import data


def create(outputs: dict[str, str], *, prefix: str, region: str, organization: str) -> tuple[str, str]:
    """(organisation id, key): the key cannot be shown again. outputs: those of both stacks."""
    data.connect(prefix, region, bucket=outputs["FilesBucketName"])
    org_id, user_id = organisations.create(organization)
    return org_id, api_keys.create_first(org_id, user_id, name="first key")

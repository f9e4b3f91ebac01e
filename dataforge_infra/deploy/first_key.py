"""The first organisation of a deployment and its key, written with the deployer's own credentials."""

from __future__ import annotations

from dataforge.store import api_keys, organisations
from dataforge_infra.deploy import data
from dataforge_infra.deploy.account import Account


def create(outputs: dict[str, str], *, prefix: str, region: str, organization: str) -> tuple[str, str]:
    """(organisation id, key): the key cannot be shown again. outputs: those of both stacks."""
    data.connect(prefix, region, bucket=outputs["FilesBucketName"])
    org_id, user_id = organisations.create(organization)
    return org_id, api_keys.create_first(org_id, user_id, name="first key")


def exists(account: Account, *, prefix: str) -> bool:
    """Whether the deployment has a key already, whoever made it. One item is read, which needs dynamodb:Scan."""
    table = f"{prefix}key_hashes"
    return bool(account.client("dynamodb").scan(TableName=table, Limit=1, Select="COUNT")["Count"])

"""The role with which API Gateway writes access logs: one setting for all APIs of an account in a region.

It is no resource of a stack, since removing that stack would take the logs of every other API in the account with it.
An account that has the setting is left alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from dataforge_infra.deploy.account import Account, DeployError

ROLE = "dataforge-api-gateway-logs"
POLICY = "arn:{partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
TRIES = 10
"""A new role is visible to API Gateway some seconds after it was made."""


def ensure(account: Account, say: Callable[[str], None], *, pause_s: float = 3.0) -> None:
    """Raises DeployError with the permission that is missing."""
    gateway = account.client("apigateway")
    try:
        if gateway.get_account().get("cloudwatchRoleArn"):
            return
        say(f"creating the role {ROLE}, with which API Gateway writes logs in this account")
        _set(gateway, _role(account), pause_s)
    except ClientError as problem:
        raise DeployError(
            f"The role for the logs of API Gateway could not be set ({problem}): your user needs apigateway:GET and "
            f"PATCH on /account, and iam:CreateRole, GetRole, AttachRolePolicy and PassRole on {ROLE}"
        ) from None


def _role(account: Account) -> str:
    """ARN of the role, made if it is missing."""
    iam = account.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    try:
        role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust), Description="Access logs")
    except iam.exceptions.EntityAlreadyExistsException:
        role = iam.get_role(RoleName=ROLE)
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=POLICY.format(partition=account.partition))
    return str(role["Role"]["Arn"])


def _set(gateway: Any, arn: str, pause_s: float) -> None:
    change = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}]
    for attempt in range(1, TRIES + 1):
        try:
            gateway.update_account(patchOperations=change)
            return
        except ClientError as problem:
            if attempt == TRIES or problem.response["Error"]["Code"] not in ("BadRequestException", "TooManyRequests"):
                raise
            time.sleep(pause_s)

"""ARNs that are known before their resource exists, so that a function may start the machine which calls it."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from constructs import Construct

from dataforge_infra.stages import Stage


def machine_arn(scope: Construct, stage: Stage, name: str) -> str:
    return arn(scope, "states", "stateMachine", f"{stage.prefix}{name}")


def execution_arn(scope: Construct, stage: Stage, name: str) -> str:
    return arn(scope, "states", "execution", f"{stage.prefix}{name}:*")


def arn(scope: Construct, service: str, resource: str, name: str, *, slash: bool = False) -> str:
    """slash: `resource/name` instead of `resource:name`."""
    form = ArnFormat.SLASH_RESOURCE_NAME if slash else ArnFormat.COLON_RESOURCE_NAME
    return Stack.of(scope).format_arn(service=service, resource=resource, resource_name=name, arn_format=form)

"""What an account's own rules add to every role and function: a key, a network, a permissions boundary."""

from __future__ import annotations

from typing import cast

from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from dataforge_infra.stages import Stage


def limit_roles(app: App, policy_arn: str) -> None:
    """The managed policy becomes the permissions boundary of every role of the app."""
    policy = iam.ManagedPolicy.from_managed_policy_arn(app, "Boundary", policy_arn)
    iam.PermissionsBoundary.of(app).apply(policy)


def may_use_key(stage: Stage) -> list[iam.PolicyStatement]:
    """What reading and writing encrypted tables, files and settings takes; nothing without a key of the caller."""
    if not stage.kms_key_arn:
        return []
    actions = (
        "Decrypt",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
    )
    return [iam.PolicyStatement(actions=[f"kms:{action}" for action in actions], resources=[stage.kms_key_arn])]


def may_join_network(stage: Stage) -> list[iam.PolicyStatement]:
    """Lambda makes the network interfaces of a function with the function's role. Most of these calls know no ARN."""
    if not stage.subnet_ids:
        return []
    actions = (
        "AssignPrivateIpAddresses",
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "UnassignPrivateIpAddresses",
    )
    return [iam.PolicyStatement(actions=[f"ec2:{action}" for action in actions], resources=["*"])]


def may_train_in_network(stage: Stage) -> list[iam.PolicyStatement]:
    """SageMaker makes the network interfaces of a job or endpoint with its role."""
    if not stage.subnet_ids:
        return []
    actions = (
        "CreateNetworkInterface",
        "CreateNetworkInterfacePermission",
        "DeleteNetworkInterface",
        "DeleteNetworkInterfacePermission",
        "DescribeDhcpOptions",
        "DescribeNetworkInterfaces",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeVpcs",
    )
    return [iam.PolicyStatement(actions=[f"ec2:{action}" for action in actions], resources=["*"])]


def may_lend_key(stage: Stage) -> list[iam.PolicyStatement]:
    """The disks of a job are encrypted by a grant on the key."""
    if not stage.kms_key_arn:
        return []
    only = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    return [iam.PolicyStatement(actions=["kms:CreateGrant"], resources=[stage.kms_key_arn], conditions=only)]


def join_network(function: lambda_.Function, stage: Stage) -> None:
    """Gives the function an interface in the subnets of the stage, if it names some."""
    if stage.subnet_ids:
        cast(lambda_.CfnFunction, function.node.default_child).vpc_config = lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=list(stage.subnet_ids), security_group_ids=list(stage.security_group_ids)
        )


def regional_repository_account(scope: Construct) -> str:
    """The account of AWS that publishes its deep learning images in the region of the stack."""
    from aws_cdk.region_info import FactName

    return Stack.of(scope).regional_fact(FactName.DLC_REPOSITORY_ACCOUNT)

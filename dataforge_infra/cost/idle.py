"""Counts the resources of a template that are charged by time: the cost of an idle month."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dataforge_infra.cost.prices import Counts, added

Resource = Mapping[str, Any]

SECONDS_A_MONTH = 730 * 3600
ARCHIVES_GB = 0.075
"""Code, layers and templates in S3, zipped, of one version; the only stored bytes of an empty deployment."""

IMAGE_GB = 3.2
"""One training image as the registry stores it. Not measured: the wheels of `training_images/huggingface/cuda.txt` and
`requirements.txt` for x86-64 take 2.9 GB, most of it CUDA, and do not compress further; the rest is for the base image
and the program."""


def _alarm(properties: Mapping[str, Any]) -> Counts:
    return {"alarm_metrics": sum("MetricStat" in m for m in properties.get("Metrics", [])) or 1}


def _web_acl(properties: Mapping[str, Any]) -> Counts:
    return {"web_acls": 1, "web_acl_rules": len(properties.get("Rules", []))}


def _function(properties: Mapping[str, Any]) -> Counts:
    """A kept snapshot is paid by its memory and time, used or not."""
    kept = properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
    return {"snapshot_gb_seconds": properties["MemorySize"] / 1024 * SECONDS_A_MONTH} if kept else {}


def _repository(_: Mapping[str, Any]) -> Counts:
    """One training image, as `dataforge deploy --training` builds it; a second one while an older one is kept."""
    return {"image_gb_months": IMAGE_GB}


BY_TIME: dict[str, Callable[[Mapping[str, Any]], Counts]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": lambda _: {"dashboards": 1},
    "AWS::WAFv2::WebACL": _web_acl,
    "AWS::Lambda::Function": _function,
    "AWS::ECR::Repository": _repository,
    "AWS::SecretsManager::Secret": lambda _: {"secrets": 1},
    "AWS::KMS::Key": lambda _: {"keys": 1},
}
"""Resource type -> the counts of one resource in a month, from its properties."""

BY_USE = {
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::BasePathMapping",
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::DomainName",
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Resource",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::Logs::ResourcePolicy",
    "AWS::CodeBuild::Project",
    "AWS::Backup::BackupPlan",
    "AWS::Backup::BackupSelection",
    "AWS::Backup::BackupVault",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SSM::Parameter",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::StepFunctions::StateMachine",
    "AWS::WAFv2::WebACLAssociation",
    "AWS::CDK::Metadata",
    # Nothing for a budget without actions, and nothing for a filter until a line passes it.
    "AWS::Budgets::Budget",
    "AWS::Logs::MetricFilter",
}
"""Resource types that cost nothing while they are empty and unused (tables are on demand)."""


def idle(resources: Iterable[Resource]) -> dict[str, float]:
    """Counts of a month. resources: of every stack. Raises KeyError for a type that is in neither table."""
    counts: list[Counts] = [{"s3_gb_months": ARCHIVES_GB}]
    for resource in resources:
        kind = resource["Type"]
        if kind not in BY_USE:
            counts.append(BY_TIME[kind](resource.get("Properties", {})))
    return added(*counts)

"""Permissions needed to deploy, as IAM policies: `dataforge doctor --policy FOLDER` writes them.

CloudFormation acts with the permissions of its caller, so each resource type needs what its handlers call: AWS lists
that with the type's schema (`aws cloudformation describe-type`, under `handlers`; as of August 2026). Calls only for
properties that our templates do not set (keys of KMS, Kinesis, VPCs, replicas, ...) are left out. Permissions are
limited to resources with our name prefix, as far as AWS supports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from dataforge_infra.deploy.option_rights import GATEWAY, IMAGES, KEYS_AND_NETWORKS, OPTIONS
from dataforge_infra.deploy.right import ROLES, Right, may

MOST_CHARACTERS = 6144
"""Of a managed policy, white space not counted (IAM quotas)."""


_GATEWAY = tuple(
    f"arn:{{partition}}:apigateway:{{region}}::/{what}"
    for what in (
        "account",
        "restapis",
        "restapis/*",
        "apis",
        "apis/*",
        "domainnames",
        "domainnames/*",
        "tags/*",
    )
)
_RESTS = "arn:{partition}:apigateway:{region}::/restapis/*"
_LOGS = (
    "arn:{partition}:logs:{region}:{account}:log-group:/dataforge/*",
    "arn:{partition}:logs:{region}:{account}:log-group:/aws/vendedlogs/states/{name}*",
)
_FUNCTIONS = "arn:{partition}:lambda:{region}:{account}:function:{name}*"
_LAYERS = "arn:{partition}:lambda:{region}:{account}:layer:{name}*"
_TABLES = "arn:{partition}:dynamodb:{region}:{account}:table/{name}*"
_BUCKET = "arn:{partition}:s3:::{name}data-*"
_ARCHIVES = "arn:{partition}:s3:::dataforge-assets-{account}-{region}"
_ALARMS = (
    "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}*",
    "arn:{partition}:cloudwatch::{account}:dashboard/{name}*",
)
_FIREWALL = "arn:{partition}:wafv2:{region}:{account}:regional/webacl/{name}*"

_gateway = may("apigateway", "GET POST PUT PATCH DELETE TagResource UntagResource UpdateRestApiPolicy", *_GATEWAY)
_pass = Right(
    ("iam:PassRole",),
    ROLES,
    passed_to=(
        "lambda.amazonaws.com",
        "states.amazonaws.com",
        "apigateway.amazonaws.com",
        "events.amazonaws.com",
    ),
)
_queue = may(
    "sqs",
    "CreateQueue DeleteQueue GetQueueAttributes GetQueueUrl ListQueueTags SetQueueAttributes TagQueue UntagQueue",
    "arn:{partition}:sqs:{region}:{account}:{name}*",
)
_topic = may(
    "sns",
    "CreateTopic DeleteTopic GetDataProtectionPolicy GetSubscriptionAttributes GetTopicAttributes "
    "ListSubscriptionsByTopic ListTagsForResource SetSubscriptionAttributes SetTopicAttributes Subscribe TagResource "
    "Unsubscribe UntagResource",
    "arn:{partition}:sns:{region}:{account}:{name}*",
)

DATA: Mapping[str, tuple[Right, ...]] = {
    "AWS::DynamoDB::Table": (
        may(
            "dynamodb",
            "CreateTable DeleteTable DescribeContinuousBackups DescribeContributorInsights "
            "DescribeKinesisStreamingDestination DescribeTable DescribeTimeToLive GetResourcePolicy ListTagsOfResource "
            "TagResource UntagResource UpdateContinuousBackups UpdateTable UpdateTimeToLive",
            _TABLES,
        ),
    ),
    "AWS::S3::Bucket": (
        may(
            "s3",
            "CreateBucket DeleteBucket GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac "
            "GetBucketAcl GetBucketCORS GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification "
            "GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPublicAccessBlock GetBucketTagging "
            "GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration "
            "GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration "
            "ListBucket ListTagsForResource PutBucketCORS PutBucketLogging PutBucketNotification "
            "PutBucketOwnershipControls PutBucketPublicAccessBlock PutBucketTagging PutBucketVersioning "
            "PutEncryptionConfiguration PutLifecycleConfiguration TagResource UntagResource",
            _BUCKET,
        ),
    ),
    "AWS::S3::BucketPolicy": (may("s3", "DeleteBucketPolicy GetBucketPolicy PutBucketPolicy", _BUCKET),),
    "AWS::SSM::Parameter": (
        may(
            "ssm",
            "AddTagsToResource DeleteParameter GetParameters PutParameter RemoveTagsFromResource",
            "arn:{partition}:ssm:{region}:{account}:parameter/{name}*",
        ),
    ),
}
"""Resource type of the data stack -> the permissions to create, update, read and delete one."""

SERVICE: Mapping[str, tuple[Right, ...]] = {
    "AWS::ApiGateway::Account": (_gateway, _pass),
    "AWS::ApiGateway::BasePathMapping": (_gateway,),
    "AWS::ApiGateway::Deployment": (_gateway,),
    # The first custom domain of an account creates API Gateway's service-linked role.
    "AWS::ApiGateway::DomainName": (
        _gateway,
        may(
            "iam",
            "CreateServiceLinkedRole",
            "arn:{partition}:iam::{account}:role/aws-service-role/ops.apigateway.amazonaws.com/*",
        ),
    ),
    "AWS::ApiGateway::GatewayResponse": (_gateway,),
    "AWS::ApiGateway::Method": (_gateway,),
    "AWS::ApiGateway::Resource": (_gateway,),
    "AWS::ApiGateway::RestApi": (_gateway,),
    "AWS::ApiGateway::Stage": (_gateway,),
    "AWS::ApiGatewayV2::Api": (_gateway,),
    "AWS::ApiGatewayV2::Integration": (_gateway,),
    "AWS::ApiGatewayV2::Route": (_gateway,),
    # The access log of a WebSocket stage is a log delivery, created with the caller's permissions.
    "AWS::ApiGatewayV2::Stage": (
        _gateway,
        may(
            "logs",
            "CreateLogDelivery DeleteLogDelivery DescribeResourcePolicies GetLogDelivery ListLogDeliveries "
            "PutResourcePolicy UpdateLogDelivery",
        ),
    ),
    "AWS::Budgets::Budget": (
        may("budgets", "ModifyBudget ViewBudget", "arn:{partition}:budgets::{account}:budget/{name}*"),
    ),
    "AWS::CloudWatch::Alarm": (
        may("cloudwatch", "DescribeAlarms"),
        may("cloudwatch", "DeleteAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource", *_ALARMS),
    ),
    "AWS::CloudWatch::Dashboard": (
        may(
            "cloudwatch",
            "DeleteDashboards GetDashboard ListTagsForResource PutDashboard TagResource UntagResource",
            *_ALARMS,
        ),
    ),
    "AWS::Events::Rule": (
        may(
            "events",
            "DeleteRule DescribeRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets "
            "TagResource UntagResource",
            "arn:{partition}:events:{region}:{account}:rule/{name}*",
        ),
    ),
    "AWS::IAM::Policy": (may("iam", "DeleteRolePolicy GetRolePolicy PutRolePolicy", *ROLES),),
    "AWS::IAM::Role": (
        _pass,
        may(
            "iam",
            "AttachRolePolicy CreateRole DeleteRole DeleteRolePolicy DetachRolePolicy GetRole GetRolePolicy "
            "ListAttachedRolePolicies ListRolePolicies PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy "
            "UpdateRole UpdateRoleDescription",
            *ROLES,
        ),
    ),
    "AWS::Lambda::Alias": (
        may("lambda", "CreateAlias DeleteAlias GetAlias GetProvisionedConcurrencyConfig UpdateAlias", _FUNCTIONS),
    ),
    "AWS::Lambda::EventInvokeConfig": (
        may(
            "lambda",
            "DeleteFunctionEventInvokeConfig GetFunctionEventInvokeConfig PutFunctionEventInvokeConfig "
            "UpdateFunctionEventInvokeConfig",
            _FUNCTIONS,
        ),
    ),
    "AWS::Lambda::Function": (
        _pass,
        may("lambda", "GetLayerVersion", _LAYERS),
        may(
            "lambda",
            "CreateFunction DeleteFunction GetFunction GetFunctionCodeSigningConfig GetFunctionConfiguration "
            "GetFunctionRecursionConfig GetFunctionScalingConfig GetRuntimeManagementConfig ListTags PublishVersion "
            "TagResource UntagResource UpdateFunctionCode UpdateFunctionConfiguration",
            _FUNCTIONS,
        ),
    ),
    "AWS::Lambda::LayerVersion": (may("lambda", "DeleteLayerVersion GetLayerVersion PublishLayerVersion", _LAYERS),),
    "AWS::Lambda::Permission": (may("lambda", "AddPermission GetPolicy RemovePermission", _FUNCTIONS),),
    "AWS::Lambda::Version": (
        may(
            "lambda",
            "DeleteFunction GetFunctionConfiguration GetFunctionScalingConfig GetProvisionedConcurrencyConfig "
            "GetRuntimeManagementConfig ListVersionsByFunction PublishVersion",
            _FUNCTIONS,
        ),
    ),
    "AWS::Logs::LogGroup": (
        may("logs", "DescribeIndexPolicies DescribeLogGroups DescribeResourcePolicies"),
        may(
            "logs",
            "CreateLogGroup DeleteDataProtectionPolicy DeleteLogGroup DeleteRetentionPolicy "
            "GetDataProtectionPolicy ListTagsForResource PutRetentionPolicy TagResource UntagResource",
            *_LOGS,
        ),
    ),
    "AWS::Logs::MetricFilter": (may("logs", "DeleteMetricFilter DescribeMetricFilters PutMetricFilter", *_LOGS),),
    "AWS::SNS::Subscription": (_topic,),
    "AWS::SNS::Topic": (_topic,),
    "AWS::SNS::TopicPolicy": (_topic,),
    "AWS::SQS::Queue": (_queue,),
    "AWS::SQS::QueuePolicy": (_queue,),
    "AWS::StepFunctions::StateMachine": (
        _pass,
        may(
            "states",
            "CreateStateMachine DeleteStateMachine DescribeStateMachine ListTagsForResource TagResource "
            "UntagResource UpdateStateMachine",
            "arn:{partition}:states:{region}:{account}:stateMachine:{name}*",
        ),
    ),
    "AWS::WAFv2::WebACL": (
        may(
            "wafv2",
            "CreateWebACL DeleteWebACL GetWebACL ListTagsForResource TagResource UntagResource UpdateWebACL",
            _FIREWALL,
        ),
    ),
    "AWS::WAFv2::WebACLAssociation": (
        may("wafv2", "AssociateWebACL DisassociateWebACL GetWebACL GetWebACLForResource", _FIREWALL, _RESTS),
        may("apigateway", "SetWebACL", _RESTS),
    ),
}
"""The same for the service stack."""

OWN: tuple[Right, ...] = (
    Right(
        (
            "sts:GetCallerIdentity",
            "cloudformation:DescribeStacks",
            "lambda:GetAccountSettings",
            "bedrock:ListFoundationModels",
            "servicequotas:ListServiceQuotas",
            "iam:SimulatePrincipalPolicy",
            "iam:GetRole",
        )
    ),
    may(
        "cloudformation",
        "CreateStack DeleteStack DescribeStackEvents GetTemplate UpdateStack UpdateTerminationProtection",
        "arn:{partition}:cloudformation:{region}:{account}:stack/{name}*",
    ),
    may("s3", "CreateBucket ListBucket PutBucketPolicy PutBucketPublicAccessBlock", _ARCHIVES),
    # Lambda and CloudFormation read archives and templates with the deployer's permissions.
    may("s3", "AbortMultipartUpload GetObject GetObjectVersion PutObject", f"{_ARCHIVES}/*"),
    # Schema version and upgrade steps of the data; the first organisation and its key.
    may("dynamodb", "DescribeTable GetItem PutItem Query UpdateItem", _TABLES),
    # Is there a key already?
    may("dynamodb", "Scan", "arn:{partition}:dynamodb:{region}:{account}:table/{name}key_hashes"),
)
"""What `dataforge deploy`, `destroy` and `doctor` call themselves."""

POLICIES: Mapping[str, tuple[Right, ...]] = {
    "dataforge-deployer-data": (*(r for rights in DATA.values() for r in rights), *OWN),
    "dataforge-deployer-service": tuple(r for rights in SERVICE.values() for r in rights),
    "dataforge-deployer-options": (
        *(r for rights in OPTIONS.values() for r in rights),
        *KEYS_AND_NETWORKS,
        *IMAGES,
        *GATEWAY,
    ),
}
"""More than one, because IAM limits the length of each."""


def merged(rights: Iterable[Right]) -> list[Right]:
    """Rights on the same resources combined, each action once."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], set[str]] = {}
    for right in rights:
        found.setdefault((right.resources, right.passed_to), set()).update(right.actions)
    return [Right(tuple(sorted(actions)), *where) for where, actions in found.items()]


def filled(right: Right, *, account: str, region: str, prefix: str, partition: str = "aws") -> list[str]:
    """Its ARNs. prefix: `dataforge-<stage>-`."""
    return [arn.format(partition=partition, account=account, region=region, name=prefix) for arn in right.resources]


def policy(
    rights: Iterable[Right], *, account: str, region: str, prefix: str, partition: str = "aws"
) -> dict[str, Any]:
    statements = [
        {
            "Effect": "Allow",
            "Action": _short(right.actions),
            "Resource": filled(right, account=account, region=region, prefix=prefix, partition=partition),
            **(
                {"Condition": {"StringEquals": {"iam:PassedToService": list(right.passed_to)}}}
                if right.passed_to
                else {}
            ),
        }
        for right in merged(rights)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _short(actions: Iterable[str]) -> list[str]:
    """Three or more that read (Get, List, Describe) become one pattern."""
    kept: dict[str, list[str]] = {}
    for action in actions:
        verb = re.match(r"[^:]+:(?:Get|List|Describe)(?=[A-Z])", action)
        kept.setdefault(f"{verb[0]}*" if verb else action, []).append(action)
    return sorted(a for pattern, group in kept.items() for a in ([pattern] if len(group) > 2 else group))

"""What functions may do to train models and to answer with them; nothing, unless the deployment trains.

Jobs, endpoints and models of SageMaker are limited by their names, which begin with the prefix of the stage. Bedrock
gives imported models and import jobs ids of its own, so they are limited by the tags `application` and `stage`, which
whoever makes one has to give it.
"""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from dataforge_infra import access, catalog
from dataforge_infra.arns import arn
from dataforge_infra.stages import Stage
from dataforge_infra.training import Training

TRAINING = {
    "none": (),
    "start": ("CreateTrainingJob", "AddTags"),
    "follow": ("DescribeTrainingJob", "StopTrainingJob"),
}
"""`Function.training` -> calls of SageMaker."""
ASK = ("DescribeInferenceComponent", "UpdateInferenceComponentRuntimeConfig", "InvokeEndpoint")
"""Calls of SageMaker for `inference="invoke"`: the first copy of a component is wanted, then it is asked."""
ASK_IMPORTED = "GetImportedModel"
"""Call of Bedrock before InvokeModel, which loads an imported model when somebody asks."""
ENDPOINTS = (
    *("CreateEndpointConfig", "CreateEndpoint", "DescribeEndpoint", "DeleteEndpoint"),
    *("CreateModel", "DeleteModel"),
    *("CreateInferenceComponent", "DeleteInferenceComponent"),
    "AddTags",
)
"""Further calls of SageMaker for `inference="manage"`: an endpoint without instances until one of its components has
copies."""
SCALING = ("RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy")
"""Calls of Application Auto Scaling, which takes the last copy away when nobody asks."""
IMPORTS = ("CreateModelImportJob", "GetModelImportJob", "DeleteImportedModel", "TagResource")
"""Further calls of Bedrock for `inference="manage"`."""
COPIES = "sagemaker:inference-component:DesiredCopyCount"
"""What is scaled."""


def environment(stage: Stage, roles: Training) -> dict[str, str]:
    """Settings of every function: what a training job and an endpoint are given."""
    if not stage.trains:
        return {}
    images = {"huggingface": "DATAFORGE_TRAINING_IMAGE", "unsloth": "DATAFORGE_TRAINING_IMAGE_UNSLOTH"}
    network = {
        "DATAFORGE_TRAINING_SUBNETS": ",".join(stage.subnet_ids),
        "DATAFORGE_TRAINING_SECURITY_GROUPS": ",".join(stage.security_group_ids),
    }
    return {
        "DATAFORGE_TRAINING_ROLE": roles.train.role_arn,
        "DATAFORGE_SERVING_ROLE": roles.serve.role_arn,
        "DATAFORGE_IMPORT_ROLE": roles.imports.role_arn,
        **{images[name]: uri for name, uri in roles.images.items()},
        **(network if stage.subnet_ids else {}),
        **({"DATAFORGE_TRAINING_KMS_KEY": stage.kms_key_arn} if stage.kms_key_arn else {}),
    }


def statements(scope: Construct, stage: Stage, roles: Training, facts: catalog.Function) -> list[iam.PolicyStatement]:
    if not stage.trains:
        return []
    found = _training(scope, stage, roles, facts)
    if facts.inference != "none":
        found += _asking(scope, stage)
    if facts.inference == "manage":
        # Disks and copies of a model are encrypted by a grant on the key.
        found += [*_serving(scope, stage, roles), *_importing(scope, stage, roles), *access.may_lend_key(stage)]
    return found


def _training(scope: Construct, stage: Stage, roles: Training, facts: catalog.Function) -> list[iam.PolicyStatement]:
    if facts.training == "none":
        return []
    jobs = arn(scope, "sagemaker", "training-job", f"{stage.prefix}*", slash=True)
    calls = iam.PolicyStatement(actions=_named("sagemaker", TRAINING[facts.training]), resources=[jobs])
    return [calls, _pass(roles.train, "sagemaker")] if facts.training == "start" else [calls]


def _asking(scope: Construct, stage: Stage) -> list[iam.PolicyStatement]:
    kinds = ("endpoint", "inference-component")
    imported = [arn(scope, "bedrock", "imported-model", "*", slash=True)]
    return [
        iam.PolicyStatement(
            actions=_named("sagemaker", ASK),
            resources=[arn(scope, "sagemaker", kind, f"{stage.prefix}*", slash=True) for kind in kinds],
        ),
        # Of all: what is not there has no tags, and would be refused in the place of not found.
        iam.PolicyStatement(actions=_named("bedrock", [ASK_IMPORTED]), resources=imported),
        iam.PolicyStatement(
            actions=_named("bedrock", ["InvokeModel"]), resources=imported, conditions=_tagged(stage, "ResourceTag")
        ),
    ]


def _serving(scope: Construct, stage: Stage, roles: Training) -> list[iam.PolicyStatement]:
    kinds = ("endpoint", "endpoint-config", "inference-component", "model")
    return [
        iam.PolicyStatement(
            actions=_named("sagemaker", ENDPOINTS),
            resources=[arn(scope, "sagemaker", kind, f"{stage.prefix}*", slash=True) for kind in kinds],
        ),
        _pass(roles.serve, "sagemaker"),
        iam.PolicyStatement(
            actions=_named("application-autoscaling", SCALING),
            resources=[arn(scope, "application-autoscaling", "scalable-target", "*", slash=True)],
            conditions={
                "StringEquals": {
                    "application-autoscaling:service-namespace": "sagemaker",
                    "application-autoscaling:scalable-dimension": COPIES,
                }
            },
        ),
        # Application Auto Scaling makes the alarms of a policy with the caller's rights.
        iam.PolicyStatement(
            actions=_named("cloudwatch", ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms")),
            resources=[arn(scope, "cloudwatch", "alarm", f"TargetTracking-inference-component/{stage.prefix}*")],
        ),
        iam.PolicyStatement(
            actions=["iam:CreateServiceLinkedRole"],
            resources=[
                Stack.of(scope).format_arn(
                    service="iam",
                    region="",
                    resource="role",
                    resource_name=(
                        "aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
                        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
                    ),
                )
            ],
            conditions={"StringEquals": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}},
        ),
    ]


def _importing(scope: Construct, stage: Stage, roles: Training) -> list[iam.PolicyStatement]:
    kinds = ("model-import-job", "imported-model")
    ours = [arn(scope, "bedrock", kind, "*", slash=True) for kind in kinds]
    read = [call for call in IMPORTS if call.startswith("Get")]
    made = ("CreateModelImportJob", "TagResource")
    removed = [call for call in IMPORTS if call not in (*read, *made)]
    return [
        # Of all: what is not there has no tags, and would be refused in the place of not found.
        iam.PolicyStatement(actions=_named("bedrock", read), resources=ours),
        iam.PolicyStatement(actions=_named("bedrock", made), resources=ours, conditions=_tagged(stage, "RequestTag")),
        iam.PolicyStatement(
            actions=_named("bedrock", removed), resources=ours, conditions=_tagged(stage, "ResourceTag")
        ),
        _pass(roles.imports, "bedrock"),
    ]


def _pass(role: iam.IRole, service: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["iam:PassRole"],
        resources=[role.role_arn],
        conditions={"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}},
    )


def _tagged(stage: Stage, whose: str) -> dict[str, dict[str, str]]:
    return {"StringEquals": {f"aws:{whose}/application": "dataforge", f"aws:{whose}/stage": stage.name}}


def _named(service: str, calls: Iterable[str]) -> list[str]:
    return [f"{service}:{call}" for call in calls]

"""The roles that SageMaker assumes: one for training, one for serving, both limited to their part of the bucket."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from dataforge_infra import access, catalog
from dataforge_infra.stages import Stage

IMAGES = "huggingface-pytorch-*"


class Training(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, bucket: s3.IBucket) -> None:
        super().__init__(scope, construct_id)
        self._stage, self._files = stage, bucket.arn_for_objects(f"{catalog.TRAINING_FILES}*")
        self._bucket = bucket
        self.train = self._role("TrainRole", "Reads a training job's data, writes checkpoints and the model")
        self.serve = self._role("ServeRole", "Reads a trained model, to answer with it")
        self._allow(self.train, ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"), "TrainingJobs")
        self._allow(self.serve, ("s3:GetObject",), "Endpoints")

    def _role(self, construct_id: str, description: str) -> iam.Role:
        """Can be assumed only by SageMaker on behalf of this account, not by jobs of other accounts."""
        stack = Stack.of(self)
        return iam.Role(
            self,
            construct_id,
            description=f"{description} ({self._stage.name})",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": stack.format_arn(service="sagemaker", resource="*")},
                },
            ),
        )

    def _allow(self, role: iam.Role, files: tuple[str, ...], log: str) -> None:
        stack = Stack.of(self)
        group = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"/aws/sagemaker/{log}*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        for statement in (
            iam.PolicyStatement(actions=list(files), resources=[self._files]),
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self._bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": f"{catalog.TRAINING_FILES}*"}},
            ),
            iam.PolicyStatement(
                actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                resources=[group],
            ),
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}},
            ),
            *access.may_use_key(self._stage),
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[
                    self._images(stack.account, f"{self._stage.prefix}*"),
                    self._images(access.regional_repository_account(self), IMAGES),
                ],
            ),
        ):
            role.add_to_policy(statement)

    def _images(self, account: str, name: str) -> str:
        return Stack.of(self).format_arn(service="ecr", account=account, resource="repository", resource_name=name)

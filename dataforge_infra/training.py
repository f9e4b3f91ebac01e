"""The roles that AWS assumes to train models and to answer with them, limited to their part of the bucket.

SageMaker takes one for training and one for serving, Bedrock one to import a model.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from dataforge_infra import access, catalog
from dataforge_infra.stages import IMAGE, Stage

AWS_IMAGES = "huggingface-pytorch-*"
"""Of AWS's own images, those that may stand behind an endpoint which somebody uses as a teacher."""


class Training(Construct):
    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, bucket: s3.IBucket, images: Mapping[str, str]
    ) -> None:
        """images: name -> URI of the images that are built here."""
        super().__init__(scope, construct_id)
        self._stage, self._bucket = stage, bucket
        self.images = {**images, **({"huggingface": stage.training_image} if stage.training_image else {})}
        """Name -> URI of what a job runs."""
        sagemaker = "sagemaker.amazonaws.com", "*"
        self.train = self._role("TrainRole", "Reads a training job's data, writes checkpoints and the model", sagemaker)
        self.serve = self._role("ServeRole", "Reads a trained model, to answer with it", sagemaker)
        self._allow_files(self.train, "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload")
        self._allow_files(self.serve, "s3:GetObject")
        for role, log in ((self.train, "TrainingJobs"), (self.serve, "Endpoints")):
            self._allow(role, *self._telling(log))
            self._allow(role, *self._pulling(*(() if role is self.train else (AWS_IMAGES,))))
        if stage.trains:
            self.imports = self._role(
                "ImportRole",
                "Reads a trained model, to import it into Bedrock",
                ("bedrock.amazonaws.com", "model-import-job/*"),
            )
            self._allow_files(self.imports, "s3:GetObject")

    def _role(self, construct_id: str, description: str, taken_by: tuple[str, str]) -> iam.Role:
        """taken_by: service, and which resources of it; only on behalf of this account, not by jobs of others."""
        stack, (service, resource) = Stack.of(self), taken_by
        source = stack.format_arn(
            service=service.split(".")[0], resource=resource, arn_format=ArnFormat.SLASH_RESOURCE_NAME
        )
        return iam.Role(
            self,
            construct_id,
            description=f"{description} ({self._stage.name})",
            assumed_by=iam.ServicePrincipal(
                service,
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": source},
                },
            ),
        )

    def _allow(self, role: iam.Role, *statements: iam.PolicyStatement) -> None:
        for statement in statements:
            role.add_to_policy(statement)

    def _allow_files(self, role: iam.Role, *actions: str) -> None:
        files = self._bucket.arn_for_objects(f"{catalog.TRAINING_FILES}*")
        self._allow(
            role,
            iam.PolicyStatement(actions=list(actions), resources=[files]),
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self._bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": f"{catalog.TRAINING_FILES}*"}},
            ),
            *access.may_use_key(self._stage),
        )

    def _telling(self, log: str) -> list[iam.PolicyStatement]:
        """Logs, metrics, and a network of the caller's."""
        group = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"/aws/sagemaker/{log}*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return [
            iam.PolicyStatement(
                actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                resources=[group],
            ),
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}},
            ),
            *access.may_train_in_network(self._stage),
            *access.may_lend_key(self._stage),
        ]

    def _pulling(self, *of_aws: str) -> list[iam.PolicyStatement]:
        """The images of this stage, a ready one that it names, and those of AWS with these names."""
        stack = Stack.of(self)
        ready = IMAGE.fullmatch(self._stage.training_image or "")
        return [
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(
                actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[
                    self._repository(stack.account, stack.region, f"{self._stage.prefix}training"),
                    *([self._repository(ready["account"], ready["region"], ready["name"])] if ready else []),
                    *(
                        self._repository(access.regional_repository_account(self), stack.region, name)
                        for name in of_aws
                    ),
                ],
            ),
        ]

    def _repository(self, account: str, region: str, name: str) -> str:
        return Stack.of(self).format_arn(
            service="ecr", account=account, region=region, resource="repository", resource_name=name
        )

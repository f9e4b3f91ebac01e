"""The role that Bedrock assumes for a batch job: it reads requests and writes replies of runs in our bucket."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from dataforge_infra import access, catalog
from dataforge_infra.arns import arn
from dataforge_infra.data import Stored
from dataforge_infra.lambdas import model_arns
from dataforge_infra.stages import Stage


class Batches(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, data: Stored) -> None:
        super().__init__(scope, construct_id)
        account = Stack.of(self).account
        self.role = iam.Role(
            self,
            "Role",
            # Only for jobs of this account and region.
            assumed_by=iam.ServicePrincipal(
                "bedrock.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": account},
                    "ArnLike": {"aws:SourceArn": arn(self, "bedrock", "model-invocation-job", "*", slash=True)},
                },
            ),
            description=f"What a batch job of Bedrock may do ({stage.name})",
        )
        files = data.bucket.arn_for_objects(catalog.BATCH_FILES)
        ours = {"StringEquals": {"aws:ResourceAccount": account}}
        for statement in (
            iam.PolicyStatement(actions=["s3:GetObject", "s3:PutObject"], resources=[files], conditions=ours),
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[data.bucket.bucket_arn], conditions=ours),
            *access.may_use_key(stage),
        ):
            self.role.add_to_policy(statement)
        # A job on a cross-region inference profile invokes models with this role.
        if models := model_arns(self, stage):
            self.role.add_to_policy(iam.PolicyStatement(actions=["bedrock:InvokeModel"], resources=models))

"""Two stacks: what must be kept, and what may be replaced at any time."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra import catalog
from infra.api import Api
from infra.code import Bundles
from infra.data import Data
from infra.events import Events
from infra.lambdas import Lambdas
from infra.stages import Stage
from infra.workflows import Workflows


class DataStack(Stack):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{stage.prefix}data",
            description="Data Forge: tables and files. Nothing here is deleted with the stack.",
            termination_protection=True,
        )
        self.data = Data(self, "Data", stage=stage)
        name = self.data.bucket.bucket_name
        CfnOutput(self, "FilesBucketName", value=name, description="Documents, runs and exports")


class ServiceStack(Stack):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, data: Data) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{stage.prefix}service",
            description="Data Forge: API, functions and state machines. Holds no data.",
        )
        bundles = Bundles(self, "Code", stage=stage)
        lambdas = Lambdas(self, "Functions", stage=stage, data=data, bundles=bundles)
        Workflows(self, "Workflows", stage=stage, data=data, lambdas=lambdas)
        Events(self, "Events", stage=stage, bucket=data.bucket, on_upload=lambdas.by_name[catalog.ON_UPLOAD])
        api = Api(self, "Api", stage=stage, function=lambdas.by_name["api"])
        CfnOutput(self, "ApiUrl", value=api.rest.url, description="Base URL of every route")

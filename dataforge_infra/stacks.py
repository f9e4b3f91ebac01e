"""Two stacks: one with data, which must be kept, and one that may be replaced at any time."""

from __future__ import annotations

import json

from aws_cdk import CfnOutput, IStackSynthesizer, Stack
from constructs import Construct

from dataforge_infra import catalog
from dataforge_infra.api import Api
from dataforge_infra.backup import Backup
from dataforge_infra.batches import Batches
from dataforge_infra.code import Bundles
from dataforge_infra.data import Data, DeployedData
from dataforge_infra.events import Events
from dataforge_infra.firewall import Firewall
from dataforge_infra.images import NAMES, Images
from dataforge_infra.lambdas import Lambdas
from dataforge_infra.monitoring import Monitoring
from dataforge_infra.stages import Stage
from dataforge_infra.training import Training
from dataforge_infra.websocket import WebSocket
from dataforge_infra.workflows import Workflows


class DataStack(Stack):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, synthesizer: IStackSynthesizer) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=synthesizer,
            stack_name=f"{stage.prefix}data",
            description="Data Forge: tables and files. Nothing here is deleted with the stack.",
            termination_protection=True,
        )
        self.data = Data(self, "Data", stage=stage)
        name = self.data.bucket.bucket_name
        CfnOutput(self, "FilesBucketName", value=name, description="Documents, runs and exports")
        self._keep_old_exports()
        if stage.backup:
            Backup(self, "Backup", stage=stage, data=self.data)

    def _keep_old_exports(self) -> None:
        """The service stack of release 0.1 imports them, and CloudFormation removes no export that is in use. A release
        that updates only from later ones can leave them out."""
        for table in self.data.tables.values():
            self.export_value(table.table_arn)
        self.export_value(self.data.bucket.bucket_name)
        self.export_value(self.data.bucket.bucket_arn)


class ServiceStack(Stack):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, synthesizer: IStackSynthesizer) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=synthesizer,
            stack_name=f"{stage.prefix}service",
            description="Data Forge: API, functions and state machines. Holds no data.",
        )
        data = DeployedData(self, "Data", stage=stage)
        bundles = Bundles(self, "Code", stage=stage)
        batches = Batches(self, "Batches", stage=stage, data=data)
        training = self._training(stage, data)
        lambdas = Lambdas(
            self,
            "Functions",
            stage=stage,
            data=data,
            bundles=bundles,
            batch_role=batches.role,
            training=training,
        )
        Workflows(self, "Workflows", stage=stage, data=data, lambdas=lambdas)
        events = Events(self, "Events", stage=stage, bucket=data.bucket, lambdas=lambdas)
        WebSocket(self, "Sockets", stage=stage, lambdas=lambdas)
        api = Api(self, "Api", stage=stage, function=lambdas.by_name[catalog.API])
        if stage.waf:
            Firewall(self, "Firewall", stage=stage, rest=api.rest)
        Monitoring(
            self,
            "Monitoring",
            stage=stage,
            api=api,
            lambdas=lambdas,
            events=events,
        )
        options = json.dumps(dict(sorted(stage.options.items())))
        CfnOutput(self, "DeployOptions", value=options, description="Options of the last deployment")
        CfnOutput(self, "ApiUrl", value=api.url, description="Base URL of every route")

    def _training(self, stage: Stage, data: DeployedData) -> Training:
        images = Images(self, "Images", stage=stage) if stage.training else None
        built = {name: images.image(name) for name in NAMES} if images else {}
        training = Training(self, "Training", stage=stage, bucket=data.bucket, images=built)
        for name, role in (("TrainRoleArn", training.train), ("ServeRoleArn", training.serve)):
            CfnOutput(self, name, value=role.role_arn, description="For jobs and endpoints of SageMaker")
        if stage.trains:
            image = training.images[NAMES[0]]
            CfnOutput(self, "TrainingImage", value=image, description="What training jobs run")
        return training

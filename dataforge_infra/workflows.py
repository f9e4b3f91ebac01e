"""The state machines, from the same files that the embedded backend runs."""

from __future__ import annotations

import re
from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from dataforge_infra import catalog
from dataforge_infra.arns import execution_arn, machine_arn
from dataforge_infra.catalog import camel
from dataforge_infra.data import Stored
from dataforge_infra.lambdas import Lambdas, log_group
from dataforge_infra.nag_suppressions import suppress_nag
from dataforge_infra.stages import Stage

HERE = Path(__file__).parent


class Workflows(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, data: Stored, lambdas: Lambdas) -> None:
        super().__init__(scope, construct_id)
        self._stage, self._data = stage, data
        self._functions = {camel(name): function for name, function in lambdas.by_name.items()}
        self.machines = {name: self._machine(name, HERE / file) for name, file in catalog.WORKFLOWS.items()}

    def _machine(self, name: str, file: Path) -> sfn.StateMachine:
        wanted = placeholders(file.read_text())
        called = {key: self._functions[key].function_arn for key in wanted - {"Bucket"}}
        place = {"Bucket": self._data.bucket.bucket_name} if "Bucket" in wanted else {}
        machine = sfn.StateMachine(
            self,
            camel(name),
            state_machine_name=f"{self._stage.prefix}{name}",
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_file(str(file)),
            definition_substitutions={**called, **place},
            tracing_enabled=self._stage.trace,
            logs=sfn.LogOptions(
                # This prefix is exempt from the size limit of the log delivery policy that the account shares.
                destination=log_group(
                    self, f"{camel(name)}Log", f"/aws/vendedlogs/states/{self._stage.prefix}{name}", self._stage
                ),
                level=sfn.LogLevel.ERROR,
                # The data is customers' text, which must not be logged.
                include_execution_data=False,
            ),
        )
        suppress_nag(machine, SF1="errors are enough: each run has a log of its own, and every logged event is charged")
        machine.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=sorted(called.values()))
        )
        for statement in self._map_rights(name) if place else ():
            machine.add_to_role_policy(statement)
        return machine

    def _map_rights(self, name: str) -> list[iam.PolicyStatement]:
        # A distributed map starts its children as executions of the machine itself, named `<machine>/<map>:<id>`.
        children = execution_arn(self, self._stage, f"{name}/*")
        return [
            iam.PolicyStatement(
                actions=["s3:GetObject"], resources=[self._data.bucket.arn_for_objects(catalog.BATCH_FILES)]
            ),
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine_arn(self, self._stage, name)]),
            iam.PolicyStatement(
                actions=["states:DescribeExecution", "states:StopExecution"],
                resources=[execution_arn(self, self._stage, name), children],
            ),
        ]


def placeholders(definition: str) -> set[str]:
    """The names in `${Name}`."""
    return set(re.findall(r"\$\{(\w+)\}", definition))

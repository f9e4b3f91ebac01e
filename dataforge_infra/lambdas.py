"""The functions of the catalog, each with its own role; no Lambda function is created anywhere else.

A role has exactly the permissions that the catalog lists: tables, bucket, state machines, its own log.
"""

from __future__ import annotations

import re
from itertools import chain

from aws_cdk import Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from dataforge_infra import access, catalog, training_rights
from dataforge_infra.arns import arn, execution_arn, machine_arn
from dataforge_infra.catalog import camel
from dataforge_infra.code import ARCHITECTURE, RUNTIME, Bundles
from dataforge_infra.data import Stored, key_of
from dataforge_infra.nag_suppressions import suppress_nag
from dataforge_infra.stages import Stage
from dataforge_infra.training import Training

# No Scan: every access has a key (the store modules list them). The AWS backend reads the key names of a table.
READ_ITEMS = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:DescribeTable")
WRITE_ITEMS = (
    *READ_ITEMS,
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
)
FILE_ACTIONS = {
    "none": (),
    "read": ("s3:GetObject",),
    "write": ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),
}
# Functions that push to WebSocket connections query them and delete closed ones.
_PUSH = ("connections",)
_GEO = re.compile(r"^(?:us|eu|apac|jp|au|global|us-gov)\.")
# Days -> the CDK's constant.
RETENTION = {
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


class Lambdas(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        data: Stored,
        bundles: Bundles,
        batch_role: iam.IRole,
        training: Training,
    ) -> None:
        """batch_role: the role that Bedrock assumes for a batch job."""
        super().__init__(scope, construct_id)
        self._stage, self._data, self._bundles, self._batch_role = stage, data, bundles, batch_role
        self._training = training
        self._key = key_of(self, stage)
        self.logs: dict[str, logs.LogGroup] = {}
        self.by_name = {name: self._function(name, facts) for name, facts in catalog.FUNCTIONS.items()}

    def _function(self, name: str, facts: catalog.Function) -> lambda_.Function:
        log = log_group(self, f"{camel(name)}Log", f"/dataforge/{self._stage.name}/{name}", self._stage)
        self.logs[name] = log
        is_api = name == catalog.API
        function = lambda_.Function(
            self,
            camel(name),
            function_name=f"{self._stage.prefix}{name}",
            handler=facts.handler,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=self._bundles.code,
            layers=self._bundles.layers(facts.layer),
            memory_size=facts.memory_mb,
            ephemeral_storage_size=Size.mebibytes(facts.disk_mb),
            timeout=Duration.seconds(facts.timeout_s),
            role=self._role(name, facts, log),
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE if self._stage.trace else lambda_.Tracing.DISABLED,
            # Only for interactive requests, and only through the alias in `dataforge_infra/api.py`.
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if is_api and self._stage.snap_start else None,
            environment={**self._environment(facts), **self._stage.settings},
            environment_encryption=self._key,
            reserved_concurrent_executions=self._stage.reserved_concurrency.get(name),
        )
        access.join_network(function, self._stage)
        suppress_nag(function, L1="the newest Python with which every package of the layers has been tested")
        return function

    def _environment(self, facts: catalog.Function) -> dict[str, str]:
        machines = {
            f"STATE_MACHINE_{machine.upper()}": machine_arn(self, self._stage, machine) for machine in catalog.WORKFLOWS
        }
        return {
            "DATAFORGE_STAGE": self._stage.name,
            "DATAFORGE_BUCKET": self._data.bucket.bucket_name,
            "DATAFORGE_TABLE_PREFIX": self._stage.prefix,
            "DATAFORGE_RESULTS_DAYS": str(catalog.SYNTHETIC_FILES_DAYS),
            # A held request would occupy a function of 1 GB for as long as somebody follows a run.
            "DATAFORGE_LONGEST_WAIT": "0",
            # The end of a training job and its progress are announced; a look finds what was announced in vain.
            "DATAFORGE_TRAINING_POLL": "20",
            "DATAFORGE_WORKERS": str(catalog.MAP_CONCURRENCY),
            # Who waits for an answer is told after some 4 s (at most 7) to come again; everything else waits longer.
            **({"DATAFORGE_STORE_ATTEMPTS": "4"} if facts.timeout_s < 60 else {}),
            "DATAFORGE_BATCH_ROLE": self._batch_role.role_arn,
            **training_rights.environment(self._stage, self._training),
            **({"DATAFORGE_CORS_ORIGINS": ",".join(self._stage.cors_origins)} if self._stage.cors_origins else {}),
            # Calls of other threads have no segment to stand under; without this each is logged as an error.
            **({"DATAFORGE_TRACER": "1", "AWS_XRAY_CONTEXT_MISSING": "IGNORE_ERROR"} if self._stage.tracer else {}),
            **machines,
        }

    def _role(self, name: str, facts: catalog.Function, log: logs.LogGroup) -> iam.Role:
        role = iam.Role(
            self,
            f"{camel(name)}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What {name} may do ({self._stage.name})",
        )
        log.grant_write(role)
        for table in facts.reads:
            self._data.tables[table].grant(role, *READ_ITEMS)
        # All tables are one pattern: named one by one they fill a policy, which holds 10,240 characters.
        every = set(facts.writes) == set(catalog.TABLES)
        if every:
            role.add_to_policy(iam.PolicyStatement(actions=list(WRITE_ITEMS), resources=self._every_table()))
        for table in () if every else facts.writes:
            self._data.tables[table].grant(role, *WRITE_ITEMS)
        for table in _PUSH if "runs" in facts.writes and name != catalog.API else ():
            self._data.tables[table].grant(role, *WRITE_ITEMS)
        rights = (
            self._files,
            self._starts,
            self._stops,
            self._completes_tokens,
            self._secrets,
            self._models,
            self._jobs,
            self._trained_models,
        )
        account = (access.may_use_key(self._stage), access.may_join_network(self._stage))
        for statement in chain(*(found(facts) for found in rights), *account):
            role.add_to_policy(statement)
        return role

    def _every_table(self) -> list[str]:
        tables = arn(self, "dynamodb", "table", f"{self._stage.prefix}*", slash=True)
        return [tables, f"{tables}/index/*"]

    def _files(self, facts: catalog.Function) -> list[iam.PolicyStatement]:
        if facts.files == "none":
            return []
        bucket = self._data.bucket
        return [
            iam.PolicyStatement(
                actions=list(FILE_ACTIONS[facts.files]),
                resources=[bucket.arn_for_objects(pattern) for pattern in catalog.file_patterns(facts)],
            ),
            *(
                [
                    iam.PolicyStatement(
                        actions=list(FILE_ACTIONS["read"]),
                        resources=[bucket.arn_for_objects(pattern) for pattern in catalog.read_patterns(facts)],
                    )
                ]
                if facts.reads_folders
                else []
            ),
            # Without the right to list, a missing file answers 403 and cannot be told from a forbidden one.
            # On the whole bucket: a condition on the prefix would not hold for such a read.
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn]),
        ]

    def _starts(self, facts: catalog.Function) -> list[iam.PolicyStatement]:
        machines = [machine_arn(self, self._stage, name) for name in facts.starts]
        return [iam.PolicyStatement(actions=["states:StartExecution"], resources=machines)] if machines else []

    def _stops(self, facts: catalog.Function) -> list[iam.PolicyStatement]:
        executions = [execution_arn(self, self._stage, name) for name in (*facts.starts, *facts.stops)]
        actions = ["states:DescribeExecution", "states:StopExecution"]
        return [iam.PolicyStatement(actions=actions, resources=executions)] if executions else []

    def _completes_tokens(self, facts: catalog.Function) -> list[iam.PolicyStatement]:
        machines = [machine_arn(self, self._stage, name) for name in facts.wakes]
        return [iam.PolicyStatement(actions=["states:SendTaskSuccess"], resources=machines)] if machines else []

    def _secrets(self, facts: catalog.Function) -> list[iam.PolicyStatement]:
        if not facts.secrets:
            return []
        names = arn(self, "secretsmanager", "secret", f"{self._stage.prefix}*")
        return [iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[names])]

    def _models(self, facts: catalog.Function) -> list[iam.PolicyStatement]:
        """Which model is the run's choice. A cross-region inference profile asks models of several regions."""
        if not facts.models:
            return []
        names = ("*",) if self._stage.endpoints is None else self._stage.endpoints
        endpoints = [arn(self, "sagemaker", "endpoint", name.lower(), slash=True) for name in names]
        models = model_arns(self, self._stage)
        return [
            *([iam.PolicyStatement(actions=["bedrock:InvokeModel"], resources=models)] if models else []),
            *([iam.PolicyStatement(actions=["sagemaker:InvokeEndpoint"], resources=endpoints)] if endpoints else []),
        ]

    def _trained_models(self, facts: catalog.Function) -> list[iam.PolicyStatement]:
        return training_rights.statements(self, self._stage, self._training, facts)

    def _jobs(self, facts: catalog.Function) -> list[iam.PolicyStatement]:
        jobs = arn(self, "bedrock", "model-invocation-job", "*", slash=True)
        if facts.jobs == "none":
            return []
        # To find a job whose creation got no answer; a list has no ARN.
        find = iam.PolicyStatement(actions=["bedrock:ListModelInvocationJobs"], resources=["*"])
        if facts.jobs == "follow":
            actions = ["bedrock:GetModelInvocationJob", "bedrock:StopModelInvocationJob"]
            return [iam.PolicyStatement(actions=actions, resources=[jobs]), find]
        return [
            iam.PolicyStatement(
                actions=["bedrock:CreateModelInvocationJob"], resources=[jobs, *model_arns(self, self._stage)]
            ),
            find,
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self._batch_role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
            ),
        ]


def model_arns(scope: Construct, stage: Stage) -> list[str]:
    """The models of Bedrock that may be invoked. An inference profile asks its model in several regions, so that both
    are named: `eu.amazon.nova-lite-v1:0` is a profile of `amazon.nova-lite-v1:0`."""
    if stage.models is None:
        kinds = ("inference-profile", "application-inference-profile")
        return [_foundation(scope, "*"), *(arn(scope, "bedrock", kind, "*", slash=True) for kind in kinds)]
    found: list[str] = []
    for name in stage.models:
        if name.startswith("arn:"):
            found.append(name)
            continue
        plain = _GEO.sub("", name)
        found.append(_foundation(scope, plain))
        if plain != name:
            found.append(arn(scope, "bedrock", "inference-profile", name, slash=True))
    return list(dict.fromkeys(found))


def _foundation(scope: Construct, name: str) -> str:
    return f"arn:{Stack.of(scope).partition}:bedrock:*::foundation-model/{name}"


def log_group(scope: Construct, construct_id: str, name: str, stage: Stage) -> logs.LogGroup:
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=RETENTION[stage.log_days],
        removal_policy=RemovalPolicy.DESTROY,
    )

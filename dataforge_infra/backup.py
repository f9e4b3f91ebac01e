"""Daily copies of tables and files by AWS Backup, with the option `backup`."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_backup as backup
from aws_cdk import aws_events as events
from constructs import Construct

from dataforge_infra.data import Data, key_of
from dataforge_infra.nag_suppressions import suppress_nag
from dataforge_infra.stages import Stage

POLICIES = (
    "service-role/AWSBackupServiceRolePolicyForBackup",
    "service-role/AWSBackupServiceRolePolicyForRestores",
)
KEPT = Duration.days(35)


class Backup(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, data: Data) -> None:
        super().__init__(scope, construct_id)
        vault = backup.BackupVault(
            self,
            "Vault",
            backup_vault_name=f"{stage.prefix}data",
            encryption_key=key_of(self, stage),
            removal_policy=RemovalPolicy.RETAIN,
        )
        plan = backup.BackupPlan(self, "Plan", backup_plan_name=f"{stage.prefix}daily", backup_vault=vault)
        plan.add_rule(
            backup.BackupPlanRule(
                rule_name="daily",
                schedule_expression=events.Schedule.cron(hour="3", minute="17"),
                delete_after=KEPT,
            )
        )
        tables = [backup.BackupResource.from_dynamo_db_table(table) for table in data.tables.values()]
        plan.add_selection(
            "Everything",
            resources=[*tables, backup.BackupResource.from_arn(data.bucket.bucket_arn)],
            allow_restores=True,
        )
        reason = "the policies that AWS keeps for its backup service"
        suppress_nag(
            self,
            **{f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]": reason for name in POLICIES},
        )

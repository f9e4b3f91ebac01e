"""The tables and the bucket, which must outlive every deployment.

Each resource has an explicit logical id, so refactoring never replaces data; a test pins the ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from dataforge_infra import catalog
from dataforge_infra.catalog import camel
from dataforge_infra.nag_suppressions import suppress_nag
from dataforge_infra.stages import Stage

TYPES = {"S": dynamodb.AttributeType.STRING, "N": dynamodb.AttributeType.NUMBER}
PROJECTIONS = {"KEYS_ONLY": dynamodb.ProjectionType.KEYS_ONLY, "ALL": dynamodb.ProjectionType.ALL}
KEEP_OLD_VERSIONS_DAYS = 30


class Data(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        key = key_of(self, stage)
        self.tables = {name: _table(self, name, table, stage, key) for name, table in catalog.TABLES.items()}
        self.bucket = _bucket(self, key)
        # The service stack reads the name here: an export that it imports could not be changed any more.
        parameter = ssm.CfnParameter(
            self,
            "BucketName",
            type="String",
            name=_bucket_parameter(stage),
            value=self.bucket.bucket_name,
            description="Name of the files bucket",
        )
        parameter.override_logical_id("FilesBucketParameter")


class Stored(Protocol):
    """Tables and bucket as the service uses them."""

    @property
    def tables(self) -> Mapping[str, dynamodb.ITable]: ...

    @property
    def bucket(self) -> s3.IBucket: ...


class DeployedData(Construct):
    """The tables and the bucket in another stack: tables by name, the bucket by the parameter that holds its name."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self.tables = {name: self._table(name, facts, stage) for name, facts in catalog.TABLES.items()}
        name = ssm.StringParameter.value_for_string_parameter(self, _bucket_parameter(stage))
        self.bucket = s3.Bucket.from_bucket_attributes(
            self, "Files", bucket_name=name, encryption_key=key_of(self, stage)
        )

    def _table(self, name: str, facts: catalog.Table, stage: Stage) -> dynamodb.ITable:
        arn = Stack.of(self).format_arn(
            service="dynamodb",
            resource="table",
            resource_name=f"{stage.prefix}{name}",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        return dynamodb.Table.from_table_attributes(
            self, camel(name), table_arn=arn, global_indexes=list(facts.indexes), encryption_key=None
        )


def _bucket_parameter(stage: Stage) -> str:
    return f"/{stage.prefix}files-bucket"


def key_of(scope: Construct, stage: Stage) -> kms.IKey | None:
    """The customer managed key of the stage, if it has one."""
    if not stage.kms_key_arn:
        return None
    return kms.Key.from_key_arn(scope, "Key", stage.kms_key_arn)


def _table(scope: Construct, name: str, facts: catalog.Table, stage: Stage, key: kms.IKey | None) -> dynamodb.Table:
    table = dynamodb.Table(
        scope,
        camel(name),
        table_name=f"{stage.prefix}{name}",
        partition_key=_key(facts.hash_key),
        sort_key=_key(facts.range_key, facts.range_type) if facts.range_key else None,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        # Without a key of the caller, one that AWS owns: encryption at rest without a monthly charge per key.
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED if key else dynamodb.TableEncryption.DEFAULT,
        encryption_key=key,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=True,
        removal_policy=RemovalPolicy.RETAIN,
        time_to_live_attribute=facts.ttl,
    )
    for index_name, index in facts.indexes.items():
        table.add_global_secondary_index(
            index_name=index_name,
            partition_key=_key(index.hash_key),
            sort_key=_key(index.range_key),
            projection_type=PROJECTIONS[index.projection],
        )
    cast(dynamodb.CfnTable, table.node.default_child).override_logical_id(f"{camel(name)}Table")
    return table


def _key(name: str, type_: catalog.KeyType = "S") -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=TYPES[type_])


def _bucket(scope: Construct, key: kms.IKey | None) -> s3.Bucket:
    bucket = s3.Bucket(
        scope,
        "Files",
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
        encryption_key=key,
        bucket_key_enabled=bool(key) or None,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        versioned=True,
        removal_policy=RemovalPolicy.RETAIN,
        lifecycle_rules=[
            # An overwritten or deleted file can be restored for this long; then a deleted project is erased for good.
            s3.LifecycleRule(
                id="forget-old-versions",
                noncurrent_version_expiration=Duration.days(KEEP_OLD_VERSIONS_DAYS),
                expired_object_delete_marker=True,
            ),
            # One day after the API stops serving them, since the files are older than the end of their job.
            s3.LifecycleRule(
                id="expire-synthetic-results",
                prefix=catalog.SYNTHETIC_FILES,
                expiration=Duration.days(catalog.SYNTHETIC_FILES_DAYS + 1),
            ),
            s3.LifecycleRule(id="drop-unfinished-uploads", abort_incomplete_multipart_upload_after=Duration.days(1)),
        ],
        # Browsers upload and download by presigned URL. Access is granted by the signature, not by the origin.
        cors=[
            s3.CorsRule(
                allowed_methods=[s3.HttpMethods.PUT, s3.HttpMethods.GET, s3.HttpMethods.HEAD],
                allowed_origins=["*"],
                allowed_headers=["*"],
                exposed_headers=["ETag"],
                max_age=3600,
            )
        ],
    )
    suppress_nag(bucket, S1="access logs cost more than the files; CloudTrail data events can be turned on instead")
    resource = cast(s3.CfnBucket, bucket.node.default_child)
    # The construct's own option would add a custom resource with permissions on every bucket of the account.
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
    )
    resource.override_logical_id("FilesBucket")
    policy = cast(s3.BucketPolicy, bucket.policy)  # there is one since `enforce_ssl` made it
    cast(s3.CfnBucketPolicy, policy.node.default_child).override_logical_id("FilesBucketPolicy")
    return bucket

"""Permissions of a deployer that only some options need, and those for the account's role of API Gateway."""

from __future__ import annotations

from collections.abc import Mapping

from dataforge_infra.deploy.right import ROLES, Right, may

_backup = may(
    "backup",
    "CreateBackupPlan CreateBackupSelection CreateBackupVault DeleteBackupPlan DeleteBackupSelection "
    "DeleteBackupVault DescribeBackupVault GetBackupPlan GetBackupSelection GetBackupVaultAccessPolicy "
    "GetBackupVaultNotifications ListTags TagResource UntagResource UpdateBackupPlan",
    "arn:{partition}:backup:{region}:{account}:backup-vault:{name}*",
    # A plan is known by an id that AWS gives it.
    "arn:{partition}:backup:{region}:{account}:backup-plan:*",
)

_PROJECT = "arn:{partition}:codebuild:{region}:{account}:project/{name}*"
_REPOSITORY = "arn:{partition}:ecr:{region}:{account}:repository/{name}*"

OPTIONS: Mapping[str, tuple[Right, ...]] = {
    "AWS::Backup::BackupPlan": (_backup,),
    "AWS::Backup::BackupSelection": (_backup, Right(("iam:PassRole",), ROLES, passed_to=("backup.amazonaws.com",))),
    "AWS::Backup::BackupVault": (_backup, may("backup-storage", "Mount MountCapsule")),
    "AWS::CodeBuild::Project": (
        may("codebuild", "BatchGetProjects CreateProject DeleteProject UpdateProject", _PROJECT),
        Right(("iam:PassRole",), ROLES, passed_to=("codebuild.amazonaws.com",)),
    ),
    "AWS::ECR::Repository": (
        may(
            "ecr",
            "CreateRepository DeleteLifecyclePolicy DeleteRepository DescribeRepositories GetLifecyclePolicy "
            "GetRepositoryPolicy ListTagsForResource PutImageScanningConfiguration PutImageTagMutability "
            "PutLifecyclePolicy TagResource UntagResource",
            _REPOSITORY,
        ),
    ),
}
"""What only some options bring: `backup`, `training`, `kms_key_arn` and a VPC (the last two have no resource of their
own)."""

KEYS_AND_NETWORKS: tuple[Right, ...] = (
    may(
        "kms",
        "CreateGrant Decrypt DescribeKey Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext RetireGrant",
        "arn:{partition}:kms:{region}:{account}:key/*",
    ),
    may("ec2", "DescribeNetworkInterfaces DescribeSecurityGroups DescribeSubnets DescribeVpcs"),
)

IMAGES: tuple[Right, ...] = (
    may("codebuild", "BatchGetBuilds ListBuildsForProject StartBuild", _PROJECT),
    may("ecr", "DescribeImages", _REPOSITORY),
    may("logs", "GetLogEvents", "arn:{partition}:logs:{region}:{account}:log-group:/dataforge/*"),
)
"""What `dataforge images build` calls, and `dataforge deploy --training`."""

_GATEWAY_LOGS = "arn:{partition}:iam::{account}:role/dataforge-api-gateway-logs"
GATEWAY: tuple[Right, ...] = (
    may("apigateway", "GET PATCH", "arn:{partition}:apigateway:{region}::/account"),
    may("iam", "AttachRolePolicy CreateRole GetRole", _GATEWAY_LOGS),
    Right(("iam:PassRole",), (_GATEWAY_LOGS,), passed_to=("apigateway.amazonaws.com",)),
)
"""To give the account its role for logs of API Gateway, where it has none."""

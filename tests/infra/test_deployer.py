"""What whoever deploys may do: enough for every resource, on our names only, and short enough for IAM."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from dataforge_infra.deploy import checkup, rights
from dataforge_infra.deploy.__main__ import main
from dataforge_infra.deploy.account import Account
from dataforge_infra.deploy.checkup import ADVICE, BAD, GOOD, allowed
from dataforge_infra.stages import PRESETS

ACCOUNT, REGION = "111122223333", "us-east-1"
BY_TYPE = {**rights.DATA, **rights.SERVICE, **rights.OPTIONS}
# Type -> the property with its name, and the ARN of what has it (AWS's service authorization reference).
NAMED = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:us-east-1:111122223333:table/{}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:us-east-1:111122223333:function:{}"),
    "AWS::Lambda::LayerVersion": ("LayerName", "lambda:us-east-1:111122223333:layer:{}:7"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states:us-east-1:111122223333:stateMachine:{}"),
    "AWS::SQS::Queue": ("QueueName", "sqs:us-east-1:111122223333:{}"),
    "AWS::SNS::Topic": ("TopicName", "sns:us-east-1:111122223333:{}"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:us-east-1:111122223333:alarm:{}"),
    "AWS::CloudWatch::Dashboard": ("DashboardName", "cloudwatch::111122223333:dashboard/{}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:us-east-1:111122223333:log-group:{}"),
    "AWS::Events::Rule": ("Name", "events:us-east-1:111122223333:rule/{}"),
    "AWS::SSM::Parameter": ("Name", "ssm:us-east-1:111122223333:parameter{}"),
    "AWS::Backup::BackupVault": ("BackupVaultName", "backup:us-east-1:111122223333:backup-vault:{}"),
    "AWS::CodeBuild::Project": ("Name", "codebuild:us-east-1:111122223333:project/{}"),
    "AWS::ECR::Repository": ("RepositoryName", "ecr:us-east-1:111122223333:repository/{}"),
    "AWS::WAFv2::WebACL": ("Name", "wafv2:us-east-1:111122223333:regional/webacl/{}/0a1b"),
}
ON_EVERYTHING = {
    # Calls about the account or the caller.
    "sts:GetCallerIdentity",
    "lambda:GetAccountSettings",
    "bedrock:ListFoundationModels",
    "servicequotas:ListServiceQuotas",
    "iam:SimulatePrincipalPolicy",
    "iam:GetRole",
    "cloudformation:DescribeStacks",
    # Lists, and log deliveries, have no ARN.
    "backup-storage:Mount",
    "backup-storage:MountCapsule",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "cloudwatch:DescribeAlarms",
    "logs:DescribeLogGroups",
    "logs:DescribeIndexPolicies",
    "logs:DescribeResourcePolicies",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}


def arns(kind: str, stage: str) -> list[str]:
    answer = {"account": ACCOUNT, "region": REGION, "prefix": PRESETS[stage].prefix}
    return [arn for right in BY_TYPE[kind] for arn in rights.filled(right, **answer)]


def test_every_type_of_resource_in_the_templates_has_the_rights_it_takes(full):
    kinds = {r["Type"] for r in full.data["Resources"].values()}
    served = {r["Type"] for r in full.service["Resources"].values()} - {"AWS::CDK::Metadata"}

    # A backup plan has a role of its own.
    assert kinds - {"AWS::IAM::Role"} - set(rights.OPTIONS) == set(rights.DATA)
    assert served - set(rights.OPTIONS) == set(rights.SERVICE)
    assert set(rights.OPTIONS) <= kinds | served


@pytest.mark.parametrize("kind", NAMED)
def test_the_names_in_the_templates_are_the_names_that_the_policies_allow(full, kind):
    name, arn = NAMED[kind]
    found = [properties[name] for properties in full.properties(kind)]

    assert found
    for one in found:
        assert any(fnmatchcase(f"arn:aws:{arn.format(one)}", allowed_) for allowed_ in arns(kind, "prod")), one


def test_roles_and_the_bucket_are_named_by_cloudformation_after_their_stack(full):
    assert "RoleName" not in json.dumps(full.service)
    assert "BucketName" not in full.data["Resources"]["FilesBucket"]["Properties"]
    bucket = "arn:aws:s3:::dataforge-prod-data-filesbucket-1x"
    assert any(fnmatchcase(bucket, arn) for arn in arns("AWS::S3::Bucket", "prod"))
    role = "arn:aws:iam::111122223333:role/dataforge-prod-service-FunctionsApiRole-1x"
    assert any(fnmatchcase(role, arn) for arn in arns("AWS::IAM::Role", "prod"))


@pytest.mark.parametrize("stage", list(PRESETS))
@pytest.mark.parametrize("name", list(rights.POLICIES))
def test_a_policy_fits_into_iam_and_opens_nothing_but_our_names(stage, name):
    document = rights.policy(rights.POLICIES[name], account=ACCOUNT, region=REGION, prefix=PRESETS[stage].prefix)

    assert len(json.dumps(document, separators=(",", ":"))) < rights.MOST_CHARACTERS
    for statement in document["Statement"]:
        assert not any(action.endswith(":*") for action in statement["Action"])
        if "*" in statement["Resource"]:
            assert statement["Resource"] == ["*"]
            concrete = {a for r in rights.POLICIES[name] if r.resources == ("*",) for a in r.actions}
            assert concrete <= ON_EVERYTHING
        if "iam:PassRole" in statement["Action"]:
            assert statement["Condition"]["StringEquals"]["iam:PassedToService"]


@dataclass
class Iam:
    """IAM as far as `doctor` asks it: it denies some actions, and knows roles by their path."""

    denied: set[str] = field(default_factory=set)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def get_paginator(self, operation: str) -> Iam:
        assert operation == "simulate_principal_policy"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked.append(asked)
        return [
            {
                "EvaluationResults": [
                    {"EvalActionName": a, "EvalDecision": "implicitDeny" if a in self.denied else "allowed"}
                ]
            }
            for a in asked["ActionNames"]
        ]

    def get_role(self, RoleName: str) -> dict[str, Any]:
        if RoleName != "deployer":
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": RoleName}}, "GetRole")
        return {"Role": {"Arn": "arn:aws:iam::111122223333:role/platform/deployer"}}


def account(iam: Iam, user: str) -> Account:
    session = SimpleNamespace(client=lambda service, **_: {"iam": iam}[service])
    return Account(ACCOUNT, REGION, user, session)


def test_doctor_names_every_missing_right_and_the_way_out():
    iam = Iam({"lambda:CreateFunction", "iam:PassRole"})

    found = allowed(account(iam, "arn:aws:sts::111122223333:assumed-role/deployer/me"), prefix="dataforge-dev-")

    assert found.state == BAD
    assert "role/platform/deployer may not iam:PassRole, lambda:CreateFunction." in found.detail
    assert "doctor --policy" in found.detail
    simulated = {action for asked in iam.asked for action in asked["ActionNames"]}
    assert simulated == {a for many in rights.POLICIES.values() for r in many for a in r.actions}
    assert not any("*" in arn for asked in iam.asked for arn in asked["ResourceArns"] if arn != "*")


@pytest.mark.parametrize("user", ["arn:aws:iam::111122223333:user/ops", "arn:aws:iam::111122223333:root"])
def test_doctor_is_content_with_whoever_may_do_everything(user):
    assert allowed(account(Iam(), user), prefix="dataforge-dev-").state == GOOD


def test_the_policies_are_written_ready_to_be_attached(tmp_path: Path, monkeypatch, capsys):
    sts = SimpleNamespace(get_caller_identity=lambda: {"Account": ACCOUNT, "Arn": "arn:aws:iam::111122223333:user/ops"})
    session = SimpleNamespace(region_name=REGION, client=lambda *_, **__: sts)
    monkeypatch.setattr("dataforge_infra.deploy.account.boto3.Session", lambda: session)
    monkeypatch.setattr("sys.argv", ["deploy", "doctor", "--stage", "prod", "--policy", str(tmp_path)])

    assert main() == 0

    said = capsys.readouterr()
    assert json.loads(said.out)["policies"] == [f"{name}.json" for name in rights.POLICIES]
    for name in rights.POLICIES:
        text = (tmp_path / f"{name}.json").read_text()
        assert "dataforge-prod-" in text
        assert "{" not in "".join(arn for s in json.loads(text)["Statement"] for arn in s["Resource"])
        assert f"aws iam create-policy --policy-name {name}" in said.err


def quotas(**by_name: float) -> SimpleNamespace:
    found = [
        {"QuotaName": n.replace("_", " "), "QuotaCode": f"L-{i}", "Value": v}
        for i, (n, v) in enumerate(by_name.items())
    ]
    pages = SimpleNamespace(paginate=lambda ServiceCode: [{"Quotas": found[:1]}, {"Quotas": found[1:]}])
    return SimpleNamespace(get_paginator=lambda name: {"list_service_quotas": pages}[name])


@pytest.mark.parametrize(
    ("allowed_", "state", "said"),
    [
        (
            {"ml.g5.xlarge_for_endpoint_usage": 4.0, "ml.g5.xlarge_for_training_job_usage": 0.0},
            ADVICE,
            "--quota-code L-1 ",
        ),
        ({"ml.m5.large_for_training_job_usage": 9.0}, ADVICE, "ask for 'ml.g5.xlarge for training job usage'"),
        (
            {"ml.g5.xlarge_for_endpoint_usage": 4.0, "ml.p5.48xlarge_for_training_job_usage": 2.0},
            GOOD,
            "2 ml.p5.48xlarge; for endpoints 4 ml.g5.xlarge",
        ),
        ({"ml.g5.xlarge_for_training_job_usage": 1.0}, GOOD, "1 ml.g5.xlarge; for endpoints none with a GPU yet"),
    ],
)
def test_doctor_reads_the_quotas_of_training_by_their_names(allowed_, state, said):
    session = SimpleNamespace(client=lambda *_, **__: quotas(**allowed_))

    found = checkup.sagemaker(Account(ACCOUNT, REGION, "arn:aws:iam::111122223333:user/ops", session))

    assert found.state == state
    assert said in found.detail

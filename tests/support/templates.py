"""The synthesised templates; packages are not installed for them."""

from __future__ import annotations

import fcntl
import json
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dataforge_infra import catalog
from dataforge_infra.app import build
from tests.support.paths import ROOT

Resource = dict[str, Any]


@dataclass(frozen=True)
class Deployment:
    folder: Path
    data: dict[str, Any]
    service: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, Resource]:
        """Logical id -> resource of this type, over both stacks."""
        both = {**self.data["Resources"], **self.service["Resources"]}
        return {name: resource for name, resource in both.items() if resource["Type"] == kind}

    def properties(self, kind: str) -> list[dict[str, Any]]:
        return [resource["Properties"] for resource in self.of_type(kind).values()]

    def text(self, value: Any) -> str:
        """An intrinsic function as readable text: `<RunsTable.Arn>/index/*`."""
        match value:
            case str():
                return value
            case {"Ref": name} if name in self.service.get("Parameters", {}):
                return "<FilesBucket>"  # the name of the bucket, read where the data stack left it
            case {"Ref": name}:
                return f"<{name}>"
            case {"Fn::FindInMap": [name, {"Ref": key}, _]}:
                return f"<{name} of {key}>"
            case {"Fn::GetAtt": [name, attribute]}:
                return f"<{name}.{attribute}>"
            case {"Fn::Sub": str() as text}:
                return re.sub(r"\$\{(.*?)\}", r"<\1>", text)
            case {"Fn::Select": [place, {"Fn::Split": [glue, text]}]}:
                return f"<{place} of {self.text(text)} by {glue}>"
            case {"Fn::Join": [glue, parts]}:
                return glue.join(self.text(part) for part in parts)
        raise AssertionError(f"not readable: {value}")

    def rights_of_role(self, role: str) -> set[tuple[str, str]]:
        """(action, resource) for everything that the one policy of the role allows. role: its logical id without the
        CDK's tail."""
        [policy] = [
            policy
            for policy in self.properties("AWS::IAM::Policy")
            if re.fullmatch(rf"<{role}[0-9A-F]{{8}}>", self.text(policy["Roles"][0]))
        ]
        return self.rights(policy)

    def rights(self, policy: dict[str, Any]) -> set[tuple[str, str]]:
        """(action, resource) for everything that the policy allows."""
        allowed: set[tuple[str, str]] = set()
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            actions, resources = (listed(statement[key]) for key in ("Action", "Resource"))
            allowed |= {(action, self.text(resource)) for action in actions for resource in resources}
        return allowed


def listed(value: Any) -> list[Any]:
    """Policies write a list of one without the list."""
    return value if isinstance(value, list) else [value]


EVERY_OPTION: dict[str, str | list[str]] = {
    "waf": "yes",
    "snap_start": "yes",
    "tracer": "yes",
    "dashboard": "yes",
    "alarm_email": "ops@example.com",
    "budget_usd": "100",
    "domain": "forge.example.com",
    "alarm_topic_arn": "arn:aws:sns:us-east-1:111122223333:pager",
    "waf_managed_rules": "yes",
    "kms_key_arn": "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555",
    "subnet_ids": "subnet-0a1b2c3d4e5f60718,subnet-0a1b2c3d4e5f60719",
    "security_group_ids": "sg-0a1b2c3d4e5f60718",
    "permissions_boundary": "arn:aws:iam::111122223333:policy/boundary",
    "tags": "team=search,cost-center=42",
    "reserved_concurrency": "api=100,generate_batch=40",
    "backup": "yes",
    "gateway_log_role": "yes",
    "training": "yes",
    "DATAFORGE_CONCURRENCY": "16",
    "certificate_arn": "arn:aws:acm:us-east-1:111122223333:certificate/11111111-2222-3333-4444-555555555555",
}


APPS: dict[str, dict[str, str | list[str]]] = {
    "dev": {"stage": "dev"},
    "prod": {"stage": "prod"},
    "full": {"stage": "prod", **EVERY_OPTION},
    "narrow": {"stage": "dev", "models": "amazon.nova-lite-v1:0, eu.anthropic.claude-x", "endpoints": "My-Writer"},
    "ready": {"stage": "dev", "training_image": "444455556666.dkr.ecr.us-east-1.amazonaws.com/ml/training:1.2"},
    "closed": {"stage": "dev", "models": "none", "endpoints": "none"},
}
"""Context of each app that tests read."""
SILENT = "silent"
"""One more with every option, in which no function asks trained models."""
CARELESS = "careless"
"""One more: dev without the explanations of what its tables and bucket do against cdk-nag's rules."""


def folder_of(name: str, shared: Path) -> Path:
    """The app of that name, with cdk-nag's report; the first of all processes that share the folder makes every app.

    It takes a process of its own, 15 s of CPU: starting node and the CDK is most of it, an app takes one second more.
    """
    folder = shared / "cdk"
    with (shared / "cdk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = shared / "cdk-in-the-making"
            command = [sys.executable, "-m", "tests.support.templates", str(making)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-5000:]
            making.rename(folder)
    return folder / name


def read(folder: Path) -> Deployment:
    data, service = (json.loads((folder / f"{stack}Stack.template.json").read_text()) for stack in ("Data", "Service"))
    return Deployment(folder, data, service)


def nag_findings(folder: Path) -> dict[str, list[str]]:
    """Rule -> paths of the constructs that break it and are not excused."""
    [report] = json.loads((folder / "validation-report.json").read_text())["pluginReports"]
    return {
        violation["ruleName"]: [where["constructPath"] for where in violation["violatingConstructs"]]
        for violation in report["violations"]
    }


def _synthesise(context: dict[str, str | list[str]], folder: Path) -> None:
    app = build({"aws:cdk:bundling-stacks": [], **context}, str(folder))

    import aws_cdk as cdk  # starts node
    from cdk_nag import AwsSolutionsChecks

    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with suppress(RuntimeError):  # that there are findings; the report has them
        app.synth()


def _main(folder: Path) -> None:
    for name, context in APPS.items():
        _synthesise(context, folder / name)
    silent = {name: replace(facts, inference="none") for name, facts in catalog.FUNCTIONS.items()}
    with patch.dict(catalog.FUNCTIONS, silent):
        _synthesise(APPS["full"], folder / SILENT)
    with patch("dataforge_infra.data.suppress_nag", lambda *_, **__: None):
        _synthesise(APPS["dev"], folder / CARELESS)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))

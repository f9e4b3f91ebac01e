"""What the deployer does with a stack that is new, unchanged, changed, broken, protected, or gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from dataforge_infra.deploy import rights
from dataforge_infra.deploy.account import Account, DeployError
from dataforge_infra.deploy.assembly import stacks
from dataforge_infra.deploy.assets import upload
from dataforge_infra.deploy.checkup import BAD, examine
from dataforge_infra.deploy.stacks import Stacks
from tests.support import emulator
from tests.support.emulator import Bed

pytestmark = pytest.mark.deploy
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "small"}}


@pytest.fixture
def account(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name, value in bed.environment().items():
        monkeypatch.setenv(name, value)
    return Account(emulator.ACCOUNT, emulator.REGION, "arn:test", boto3.Session())


def put_up(folder: Path, account: Account, heard: list[str], resources: dict[str, Any], version: str) -> bool:
    """One stack, protected against deletion, from an assembly as the CDK writes it."""
    template = {"Resources": resources, "Outputs": {"Version": {"Value": version}}}
    (folder / "Small.template.json").write_text(json.dumps(template))
    place = {"here": {"bucketName": "assets-${AWS::AccountId}", "objectKey": f"{version}.json"}}
    source = {"path": "Small.template.json", "packaging": "file"}
    (folder / "Small.assets.json").write_text(json.dumps({"files": {"t": {"source": source, "destinations": place}}}))
    (folder / "manifest.json").write_text(
        json.dumps(
            {
                "artifacts": {
                    "Small": {
                        "type": "aws:cloudformation:stack",
                        "properties": {
                            "templateFile": "Small.template.json",
                            "stackName": "small",
                            "terminationProtection": True,
                        },
                    }
                }
            }
        )
    )
    [stack] = stacks(folder, account=account.id, region=account.region)
    upload(account, [stack.template], heard.append)
    return Stacks(account, heard.append, poll_s=0.05).deploy(stack)


def test_a_stack_is_made_left_alone_changed_and_deleted(account: Account, tmp_path: Path) -> None:
    heard: list[str] = []
    made = Stacks(account, heard.append, poll_s=0.05)

    assert put_up(tmp_path, account, heard, {"Queue": QUEUE}, "1")
    assert any("CREATE_COMPLETE" in line and "Queue" in line for line in heard)
    assert not put_up(tmp_path, account, heard, {"Queue": QUEUE}, "1")
    assert put_up(tmp_path, account, heard, {"Queue": QUEUE}, "2")
    assert made.outputs("small") == {"Version": "2"}
    with pytest.raises(DeployError, match="small"):
        made.delete("small")
    assert made.delete("small", unprotect=True)
    assert not made.delete("small")
    with pytest.raises(DeployError, match="run dataforge deploy first"):
        made.outputs("small")


def test_a_failure_ends_with_the_reason_and_the_next_attempt_starts_afresh(account: Account, tmp_path: Path) -> None:
    heard: list[str] = []
    broken = {
        "Broken": {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": "/no/such/group",
                "FilterPattern": "",
                "MetricTransformations": [{"MetricName": "x", "MetricNamespace": "x", "MetricValue": "1"}],
            },
        }
    }

    with pytest.raises(DeployError, match=r"Broken: .+"):
        put_up(tmp_path, account, heard, {"Queue": QUEUE, **broken}, "3")

    assert put_up(tmp_path, account, heard, {"Queue": QUEUE}, "4")
    assert Stacks(account, heard.append, poll_s=0.05).delete("small", unprotect=True)


def test_the_deployer_calls_nothing_that_its_policies_do_not_allow(account: Account, tmp_path: Path) -> None:
    called: set[str] = set()
    account.session.events.register("before-call", lambda model, **_: called.add(action(model)))
    heard: list[str] = []

    put_up(tmp_path, account, heard, {"Queue": QUEUE}, "5")
    Stacks(account, heard.append, poll_s=0.05).outputs("small")
    Stacks(account, heard.append, poll_s=0.05).delete("small", unprotect=True)
    examine(account, prefix="dataforge-dev-")

    assert {"cloudformation:CreateStack", "s3:PutObject", "lambda:GetAccountSettings"} <= called
    assert called <= {a for right in rights.OWN for a in right.actions}


def action(model: Any) -> str:
    """The right that a call takes."""
    service = model.service_model.signing_name
    name = {"HeadBucket": "ListBucket", "HeadObject": "GetObject"}.get(model.name, model.name)
    return f"{service}:{name}"


def test_the_check_up_says_of_everything_it_could_not_see_which_right_it_needs(account: Account) -> None:
    found = {one.what: one for one in examine(account, prefix="dataforge-dev-")}

    assert {
        "tools",
        "credentials",
        "bucket for archives",
        "CloudFormation",
        "Lambda concurrency",
        "Bedrock",
        "SageMaker training",
        "rights",
    } == set(found)
    assert [one for one in found.values() if one.state == BAD] == []
    assert all("your user needs" in one.detail for one in found.values() if "could not be checked" in one.detail)

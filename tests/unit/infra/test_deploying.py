"""Deploying again: kept options, what would change, the first key, the account's role for logs."""

from __future__ import annotations

import argparse
import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from dataforge_infra.deploy import __main__ as command
from dataforge_infra.deploy import first_key, gateway_logs, kept_options
from dataforge_infra.deploy.account import Account, DeployError
from dataforge_infra.deploy.diff import Change, changes
from dataforge_infra.stages import preset

TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "dataforge-dev-runs", "KeySchema": ["run_id"]}}


def template(**resources: object) -> dict[str, Any]:
    return {"Resources": resources}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        user = "arn:aws-us-gov:iam::111122223333:user/ops"
        yield Account("111122223333", "us-east-1", user, boto3.Session(region_name="us-east-1"))


def test_what_is_not_given_again_is_as_in_the_last_deployment():
    outputs = {"ApiUrl": "https://x", "DeployOptions": json.dumps({"domain": "a.example", "waf": "no"})}

    assert kept_options.merged({"waf": "yes"}, outputs) == {"domain": "a.example", "waf": "yes"}
    assert kept_options.merged({"domain": ""}, outputs) == {"waf": "no"}
    assert kept_options.merged({"waf": "no"}, {}) == {"waf": "no"}


@pytest.mark.parametrize("text", ["{", "[]", '{"waf": 1}'])
def test_options_that_cannot_be_read_stop_the_deployment(text):
    with pytest.raises(DeployError, match="give every -c again"):
        kept_options.merged({}, {"DeployOptions": text})


def test_an_option_without_a_value_is_refused_with_both_ways_to_write_one():
    assert kept_options.given(["tags=a=b", "domain="]) == {"tags": "a=b", "domain": ""}
    with pytest.raises(DeployError, match="-c waf: write -c name=value, or -c name= to take"):
        kept_options.given(["waf"])


def test_additions_removals_and_changed_properties_are_shown():
    old = template(A={"Type": "X", "Properties": {"P": 1, "Q": 1}, "Metadata": {"a": 1}}, B={"Type": "Y"}, S=TABLE)
    new = template(A={"Type": "X", "Properties": {"P": 2}, "DependsOn": ["S"]}, C={"Type": "Z"}, S=TABLE)

    assert [str(change) for change in changes(old, new)] == ["~ X A: P, Q, DependsOn", "- Y B", "+ Z C"]
    assert changes({}, new) == [Change("+", "A", "X"), Change("+", "C", "Z"), Change("+", "S", TABLE["Type"])]


@pytest.mark.parametrize(
    ("new", "dangerous"),
    [
        (template(), True),
        (template(S={**TABLE, "Properties": {**TABLE["Properties"], "TableName": "other"}}), True),
        (template(S={**TABLE, "Properties": {**TABLE["Properties"], "BillingMode": "PROVISIONED"}}), False),
        (template(S=TABLE), False),
    ],
)
def test_only_what_removes_or_replaces_a_table_endangers_data(new, dangerous):
    assert any(change.endangers_data for change in changes(template(S=TABLE), new)) == dangerous


def test_a_deployment_that_would_lose_data_stops_before_any_change(tmp_path):
    (tmp_path / "new.json").write_text(json.dumps(template()))
    stack = SimpleNamespace(name="dataforge-dev-data", template=SimpleNamespace(source=tmp_path / "new.json"))
    deployer = SimpleNamespace(template=lambda _: template(S=TABLE))

    with pytest.raises(DeployError, match="would lose data, nothing was changed: - AWS::DynamoDB::Table S"):
        command._changes(deployer, [stack])


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        ({"saved_account": "999900001111"}, "in account 999900001111, and this one would be in 111122223333"),
        ({"saved_region": "eu-west-1"}, "in region eu-west-1, and this one would be in us-east-1"),
    ],
)
def test_a_profile_of_another_account_or_region_is_not_overwritten(account, saved, said):
    arguments = argparse.Namespace(**{"saved_account": None, "saved_region": None, **saved})

    with pytest.raises(DeployError, match=said):
        command._refuse_other_account(arguments, account)

    same = argparse.Namespace(saved_account=account.id, saved_region=account.region)
    command._refuse_other_account(same, account)


def test_only_a_deployment_without_a_key_gets_an_organisation(account, monkeypatch):
    made = []
    monkeypatch.setattr(
        first_key, "create", lambda *_, organization, **__: made.append(organization) or ("org_1", "sk")
    )
    account.client("dynamodb").create_table(
        TableName="dataforge-dev-key_hashes",
        KeySchema=[{"AttributeName": "key_hash", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key_hash", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def second_machine(**asked: str) -> dict[str, object]:
        arguments = argparse.Namespace(**{"first_key": None, "new_organization": None, **asked})
        return command._first_key(arguments, account, preset("dev"), {})

    first = second_machine(first_key="acme")
    account.client("dynamodb").put_item(TableName="dataforge-dev-key_hashes", Item={"key_hash": {"S": "x"}})

    assert first == {"organization_id": "org_1", "api_key": "sk"}
    assert second_machine(first_key="acme") == {"has_keys": True}
    assert second_machine() == {}
    assert second_machine(new_organization="other")["organization_id"] == "org_1"
    assert made == ["acme", "other"]


class Gateway:
    """API Gateway's account setting, which accepts a new role only after a moment."""

    def __init__(self, arn: str | None, *, refusals: int = 0) -> None:
        self.arn, self._refusals = arn, refusals

    def get_account(self) -> dict[str, str]:
        return {"cloudwatchRoleArn": self.arn} if self.arn else {}

    def update_account(self, patchOperations: list[dict[str, str]]) -> None:
        from botocore.exceptions import ClientError

        if self._refusals:
            self._refusals -= 1
            raise ClientError({"Error": {"Code": "BadRequestException", "Message": "not yet"}}, "UpdateAccount")
        [change] = patchOperations
        self.arn = change["value"]


def with_gateway(account: Account, gateway: Gateway) -> Account:
    def client(service: str, **options: Any) -> Any:
        return gateway if service == "apigateway" else account.session.client(service, **options)

    return Account(account.id, account.region, account.user, SimpleNamespace(client=client))


def test_an_account_without_a_role_for_gateway_logs_gets_one_outside_of_the_stacks(account):
    gateway, said = Gateway(None, refusals=2), []
    iam = account.client("iam")
    policy = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    gov = Account(account.id, account.region, "arn:aws:iam::111122223333:user/ops", account.session)

    for _ in range(2):  # the second deployment finds it
        gateway_logs.ensure(with_gateway(gov, gateway), said.append, pause_s=0)

    assert gateway.arn == iam.get_role(RoleName=gateway_logs.ROLE)["Role"]["Arn"]
    attached = iam.list_attached_role_policies(RoleName=gateway_logs.ROLE)["AttachedPolicies"]
    assert [p["PolicyArn"] for p in attached] == [policy]
    assert len(said) == 1


def test_a_role_that_somebody_else_set_is_left_alone(account):
    theirs = "arn:aws:iam::111122223333:role/theirs"
    gateway = Gateway(theirs)

    gateway_logs.ensure(with_gateway(account, gateway), print, pause_s=0)

    assert gateway.arn == theirs
    assert gateway_logs.ROLE not in {r["RoleName"] for r in account.client("iam").list_roles()["Roles"]}


def test_a_role_that_may_not_be_set_is_said_with_the_missing_permission(account):
    with pytest.raises(DeployError, match="your user needs apigateway:GET"):
        gateway_logs.ensure(with_gateway(account, Gateway(None, refusals=99)), lambda _: None, pause_s=0)


def test_the_partition_is_that_of_the_credentials(account):
    assert account.partition == "aws-us-gov"

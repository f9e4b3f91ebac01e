"""Connections, what they listen to, and pushes to them on the AWS backend; teacher keys from Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from dataforge import clock, platform
from dataforge.platform.aws.dynamo import DynamoTables
from dataforge.platform.aws.secrets import CACHE_SECONDS, SecretsManager
from dataforge.platform.aws.websocket import WebSocketPublisher
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.ports import Platform
from dataforge.store import api_keys, connections, members, organisations, socket_tickets
from dataforge.store.connections import Opener
from dataforge_functions import socket
from tests.support import storage_backends


class Management:
    """API Gateway's side of a connection: who is gone answers 410."""

    class GoneException(ClientError):
        pass

    def __init__(self) -> None:
        self.exceptions, self.sent, self.gone = self, [], set[str]()
        self.closed: list[str] = []

    def delete_connection(self, *, ConnectionId: str) -> None:
        if ConnectionId in self.gone:
            raise self.GoneException({"Error": {"Code": "GoneException"}}, "DeleteConnection")
        if ConnectionId == "broken":
            raise ClientError({"Error": {"Code": "InternalFailure"}}, "DeleteConnection")
        self.closed.append(ConnectionId)

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:
        if ConnectionId in self.gone:
            raise self.GoneException({"Error": {"Code": "GoneException"}}, "PostToConnection")
        if ConnectionId == "broken":
            raise ClientError({"Error": {"Code": "InternalFailure"}}, "PostToConnection")
        self.sent.append((ConnectionId, json.loads(Data)))


@pytest.fixture
def management() -> Iterator[Management]:
    """A deployment whose only missing part is API Gateway."""
    made = Management()
    with storage_backends.aws():
        client = boto3.client("dynamodb")
        storage_backends.create_dynamo_tables(client, storage_backends.PREFIX)
        tables = DynamoTables(storage_backends.PREFIX, client=client)
        unused: Any = None
        platform.use(
            Platform(
                name="aws",
                tables=tables,
                files=unused,
                workflows=unused,
                publisher=WebSocketPublisher(tables, "https://x", client=made),
                secrets=EnvironmentSecrets(None),
                trainer=unused,
                inference=unused,
            )
        )
        yield made
        platform.use(None)


def call(route: str, connection: str, **event: Any) -> int:
    place = {"routeKey": route, "connectionId": connection}
    return socket.handler({"requestContext": place, **event}, None)["statusCode"]


def opened(connection: str = "c1") -> str:
    """The organisation of a new connection."""
    org_id, user_id = organisations.create("Harbour")
    key = api_keys.create_first(org_id, user_id, name="k")
    assert call("$connect", connection, headers={"x-api-key": key}) == 200
    return org_id


def run_of(org_id: str, run_id: str = "gen_1", kind: str = "generate") -> str:
    platform.current().tables.put(
        "runs",
        {
            "org_id": org_id,
            "run_id": run_id,
            "project_id": "proj_1",
            "kind": kind,
            "created_at": "2026-01-01",
            "user_id": "user_1",
            "config": {},
            "files_prefix": "data-forge/x",
            "sequence": run_id,
        },
    )
    return run_id


def say(connection: str, **message: str) -> int:
    return call("$default", connection, body=json.dumps(message))


def test_a_subscriber_receives_its_run_until_it_unsubscribes(management: Management) -> None:
    topic = run_of(opened())

    say("c1", action="subscribe", topic=topic)
    platform.current().publisher.publish(topic, {"progress": 1})
    say("c1", action="unsubscribe", topic=topic)
    platform.current().publisher.publish(topic, {"progress": 2})

    pushed = [message for _, message in management.sent if "progress" in message]
    assert pushed == [{"topic": topic, "progress": 1}]


# checklist 171
def test_a_subscriber_receives_the_trainings_of_its_own_organisation(management: Management) -> None:
    ours, theirs = opened("c1"), opened("c2")
    for connection in ("c1", "c2"):
        assert say(connection, action="subscribe", topic="training") == 200
    before = len(management.sent)

    for org_id in (ours, theirs):
        platform.current().publisher.publish(f"training#{org_id}", {"topic": "training", "progress": 45.5})
    say("c1", action="unsubscribe", topic="training")
    platform.current().publisher.publish(f"training#{ours}", {"topic": "training", "progress": 50.0})

    pushed = [(who, message) for who, message in management.sent[before:] if "progress" in message]
    assert pushed == [("c1", {"topic": "training", "progress": 45.5}), ("c2", {"topic": "training", "progress": 45.5})]
    assert say("c2", action="subscribe", topic=f"training#{ours}") == 404


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"headers": None},
        {"headers": {"x-api-key": "sk_wrong"}},
        {"queryStringParameters": {"api_key": "sk_wrong"}},
    ],
)
def test_without_a_good_key_nothing_is_connected(management: Management, event: dict[str, Any]) -> None:
    assert call("$connect", "c1", **event) == 401
    assert say("c1", action="subscribe", topic="gen_1") == 401
    assert management.sent == []


@pytest.mark.parametrize("place", ["X-API-Key", "Authorization", "api_key"])
def test_a_key_may_come_in_three_places(management: Management, place: str) -> None:
    org_id, user_id = organisations.create("Harbour")
    key = api_keys.create_first(org_id, user_id, name="k")
    ways = {
        "X-API-Key": {"headers": {"X-API-Key": key}},
        "Authorization": {"headers": {"authorization": f"Bearer {key}"}},
        "api_key": {"queryStringParameters": {"api_key": key}},
    }

    assert call("$connect", "c1", **ways[place]) == 200
    assert connections.opener_of("c1").org_id == org_id


def test_a_run_of_another_organisation_looks_like_none(management: Management) -> None:
    topic = run_of(opened("c1"))
    opened("c2")

    status = say("c2", action="subscribe", topic=topic)
    platform.current().publisher.publish(topic, {"progress": 1})

    assert status == 404
    assert [(who, message["code"]) for who, message in management.sent] == [("c2", "NOT_FOUND")]


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "{",
        "[]",
        '{"action": "subscribe"}',
        '{"action": "shout", "topic": "x"}',
        '{"action": "subscribe", "topic": "@c2"}',
        '{"action": "subscribe", "topic": 7}',
    ],
)
def test_nonsense_is_answered_with_what_to_send(management: Management, body: str | None) -> None:
    opened()

    status = call("$default", "c1", body=body)

    assert status == 422
    assert management.sent[-1][1]["code"] == "VALIDATION_ERROR"


def test_who_is_gone_is_dropped_and_the_others_still_hear(management: Management) -> None:
    org_id = opened("c1")
    topic = run_of(org_id)
    for connection in ("c1", "c2"):
        connections.opened(connection, Opener(org_id, "user_1", "key_1", ("admin",)))
        connections.listen(connection, topic)
    management.gone.add("c1")

    platform.current().publisher.publish(topic, {"progress": 1})

    left = platform.current().tables.query_page("connections", {"topic": topic}).items
    assert [who for who, _ in management.sent] == ["c2"]
    assert [item["connection_id"] for item in left] == ["c2"]


def test_a_push_that_fails_never_fails_the_run(management: Management) -> None:
    connections.listen("broken", "gen_1")

    platform.current().publisher.publish("gen_1", {"progress": 1})

    assert management.sent == []


def test_a_closed_connection_leaves_nothing_behind(management: Management) -> None:
    topic = run_of(opened())
    say("c1", action="subscribe", topic=topic)

    call("$disconnect", "c1")

    tables = platform.current().tables
    assert [tables.query_page("connections", {"topic": t}).items for t in (topic, "@c1")] == [[], []]


def keyed(*scopes: str) -> tuple[api_keys.ApiKey, str]:
    """A key of a new organisation."""
    org_id, user_id = organisations.create("Harbour")
    return api_keys.create(org_id, user_id, name="k", scopes=scopes, created_by=user_id)


def connected(connection: str, key: str) -> int:
    return call("$connect", connection, headers={"x-api-key": key})


def ticket_of(key: api_keys.ApiKey) -> str:
    return socket_tickets.issue(Opener(key.org_id, key.user_id, key.key_id, tuple(key.scopes)))


def with_ticket(connection: str, ticket: str) -> int:
    return call("$connect", connection, queryStringParameters={"ticket": ticket})


def test_a_ticket_opens_one_connection_with_the_rights_of_its_key(management: Management) -> None:
    key, _ = keyed("data-forge:read")
    ticket = ticket_of(key)

    statuses = [with_ticket("c1", ticket), with_ticket("c2", ticket)]

    assert statuses == [200, 401]
    assert connections.opener_of("c1") == Opener(key.org_id, key.user_id, key.key_id, ("data-forge:read",))
    assert say("c1", action="subscribe", topic=run_of(key.org_id)) == 200
    assert say("c1", action="subscribe", topic=run_of(key.org_id, "syn_job_1", "synthetic")) == 403


def test_a_ticket_is_valid_for_a_minute(management: Management, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket, now = ticket_of(keyed("admin")[0]), clock.epoch()
    monkeypatch.setattr(clock, "epoch", lambda: now + socket_tickets.VALID_S)

    assert with_ticket("c1", ticket) == 401


@pytest.mark.parametrize("ticket", ["wst_guessed", "\ud800", "x" * 5000])
def test_a_ticket_that_was_never_issued_opens_nothing(management: Management, ticket: str) -> None:
    assert with_ticket("c1", ticket) == 401


def test_the_ticket_of_a_revoked_key_opens_nothing(management: Management) -> None:
    key, _ = keyed("admin")
    ticket = ticket_of(key)
    api_keys.revoke(key.org_id, key.key_id)

    assert with_ticket("c1", ticket) == 401
    assert say("c1", action="subscribe", topic="gen_1") == 401


@pytest.mark.parametrize(
    ("scope", "kind", "status"),
    [
        ("training:read", "generate", 403),
        ("training:read", "parse", 403),
        ("training:read", "synthetic", 403),
        ("datasets:read", "generate", 403),
        ("data-forge:write", "generate", 403),
        ("synthetic:read", "generate", 403),
        ("data-forge:read", "generate", 200),
        ("data-forge:read", "parse", 200),
        ("data-forge:read", "synthetic", 403),
        ("synthetic:read", "synthetic", 200),
        ("admin", "synthetic", 200),
    ],
)
def test_a_key_hears_only_runs_that_it_may_read(management: Management, scope: str, kind: str, status: int) -> None:
    key, secret = keyed(scope)
    topic = run_of(key.org_id, "run_1", kind)
    connected("c1", secret)

    assert say("c1", action="subscribe", topic=topic) == status
    platform.current().publisher.publish(topic, {"progress": 1})

    assert ({"topic": topic, "progress": 1} in [m for _, m in management.sent]) == (status == 200)
    assert ("SCOPE_REQUIRED" in str(management.sent)) == (status == 403)


@pytest.mark.parametrize("how", ["revoked", "its member removed"])
def test_with_its_key_a_connection_ends(management: Management, how: str) -> None:
    org_id, owner = organisations.create("Harbour")
    members.add(members.Member(org_id, "user_2"))
    keys = [api_keys.create(org_id, user, name="k", scopes=["admin"], created_by=owner) for user in (owner, "user_2")]
    topic = run_of(org_id)
    for connection, (_, secret) in zip(("c1", "c2"), keys, strict=True):
        connected(connection, secret)
        say(connection, action="subscribe", topic=topic)

    if how == "revoked":
        api_keys.revoke(org_id, keys[1][0].key_id)
    else:
        members.remove(org_id, "user_2")
    platform.current().publisher.publish(topic, {"progress": 1})

    assert management.closed == ["c2"]
    assert [who for who, message in management.sent if "progress" in message] == ["c1"]
    assert say("c2", action="subscribe", topic=topic) == 401
    assert say("c1", action="unsubscribe", topic=topic) == 200


@pytest.mark.parametrize("connection", ["broken", "c1"])
def test_a_key_is_revoked_also_when_a_connection_cannot_be_closed(management: Management, connection: str) -> None:
    key, secret = keyed("admin")
    connected(connection, secret)
    management.gone.add("c1")

    api_keys.revoke(key.org_id, key.key_id)

    assert connected("c3", secret) == 401
    assert say(connection, action="subscribe", topic="gen_1") == 401


@pytest.mark.parametrize("topic", ["@key:key_1", "@ticket:00"])
def test_what_is_kept_beside_the_topics_cannot_be_subscribed(management: Management, topic: str) -> None:
    opened()

    assert say("c1", action="unsubscribe", topic=topic) == 422


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_changed_key_is_seen_after_five_minutes_and_asked_for_once_in_between() -> None:
    with storage_backends.aws():
        client, clock = boto3.client("secretsmanager"), Clock()
        secrets = SecretsManager("dev-", client=client, clock=clock)
        client.create_secret(Name="dev-OPENAI_API_KEY", SecretString=" sk-old\n")

        before = secrets.get("OPENAI_API_KEY")
        client.put_secret_value(SecretId="dev-OPENAI_API_KEY", SecretString="sk-new")
        kept = secrets.get("OPENAI_API_KEY")
        clock.now = CACHE_SECONDS
        after = secrets.get("OPENAI_API_KEY")

    assert (before, kept, after) == ("sk-old", "sk-old", "sk-new")


def test_a_key_that_was_never_set_or_is_being_deleted_is_none() -> None:
    with storage_backends.aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="dev-GONE", SecretString="x")
        client.delete_secret(SecretId="dev-GONE")

        assert SecretsManager("dev-", client=client).get("OPENAI_API_KEY") is None
        assert SecretsManager("dev-", client=client).get("GONE") is None

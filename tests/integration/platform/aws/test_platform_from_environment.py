"""What a Lambda function's first call of `platform.current()` makes of its environment."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from dataforge import platform, settings
from tests.support import storage_backends


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    settings.get.cache_clear()
    platform.use(None)
    with storage_backends.aws():
        yield monkeypatch
    platform.use(None)
    settings.get.cache_clear()


def test_a_function_plugs_itself_into_its_deployment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATAFORGE_BUCKET", storage_backends.BUCKET)
    environment.setenv("DATAFORGE_TABLE_PREFIX", "prod-")
    environment.setenv("STATE_MACHINE_PARSE", "arn:aws:states:eu-west-1:123456789012:stateMachine:parse")
    boto3.client("secretsmanager").create_secret(Name="prod-OPENAI_API_KEY", SecretString="sk-kept")
    storage_backends.create_dynamo_tables(boto3.client("dynamodb"), "prod-")
    boto3.client("s3").create_bucket(
        Bucket=storage_backends.BUCKET, CreateBucketConfiguration={"LocationConstraint": storage_backends.REGION}
    )

    plugged = platform.current()
    plugged.tables.put_new("key_hashes", {"key_hash": "h"})
    plugged.files.write("k", b"x")
    plugged.publisher.publish("run", {"progress": 1})

    assert plugged.name == "aws"
    assert plugged.tables.get("key_hashes", {"key_hash": "h"}) == {"key_hash": "h"}
    assert plugged.files.read("k") == b"x"
    assert plugged.secrets.get("OPENAI_API_KEY") == "sk-kept"
    assert plugged.workflows.describe("parse", "gen_unknown") is None
    assert platform.current() is plugged


def test_outside_a_deployment_it_says_what_is_missing(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DATAFORGE_BUCKET", raising=False)

    with pytest.raises(RuntimeError, match="DATAFORGE_BUCKET"):
        platform.current()

"""Both backends' tables and files, empty, for one test. AWS is moto: it never stands behind a user."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from hypothesis import HealthCheck, settings
from moto import mock_aws

from dataforge.platform.aws.dynamo import DynamoTables
from dataforge.platform.aws.s3 import S3Files
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from dataforge.platform.ports import Files, Item, Page, Tables
from dataforge_infra import catalog

PORT_TABLES = {
    **catalog.TABLES,
    "pairs": catalog.Table(
        "project_id",
        "pair_id",
        indexes={
            "by_run": catalog.Index("run_id", "pair_id"),
            "by_status": catalog.Index("project_status", "pair_id"),
        },
    ),
}
"""The catalog's tables, one of them with two KEYS_ONLY indexes: the port promises more than the product uses today."""
PREFIX, BUCKET, REGION = "t-", "forge-backends", "eu-west-1"
MAX_UPLOAD = 1000
BASE_URL = "http://127.0.0.1:8787"


def create_dynamo_tables(client: Any, prefix: str, tables: Mapping[str, catalog.Table] = catalog.TABLES) -> None:
    """The catalog's tables as CDK makes them."""
    for name, table in tables.items():
        indexes = [
            {
                "IndexName": index,
                "KeySchema": _schema(i.hash_key, i.range_key),
                "Projection": {"ProjectionType": i.projection},
            }
            for index, i in table.indexes.items()
        ]
        shapes = (table, *table.indexes.values())
        used = {key for s in shapes for key in (s.hash_key, s.range_key) if key is not None}
        client.create_table(
            TableName=f"{prefix}{name}",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_schema(table.hash_key, table.range_key),
            AttributeDefinitions=[
                {"AttributeName": a, "AttributeType": table.range_type if a == table.range_key else "S"}
                for a in sorted(used)
            ],
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        )
        if table.ttl:
            client.update_time_to_live(
                TableName=f"{prefix}{name}", TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl}
            )


@contextmanager
def aws() -> Iterator[None]:
    """An empty account. Whatever account the machine knows is out of reach."""
    known = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    before = {name: os.environ.get(name) for name in known}
    os.environ.update(known)
    try:
        with mock_aws():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def embedded_tables(folder: Path) -> Iterator[Tables]:
    tables = SqliteTables(folder / "tables.sqlite", PORT_TABLES)
    yield tables
    tables.close()


@contextmanager
def aws_tables(_: Path) -> Iterator[Tables]:
    with aws():
        client = client_of("dynamodb")
        create_dynamo_tables(client, PREFIX, PORT_TABLES)
        yield DynamoTables(PREFIX, client=client)


@cache
def client_of(service: str) -> Any:
    """Making one costs more than most tests; it serves every account that `aws` opens."""
    return boto3.client(service)


def local_files(folder: Path, **changed: Any) -> LocalFiles:
    return LocalFiles(
        folder, **{"base_url": lambda: BASE_URL, "secret": b"backends", "max_upload_bytes": MAX_UPLOAD, **changed}
    )


@contextmanager
def embedded_files(folder: Path) -> Iterator[Files]:
    files = local_files(folder)
    yield files
    files.close()


@contextmanager
def aws_files(_: Path) -> Iterator[Files]:
    with aws():
        client_of("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield S3Files(BUCKET)


on_one_backend = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""Hypothesis runs its many examples against one backend."""

TABLES: dict[str, Callable[[Path], Any]] = {"embedded": embedded_tables, "aws": aws_tables}
FILES: dict[str, Callable[[Path], Any]] = {"embedded": embedded_files, "aws": aws_files}


def pair(number: int, **changed: Any) -> Item:
    return {
        "project_id": "p",
        "pair_id": f"pair_{number:04d}",
        "run_id": f"run_{number % 2}",
        "project_status": "p#pending",
        "question": "What is wet?",
        **changed,
    }


def key(number: int) -> dict[str, str | int]:
    return {"project_id": "p", "pair_id": f"pair_{number:04d}"}


def walk(tables: Tables, table: str, hash_key: dict[str, str | int], **query: Any) -> list[Item]:
    items: list[Item] = []
    cursor = None
    for _ in range(10_000):
        page: Page = tables.query_page(table, hash_key, cursor=cursor, **query)
        items += page.items
        cursor = page.cursor
        if cursor is None:
            return items
    raise AssertionError("the cursor never ends")


def _schema(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    keys = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return keys + ([{"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else [])

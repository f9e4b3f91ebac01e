"""The counter behind the dollars: units as AWS bills them, for known items, on moto."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from benchmarks.billing import Meter, item_bytes, stored, watch, working
from dataforge.errors import ConditionFailed
from dataforge.platform.aws.dynamo import DynamoTables
from dataforge.platform.aws.s3 import S3Files
from dataforge.platform.ports import Put, Update
from tests.support import stepfunctions_moto
from tests.support.storage_backends import create_dynamo_tables

KB = "x" * 1024


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Meter]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with stepfunctions_moto.aws():
        yield Meter()


@pytest.fixture
def tables(meter: Meter) -> DynamoTables:
    client = boto3.client("dynamodb")
    create_dynamo_tables(client, "t-")
    watch(client, meter)
    return DynamoTables("t-", client=client)


def document(name: str, text: str = "short") -> dict[str, object]:
    return {"project_id": "p", "document_id": name, "text": text}


def written(meter: Meter) -> float:
    count = meter.counts["dynamodb_write_units"]
    meter.reset()
    return count


def read(meter: Meter) -> float:
    count = meter.counts["dynamodb_read_units"]
    meter.reset()
    return count


def test_writes_cost_the_larger_of_the_old_and_the_new_item(tables: DynamoTables, meter: Meter) -> None:
    key = {"project_id": "p", "document_id": "a"}

    tables.put("documents", document("a"))
    assert written(meter) == 1
    tables.put("documents", document("a", KB * 3))
    assert written(meter) == 4  # its names and keys come on top
    tables.update("documents", key, set={"text": "short"})
    assert written(meter) == 4
    tables.update("documents", key, set={"text": "shorter"})
    assert written(meter) == 1
    tables.batch_put("documents", [document(str(n), KB) for n in range(30)])
    assert written(meter) == 60
    with pytest.raises(ConditionFailed):
        tables.put_new("documents", document("1"))
    assert written(meter) == 2


def test_transactions_cost_twice_and_indexes_once_more(tables: DynamoTables, meter: Meter) -> None:
    run = {"org_id": "o", "run_id": "r", "project_id": "p", "sequence": "1"}

    tables.transact([Put("documents", document("a")), Put("documents", document("b", KB))])
    assert written(meter) == 2 * (1 + 2)
    tables.put("runs", run)
    assert written(meter) == 2
    tables.transact([Update("runs", {"org_id": "o", "run_id": "r"}, set={"status": "done"})])
    assert written(meter) == 2 + 1


def test_reads_cost_by_4_kb_and_half_of_it_from_an_index(tables: DynamoTables, meter: Meter) -> None:
    tables.batch_put("documents", [document(str(n), KB) for n in range(10)])
    tables.put("runs", {"org_id": "o", "run_id": "r", "project_id": "p", "sequence": "1"})
    meter.reset()

    tables.get("documents", {"project_id": "p", "document_id": "none"})
    assert read(meter) == 1
    tables.query_page("documents", {"project_id": "p"})
    assert read(meter) == 3  # ten items of a little more than 1 KB together, not each by itself
    tables.batch_get("documents", [{"project_id": "p", "document_id": str(n)} for n in range(10)])
    assert read(meter) == 10
    tables.query_page("runs", {"project_id": "p"}, index="by_project")
    assert read(meter) == 0.5


def test_files_count_by_class_and_by_whose_work_they_are(meter: Meter) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="billing")
    watch(client, meter)
    files = S3Files("billing", client=client)

    with working("plan_run"):
        files.write("a/b", b"12345")
    files.read("a/b")
    files.info("a/b")
    files.delete("a/b")

    assert (meter.counts["s3_writes"], meter.counts["s3_reads"]) == (1, 2)
    assert meter.calls == {("plan_run", "s3"): 1, ("api", "s3"): 3}


def test_what_lies_there_is_measured(tables: DynamoTables) -> None:
    item = document("a", KB)
    tables.put("documents", item)

    kept = stored("t-")

    assert kept["dynamodb_gb_months"] == pytest.approx((item_bytes({n: {"S": v} for n, v in item.items()}) + 100) / 1e9)

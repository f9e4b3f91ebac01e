"""What requests cost, as AWS bills them: counted on boto3 clients while moto stands in for DynamoDB and S3.

Request units are worked out from the items themselves, which are read from moto before and after each write; moto's
own capacity figures are not. One counter for every benchmark that speaks of dollars.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from math import ceil
from typing import Any

import orjson
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from dataforge_infra import catalog

REGION = "us-east-1"
Wire = Mapping[str, Mapping[str, Any]]
"""An item as DynamoDB spells it: `{"name": {"S": "value"}}`."""

WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
S3_WRITES = {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "ListObjectsV2"}
S3_READS = {"GetObject", "HeadObject"}


def item_bytes(item: Wire) -> int:
    """Names and values, UTF-8, as DynamoDB counts them."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, inner),) = value.items()
    match kind:
        case "S":
            return len(inner.encode())
        case "N":
            return ceil(len(inner.strip("-0.")) / 2) + 1
        case "L":
            return 3 + sum(1 + _value_bytes(v) for v in inner)
        case "M":
            return 3 + sum(1 + len(k.encode()) + _value_bytes(v) for k, v in inner.items())
        case _:
            return 1


def write_units(size: int) -> int:
    """For one item of that many bytes; a write that touches nothing costs one too."""
    return max(1, ceil(size / 1024))


def read_units(size: int, *, consistent: bool = True) -> float:
    """For one item, or for all that a query reads together."""
    return max(1, ceil(size / 4096)) * (1.0 if consistent else 0.5)


class Meter:
    """Counts by name of price, by whose work they are (see `working`), and the bytes that stores answered."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.calls: Counter[tuple[str, str]] = Counter()
        """(whose work, service) -> requests."""
        self.bytes_read = 0

    @property
    def requests(self) -> int:
        return sum(self.calls.values())

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]

    def add(self, name: str, units: float = 1) -> None:
        self.counts[name] += units  # type: ignore[assignment]  # a Counter adds floats as well


_worker: ContextVar[str] = ContextVar("worker", default="api")


@contextmanager
def working(name: str) -> Iterator[None]:
    """Requests inside, also those of threads that asyncio starts for it, are the work of `name`."""
    token = _worker.set(name)
    try:
        yield
    finally:
        _worker.reset(token)


def watch(client: Any, meter: Meter) -> None:
    """Count the requests of a boto3 client."""
    service = client.meta.service_model.service_name
    sent: ContextVar[dict[str, Any]] = ContextVar("sent")
    before: ContextVar[list[tuple[str, str, Wire, int]]] = ContextVar("before")

    def asked(model: Any, params: Any, **_: Any) -> None:
        meter.calls[_worker.get(), service] += 1
        if service == "dynamodb":
            sent.set(orjson.loads(params["body"]))
        if model.name in WRITES:
            entries = _written(model.name, sent.get())
            before.set([(table, way, key, _stored(table, key)) for table, way, key in entries])

    def answered(model: Any, http_response: Any, parsed: Any, **_: Any) -> None:
        length = http_response.headers.get("content-length")
        meter.bytes_read += (
            int(length) if length else len(http_response.content)
        )  # a streamed object has its length in a header
        if model.name in WRITES:
            for table, way, key, size in before.get():
                _count_write(meter, table, way, size, _stored(table, key))
        elif service == "dynamodb":
            meter.add("dynamodb_read_units", _units_read(model.name, sent.get(), parsed))
        elif model.name in S3_WRITES:
            meter.add("s3_writes")
        elif model.name in S3_READS:
            meter.add("s3_reads")

    client.meta.events.register("before-call", asked)
    client.meta.events.register("after-call", answered)


def _written(operation: str, body: dict[str, Any]) -> Iterator[tuple[str, str, Wire]]:
    """(table, single or transact, key or item) of every write in a request."""
    match operation:
        case "BatchWriteItem":
            for table, requests in body["RequestItems"].items():
                for one in requests:
                    yield (
                        table,
                        "single",
                        one["PutRequest"]["Item"] if "PutRequest" in one else one["DeleteRequest"]["Key"],
                    )
        case "TransactWriteItems":
            for entry in body["TransactItems"]:
                ((_, one),) = entry.items()
                yield one["TableName"], "transact", one.get("Item") or one["Key"]
        case _:
            yield body["TableName"], "single", body.get("Item") or body["Key"]


def _stored(table: str, key: Wire) -> int:
    """Bytes of the item that is there now, 0 for none."""
    found = _table(table)
    names = [n for n in (found.hash_key_attr, found.range_key_attr) if n]
    item = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].get_item(table, {n: dict(key[n]) for n in names})
    return item_bytes(item.to_json()["Attributes"]) if item else 0


def _table(name: str) -> Any:
    return dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].get_table(name)


def _count_write(meter: Meter, table: str, way: str, before: int, after: int) -> None:
    """The larger of old and new item; twice that in a transaction. An index takes a write of what it holds."""
    size = max(before, after)
    meter.add("dynamodb_write_units", write_units(size) * (2 if way == "transact" else 1))
    for index in _indexes(table):
        if index.projection == "ALL" or not before or not after:
            meter.add("dynamodb_write_units", write_units(size if index.projection == "ALL" else 0))


def _indexes(table: str) -> list[catalog.Index]:
    known = next((t for name, t in catalog.TABLES.items() if table.endswith(f"-{name}")), None)
    return list(known.indexes.values()) if known else []


def _units_read(operation: str, sent: Mapping[str, Any], parsed: Mapping[str, Any]) -> float:
    if "Error" in parsed:
        return 1
    match operation:
        case "GetItem":
            return read_units(item_bytes(parsed.get("Item", {})))
        case "Query":
            size = sum(item_bytes(item) for item in parsed["Items"])
            return read_units(size, consistent=bool(sent.get("ConsistentRead")))
        case "BatchGetItem":
            return sum(read_units(item_bytes(i)) for of_table in parsed["Responses"].values() for i in of_table)
        case _:
            return 0  # DescribeTable


def stored(prefix: str) -> dict[str, float]:
    """A month of everything that lies in the tables and buckets now, their recovery included."""
    from moto.s3.models import s3_backends

    per_item = 100  # DynamoDB's own overhead
    backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION]
    rows = (
        sum(
            item_bytes(item.to_json()["Attributes"]) + per_item
            for name in backend.tables
            if name.startswith(prefix)
            for item in backend.get_table(name).all_items()
        )
        / 1e9
    )
    objects = (
        sum(
            key.size
            for bucket in s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.values()
            for key in bucket.keys.values()
        )
        / 1e9
    )
    return {"dynamodb_gb_months": rows, "recovery_gb_months": rows, "s3_gb_months": objects}

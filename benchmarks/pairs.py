"""Review of a project with 100,000 pairs: `make bench-pairs`.

Every action goes through the whole API (in this process, without a network). Counted are the requests to the stores and
the bytes that they answered, keys and projects included; on the AWS wall moto stands in for DynamoDB and S3, so its
requests, bytes and dollars are real and its milliseconds are not. Dollars are list prices of us-east-1, on demand:
strongly consistent reads by 4 KB, writes by 1 KB, twice that inside transactions, S3 per request.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any, cast

import orjson

READ_UNIT, WRITE_UNIT = 0.125e-6, 0.625e-6
"""Dollars per DynamoDB request unit (aws.amazon.com/dynamodb/pricing/on-demand, us-east-1, November 2026)."""
S3_GET, S3_PUT = 0.4e-6, 5e-6
"""Dollars per request (aws.amazon.com/s3/pricing, us-east-1, November 2026)."""


@dataclass
class Meter:
    """What the stores were asked for."""

    requests: int = 0
    bytes_read: int = 0
    dollars: float = 0.0

    def reset(self) -> None:
        self.requests, self.bytes_read, self.dollars = 0, 0, 0.0


class Counted:
    """A port of the embedded wall that counts its calls and the bytes that they give."""

    READS = ("get", "batch_get", "query_page", "read", "open", "info")
    WRITES = ("put", "put_new", "update", "delete", "transact", "batch_put", "batch_delete", "write", "write_stream")

    def __init__(self, port: object, meter: Meter) -> None:
        self._port, self._meter = port, meter

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name not in (*self.READS, *self.WRITES):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            self._meter.requests += 1
            if name in self.READS:
                self._meter.bytes_read += _size(getattr(answer, "items", answer))
            return answer

        return call


def _size(answer: Any) -> int:
    if isinstance(answer, bytes):
        return len(answer)
    return len(orjson.dumps(answer)) if isinstance(answer, (dict, list)) else 0


def watch(client: Any, meter: Meter) -> None:
    """Count the requests of a boto3 client, and what they would cost."""
    def asked(model: Any, params: Any, **_: Any) -> None:
        meter.requests += 1
        body = params.get("body") or b""
        if model.name in ("PutItem", "UpdateItem", "TransactWriteItems", "DeleteItem"):
            written = orjson.loads(body).get("TransactItems") or [orjson.loads(body)]
            twice = 2 if model.name == "TransactWriteItems" else 1
            meter.dollars += twice * sum(ceil(len(orjson.dumps(w)) / 1024) for w in written) * WRITE_UNIT

    def answered(model: Any, http_response: Any, parsed: Any, **_: Any) -> None:
        told = http_response.headers.get("content-length")
        size = int(told) if told else len(http_response.content)  # a streamed object always says its length
        meter.bytes_read += size
        meter.dollars += _read_price(model.name, parsed, size)

    client.meta.events.register("before-call", asked)
    client.meta.events.register("after-call", answered)


def _read_price(operation: str, parsed: Any, size: int) -> float:
    if operation in ("Query", "GetItem"):
        return ceil(max(1, size) / 4096) * READ_UNIT
    if operation == "BatchGetItem":
        items = [i for of_table in parsed.get("Responses", {}).values() for i in of_table]
        return sum(ceil(len(orjson.dumps(i, default=str)) / 4096) for i in items) * READ_UNIT
    return {"GetObject": S3_GET, "HeadObject": S3_GET, "PutObject": S3_PUT}.get(operation, 0.0)


@contextmanager
def embedded(meter: Meter) -> Iterator[Any]:
    from dataforge import platform
    from tests.integration.conftest import embedded_service

    with tempfile.TemporaryDirectory() as folder:
        for service in embedded_service(Path(folder)):
            wall = platform.current()
            platform.use(replace(
                wall, tables=cast(Any, Counted(wall.tables, meter)), files=cast(Any, Counted(wall.files, meter))
            ))
            yield service
            platform.use(wall)


@contextmanager
def aws(meter: Meter) -> Iterator[Any]:
    from dataforge import platform
    from tests.integration.conftest import aws_service

    for service in aws_service(Path()):
        wall = platform.current()
        watch(cast(Any, wall.tables)._client, meter)
        watch(cast(Any, wall.files)._client, meter)
        yield service


@dataclass(frozen=True)
class Row:
    action: str
    milliseconds: float
    requests: int
    bytes_read: int
    dollars: float


def measure(service: Any, meter: Meter, count: int, repeat: int) -> Iterator[Row]:
    from dataforge.store import projects
    from tests.integration import many_pairs

    project_id = service.project()
    project = projects.get(service.headers["X-Organization-ID"], project_id)
    _, made = many_pairs.fill(project, many_pairs.Shape(count, documents=40, words=80))
    path = f"/projects/{project_id}/pairs"
    last = count // 50
    hit = f"Number{count // 2}."

    def listed(**query: Any) -> Callable[[], Any]:
        return lambda: service.call("GET", path, **query)

    def update(text: str | None) -> Callable[[], Any]:
        words = iter(range(10**6))
        return lambda: service.call("PUT", f"/pairs/{made[next(words)].pair_id}", json={
            "status": "accepted", **({"output_text": text} if text else {}),
        })

    def bulk(action: str) -> Callable[[], Any]:
        return lambda: service.call("POST", f"{path}/bulk-action", json={"action": action, "filters": {}})

    actions: list[tuple[str, Callable[[], Any], int]] = [
        ("first page", listed(), repeat), (f"page {last:,}", listed(page=last), repeat),
        ("filtered page (status, quality, document)", listed(
            status="pending", min_quality_score=0.5, document_id=made[0].document_id), repeat),
        ("500 pairs of page 100", listed(page=100, page_size=500), repeat),
        ("search, one hit", listed(search=hit), repeat), ("search, hits everywhere", listed(search="harbour"), repeat),
        ("accept one pair", update(None), repeat), ("edit one pair", update("The new answer."), repeat),
        (f"bulk accept of {count:,}", bulk("accept"), 1), (f"bulk delete of {count:,}", bulk("delete"), 1),
    ]
    for name, action, times in actions:
        spent = []
        for _ in range(times):
            meter.reset()
            started = time.perf_counter()
            answer = action()
            spent.append((time.perf_counter() - started) * 1000)
        if name.startswith("search, one"):
            assert answer["total"] == 1, answer["total"]
        yield Row(name, statistics.median(spent), meter.requests, meter.bytes_read, meter.dollars)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=7, help="of which the median counts")
    parser.add_argument("--wall", choices=["embedded", "aws", "both"], default="both")
    told = parser.parse_args()
    os.environ.setdefault("DATAFORGE_LOG_LEVEL", "ERROR")
    logging.disable(logging.INFO)
    walls = {"embedded": embedded, "aws": aws}
    for name in walls if told.wall == "both" else [told.wall]:
        meter = Meter()
        print(f"\n{told.pairs:,} pairs on the {name} wall"
              + (" (moto: its milliseconds mean nothing)" if name == "aws" else ""))
        print(f"{'':44}{'ms':>9}{'requests':>10}{'KB read':>10}{'dollars':>12}")
        with walls[name](meter) as service:
            for row in measure(service, meter, told.pairs, told.repeat if name == "embedded" else 1):
                cost = f"{row.dollars:12.7f}" if name == "aws" else f"{'-':>12}"
                print(f"{row.action:44}{row.milliseconds:9.1f}{row.requests:10}{row.bytes_read / 1000:10,.0f}{cost}",
                      flush=True)
    print("\npython -m benchmarks.pairs " + f"--pairs {told.pairs} --repeat {told.repeat} --wall {told.wall}")


if __name__ == "__main__":
    main()

"""Review of a project with 100,000 pairs: `make bench-pairs`.

Every action goes through the whole API (in this process, without a network). Counted are the requests to the stores and
the bytes that they answered, keys and projects included; on the AWS backend moto stands in for DynamoDB and S3, so its
requests, bytes and dollars are real and its milliseconds are not. Dollars are the list prices of
`dataforge_infra/cost`.
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
from pathlib import Path
from typing import Any, cast

import orjson

from benchmarks.billing import Meter, watch
from dataforge_infra.cost import prices


class Counted:
    """A port of the embedded backend that counts its calls and the bytes that they give."""

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
            self._meter.calls["api", "port"] += 1
            if name in self.READS:
                self._meter.bytes_read += _size(getattr(answer, "items", answer))
            return answer

        return call


def _size(answer: Any) -> int:
    if isinstance(answer, bytes):
        return len(answer)
    return len(orjson.dumps(answer)) if isinstance(answer, (dict, list)) else 0


@contextmanager
def embedded(meter: Meter) -> Iterator[Any]:
    from dataforge import platform
    from tests.support.service import embedded_service

    with tempfile.TemporaryDirectory() as folder:
        for service in embedded_service(Path(folder)):
            backend = platform.current()
            platform.use(
                replace(
                    backend,
                    tables=cast(Any, Counted(backend.tables, meter)),
                    files=cast(Any, Counted(backend.files, meter)),
                )
            )
            yield service
            platform.use(backend)


@contextmanager
def aws(meter: Meter) -> Iterator[Any]:
    from dataforge import platform
    from tests.support.service import aws_service

    for service in aws_service(Path()):
        backend = platform.current()
        watch(cast(Any, backend.tables)._client, meter)
        watch(cast(Any, backend.files)._client, meter)
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
    from tests.support import many_pairs

    project_id = service.project()
    project = projects.get(service.headers["X-Organization-ID"], project_id)
    _, made = many_pairs.fill(project, many_pairs.Shape(count, documents=40, words=80))
    path = f"/projects/{project_id}/pairs"
    last = count // 50
    needle = f"Number{count // 2}."

    def listed(**query: Any) -> Callable[[], Any]:
        return lambda: service.call("GET", path, **query)

    def update(text: str | None) -> Callable[[], Any]:
        words = iter(range(10**6))
        return lambda: service.call(
            "PUT",
            f"/pairs/{made[next(words)].pair_id}",
            json={
                "status": "accepted",
                **({"output_text": text} if text else {}),
            },
        )

    def bulk(action: str) -> Callable[[], Any]:
        return lambda: service.call("POST", f"{path}/bulk-action", json={"action": action, "filters": {}})

    actions: list[tuple[str, Callable[[], Any], int]] = [
        ("first page", listed(), repeat),
        (f"page {last:,}", listed(page=last), repeat),
        (
            "filtered page (status, quality, document)",
            listed(status="pending", min_quality_score=0.5, document_id=made[0].document_id),
            repeat,
        ),
        ("500 pairs of page 100", listed(page=100, page_size=500), repeat),
        ("search, one match", listed(search=needle), repeat),
        ("search, matches everywhere", listed(search="harbour"), repeat),
        ("accept one pair", update(None), repeat),
        ("edit one pair", update("The new answer."), repeat),
        (f"bulk accept of {count:,}", bulk("accept"), 1),
        (f"bulk delete of {count:,}", bulk("delete"), 1),
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
        yield Row(name, statistics.median(spent), meter.requests, meter.bytes_read, prices.total(meter.counts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=7, help="of which the median counts")
    parser.add_argument("--backend", choices=["embedded", "aws", "both"], default="both")
    options = parser.parse_args()
    os.environ.setdefault("DATAFORGE_LOG_LEVEL", "ERROR")
    logging.disable(logging.INFO)
    backends = {"embedded": embedded, "aws": aws}
    for name in backends if options.backend == "both" else [options.backend]:
        meter = Meter()
        print(
            f"\n{options.pairs:,} pairs on the {name} backend"
            + (" (moto: its milliseconds mean nothing)" if name == "aws" else "")
        )
        print(f"{'':44}{'ms':>9}{'requests':>10}{'KB read':>10}{'dollars':>12}")
        with backends[name](meter) as service:
            for row in measure(service, meter, options.pairs, options.repeat if name == "embedded" else 1):
                cost = f"{row.dollars:12.7f}" if name == "aws" else f"{'-':>12}"
                print(
                    f"{row.action:44}{row.milliseconds:9.1f}{row.requests:10}{row.bytes_read / 1000:10,.0f}{cost}",
                    flush=True,
                )
    print(
        "\npython -m benchmarks.pairs "
        + f"--pairs {options.pairs} --repeat {options.repeat} --backend {options.backend}"
    )


if __name__ == "__main__":
    main()

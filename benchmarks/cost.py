"""What the main job costs in an AWS account, without the teacher's tokens: `make bench-cost`.

Documents are uploaded and parsed, pairs made, looked at, accepted and exported, through the whole API and the real
state machines. It is done twice against a stub model that answers after `--latency` seconds:

- on the AWS backend, where moto stands in for DynamoDB, S3 and Step Functions: every request is counted and its units
  are worked out from its items (`benchmarks/billing.py`), every state transition, function call and log line;
- on the embedded backend with one worker, for the CPU seconds of each function, read from the operating system.

Seconds of a function are then its CPU seconds, divided by the share of a processor that its memory buys, its requests
one after the other, what it waits for the teacher, and its cold starts; see ASSUMED. `--write` keeps the counts in
`dataforge_infra/cost/job.json`, which `dataforge cost` reads.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import orjson

from benchmarks import billing
from benchmarks.bed import cpu_seconds, process, write_document
from dataforge_infra import catalog
from dataforge_infra.cost import job, report
from dataforge_infra.cost.__main__ import synthesised
from dataforge_infra.cost.idle import idle
from dataforge_infra.cost.prices import beyond_free, total
from dataforge_infra.stages import PRESETS

HANDBOOK = Path(__file__).parents[1] / "examples/handbook"
DYNAMO_S, S3_S, COLD_S = 0.006, 0.030, 1.0
VCPU_MB = 1769
WORDS_A_PAGE = 400
LINE_OVERHEAD, PLATFORM_LINES, ACCESS_LINE = 26, 420, 300
ASSUMED = [
    f"a request to DynamoDB takes {DYNAMO_S * 1000:.0f} ms, one to S3 {S3_S * 1000:.0f} ms, none at the same time",
    f"{VCPU_MB} MB of memory are one processor, as fast as the one that measured",
    f"every function starts cold once, {COLD_S:g} s, those of a Map once for each child up to "
    f"{catalog.MAP_CONCURRENCY}",
    f"Lambda writes {PLATFORM_LINES} bytes of its own for each call, the gateway {ACCESS_LINE} for each request",
    "every API request and every execution is one recorded trace (sampling records fewer)",
    "the client looks once a second how the job goes",
]


@dataclass
class Seen:
    """What one phase of the job did, beside the requests in its meter."""

    calls: Counter[str] = field(default_factory=Counter)
    """Function -> invocations."""
    waited: Counter[str] = field(default_factory=Counter)
    """Function -> seconds for the teacher."""
    executions: Counter[str] = field(default_factory=Counter)
    events: int = 0
    log_bytes: int = 0
    bytes_out: int = 0


class LogBytes(logging.Handler):
    """Counts what would go to CloudWatch."""

    def __init__(self, seen: Callable[[], Seen]) -> None:
        super().__init__(logging.INFO)
        from dataforge.log import JsonLines

        self._seen = seen
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("dataforge", "dataforge_functions")):  # the rest is the bed's own
            self._seen().log_bytes += len(self.format(record).encode()) + LINE_OVERHEAD


class Client:
    """Does the main job as the command does it. called: with each request that the API would get."""

    def __init__(self, service: Any, arrived: Callable[[str], None]) -> None:
        self.service, self._arrived, self.bytes_out = service, arrived, 0

    def read(self, documents: list[Path]) -> str:
        project_id = str(self.service.project())
        for path in documents:
            file = {"filename": path.name, "content_type": "application/octet-stream", "file_size": path.stat().st_size}
            place = self.service.call("POST", f"/projects/{project_id}/upload-url", json=file)
            assert self.service.put(place["upload_url"], path.read_bytes(), file["content_type"]) == 200
            self._arrived(unquote(urlsplit(place["upload_url"]).path).lstrip("/"))
            self.service.call(
                "POST", f"/projects/{project_id}/documents", json={**file, "s3_key": place["s3_key"]}, expect=201
            )
        self._wait(self.service.call("POST", f"/projects/{project_id}/parse")["generation_id"])
        return project_id

    def make(self, project_id: str, pairs: int) -> dict[str, Any]:
        body = {"model_id": "openai:stub", "num_pairs": pairs}
        run = self._wait(self.service.call("POST", f"/projects/{project_id}/generate", json=body)["generationId"])
        at = f"/projects/{project_id}"
        self.service.call("GET", f"{at}/pairs")
        self.service.call("POST", f"{at}/pairs/bulk-action", json={"action": "accept", "filters": {}})
        exported = self.service.call("POST", f"{at}/export")
        self.bytes_out += len(self.service.fetch(exported["downloadUrl"]))
        return run

    def _wait(self, generation_id: str) -> dict[str, Any]:
        while True:
            run = cast("dict[str, Any]", self.service.call("GET", f"/generations/{generation_id}"))
            if run["status"] in ("completed", "failed", "cancelled"):
                assert run["status"] == "completed", run
                return run
            time.sleep(1.0)


@dataclass
class Phase:
    """Half of the job as the AWS backend saw it."""

    meter: billing.Meter
    seen: Seen


@contextmanager
def on_aws(phases: list[Phase]) -> Iterator[Client]:
    """The last of the phases is the one under way."""
    from dataforge import platform
    from dataforge.platform.aws.websocket import WebSocketPublisher
    from tests.support import service as services

    original = services.handler

    def handler(name: str) -> Callable[[dict[str, Any], object], Any]:
        real = original(name)

        def counted(event: dict[str, Any], context: object) -> Any:
            seen = phases[-1].seen
            seen.calls[name] += 1
            if name == "generate_batch":
                batch = orjson.loads(platform.current().files.read(event["key"]))
                seen.waited[name] += ceil(len(batch["calls"]) / batch["concurrency"]) * LATENCY[0]
            with billing.working(name):
                return real(event, context)

        return counted

    services.handler = handler
    _workers(catalog.MAP_CONCURRENCY)
    lines = LogBytes(lambda: phases[-1].seen)
    try:
        for service in services.aws_service(Path()):
            backend = platform.current()
            # Nobody is connected, but every push looks who is.
            platform.use(replace(backend, publisher=WebSocketPublisher(backend.tables, "https://sockets.example.com")))
            for port in (backend.tables, backend.files):
                _watch(cast(Any, port)._client, phases)
            _quiet()
            logging.getLogger().addHandler(lines)
            client = Client(service, partial(_announce, handler("on_upload")))
            _count_api(service, phases)
            yield client
    finally:
        logging.getLogger().removeHandler(lines)
        services.handler = original


def _announce(on_upload: Callable[[dict[str, Any], object], Any], key: str) -> None:
    """What the bucket's rule does."""
    on_upload({"detail": {"object": {"key": key}}}, None)


def _quiet() -> None:
    """The handlers that are there show errors only; what is counted is counted by one of our own."""
    for shown in logging.getLogger().handlers:
        shown.setLevel(logging.ERROR)


def _workers(count: int) -> None:
    from dataforge import settings

    os.environ["DATAFORGE_WORKERS"] = str(count)
    settings.get.cache_clear()


LATENCY = [0.0]


class _Current:
    """The meter of the phase under way, for hooks that are registered once."""

    def __init__(self, phases: list[Phase]) -> None:
        self._phases = phases

    def __getattr__(self, name: str) -> Any:
        return getattr(self._phases[-1].meter, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_phases":
            super().__setattr__(name, value)
        else:
            setattr(self._phases[-1].meter, name, value)


def _watch(client: Any, phases: list[Phase]) -> None:
    billing.watch(client, cast(billing.Meter, _Current(phases)))


def _count_api(service: Any, phases: list[Phase]) -> None:
    real = service.http.request

    def request(*args: Any, **kwargs: Any) -> Any:
        phases[-1].seen.calls["api"] += 1
        return real(*args, **kwargs)

    service.http.request = request


def _executions(phase: Phase, before: Counter[str]) -> Counter[str]:
    """State transitions since `before`, by kind, from the histories; a Map's children from its calls."""
    import boto3

    sfn = boto3.client("stepfunctions")
    found: Counter[str] = Counter()
    for machine in sfn.list_state_machines()["stateMachines"]:
        for execution in sfn.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            found["executions"] += 1
            history = sfn.get_execution_history(executionArn=execution["executionArn"])["events"]
            found["transitions"] += sum(event["type"].endswith("StateEntered") for event in history)
            found["maps"] += sum(event["type"] == "MapStateEntered" for event in history)
    children = phase.seen.calls["parse_document"] + phase.seen.calls["generate_batch"]
    # One for the start of each child, one for its state; and one for each try of a state that failed.
    return found - before + Counter(transitions=2 * children + phase.seen.calls["record_failure"], children=children)


def counts_of(phase: Phase, done: Counter[str], cpu: Counter[str]) -> dict[str, float]:
    seen, meter = phase.seen, phase.meter
    calls = sum(seen.calls.values())
    line_bytes = seen.log_bytes + calls * PLATFORM_LINES + seen.calls["api"] * ACCESS_LINE
    return {
        **meter.counts,
        "s3_reads": meter.counts["s3_reads"] + done["maps"] + (1 if seen.bytes_out else 0),
        "s3_writes": meter.counts["s3_writes"] + seen.events,
        "events": seen.events,
        "transitions": done["transitions"] + done["executions"],
        "lambda_requests": calls,
        "lambda_gb_seconds": sum(seconds(phase, name, cpu) * _memory(name) / 1024 for name in seen.calls),
        "lambda_disk_gb_seconds": sum(seconds(phase, name, cpu) * _paid_disk(name) / 1024 for name in seen.calls),
        "api_requests": seen.calls["api"],
        "log_gb": line_bytes / 1e9,
        "traces": seen.calls["api"] + done["executions"] + done["children"],
        "gb_out": seen.bytes_out / 1e9,
    }


def seconds(phase: Phase, name: str, cpu: Counter[str]) -> float:
    """Billed seconds of all calls of a function."""
    calls = phase.seen.calls[name]
    requests = phase.meter.calls[name, "dynamodb"] * DYNAMO_S + phase.meter.calls[name, "s3"] * S3_S
    wide = catalog.MAP_CONCURRENCY if name in ("parse_document", "generate_batch") else 1
    share = min(1.0, _memory(name) / VCPU_MB)
    return cpu[name] / share + requests + phase.seen.waited[name] + min(calls, wide) * COLD_S


def _memory(name: str) -> int:
    return catalog.FUNCTIONS[name].memory_mb


def _paid_disk(name: str) -> int:
    return catalog.FUNCTIONS[name].disk_mb - catalog.FREE_DISK_MB


@contextmanager
def on_embedded(cpu: Callable[[], Counter[str]]) -> Iterator[Client]:
    """One worker, so that the processor time of the pool is that of the function at work."""
    from dataforge_infra.local import server
    from tests.support import service as services

    original = server.invoker

    def invoker(workers: Any) -> Any:
        real = original(workers)

        def invoke(function: str, event: Any, timeout_s: float) -> Any:
            before = cpu_seconds(workers.pids())
            try:
                return real(function, event, timeout_s)
            finally:
                cpu()[function] += cpu_seconds(workers.pids()) - before  # type: ignore[assignment]

        return invoke

    server.invoker = invoker
    _workers(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for service in services.embedded_service(Path(folder)):
                _quiet()
                _time_api(service, cpu)
                yield Client(service, lambda _: None)
    finally:
        server.invoker = original


def _time_api(service: Any, cpu: Callable[[], Counter[str]]) -> None:
    """The client's own part of this process is counted too: it makes the API look dearer than it is."""
    real = service.http.request

    def request(*args: Any, **kwargs: Any) -> Any:
        before = time.process_time()
        try:
            return real(*args, **kwargs)
        finally:
            cpu()["api"] += time.process_time() - before  # type: ignore[assignment]

    service.http.request = request


def measure(options: argparse.Namespace, documents: list[Path]) -> job.Job:
    LATENCY[0] = options.latency
    spent: list[Counter[str]] = [Counter()]
    with on_embedded(lambda: spent[-1]) as client:
        project_id = client.read(documents)
        spent.append(Counter())
        client.make(project_id, options.pairs)
    phases = [Phase(billing.Meter(), Seen())]
    with on_aws(phases) as client:
        project_id = client.read(documents)
        parsed = _executions(phases[0], Counter())
        phases[0].seen.events = len(documents)
        phases.append(Phase(billing.Meter(), Seen()))
        run = client.make(project_id, options.pairs)
        phases[1].seen.bytes_out = client.bytes_out
        made = _executions(phases[1], Counter(executions=1, transitions=_of_states(parsed), maps=parsed["maps"]))
        kept = billing.stored("t-")
        words = _words(project_id)
    counts = run["counts"]
    assert counts["asked"] == counts["delivered"] + counts["rejected"] + counts["failed"], run
    reading, making = counts_of(phases[0], parsed, spent[0]), counts_of(phases[1], made, spent[1])
    logs = reading["log_gb"] + making["log_gb"]
    command = (
        f"python -m benchmarks.cost --pairs {options.pairs} --passages {options.passages} --latency {options.latency:g}"
    )
    return job.Job(
        date.today().isoformat(),
        command,
        round(words / WORDS_A_PAGE, 1),
        counts["delivered"],
        [*ASSUMED, f"a reply of the teacher takes {options.latency:g} s"],
        reading,
        making,
        {**kept, "log_gb_months": logs},
    )


def _of_states(done: Counter[str]) -> int:
    """Transitions of the parent execution alone."""
    return done["transitions"] - 2 * done["children"]


def _words(project_id: str) -> int:
    from dataforge.store import chunks

    return sum(len(chunk.content.split()) for chunk in chunks.of_project(project_id))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--passages", type=int, default=210, help="of 200 words, beside the documents of the handbook")
    parser.add_argument("--latency", type=float, default=3.0, help="seconds that a reply of the teacher takes")
    parser.add_argument("--write", action="store_true", help="keep the counts for `dataforge cost`")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        process([sys.executable, "-m", "benchmarks.stub", "--latency", str(options.latency)]) as stub,
    ):
        os.environ["OPENAI_BASE_URL"] = stub["url"]
        rules = Path(folder) / "rules.md"
        write_document(rules, options.passages)
        found = measure(options, [*sorted(HANDBOOK.iterdir()), rules])
    print(report.text(found), "\n\nIdle, a month, from the templates:")
    for stage in PRESETS:
        month = idle(synthesised({"stage": stage}))
        print(
            f"{stage:6}{total(month):8.2f}, without WAF {total(report.without_waf(month)):.2f}, "
            f"after free allowances {total(beyond_free(month)):.2f}"
        )
    if options.write:
        job.write(found)
        print(f"\nfor docs/cost.md and README.md, which a test compares:\n{report.markdown(found)}")


if __name__ == "__main__":
    main()

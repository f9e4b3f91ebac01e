"""What a cold start costs, function by function: `make bench-coldstart`.

Each function of the catalog is started in a fresh process, with the environment it has in a deployment, and given one
real event of a small project (the AWS SDK and our code are real; the stores answer over HTTP from another process, so
their CPU is not counted, nor is TLS, which loopback does not need). CPU seconds, median of 7: to import the handler,
and from then to its first answer; `children` is what the processes that it started have used (the isolated parser).
The heaviest imports are from `python -X importtime`, each with all that it imports for the first time.

A busy machine slows nothing down here but the wall clock, though neighbours on the same core cost up to a third.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.account import Account, account, gateway_event, put
from dataforge_infra import catalog

ROOT = Path(__file__).parents[1]
MOST = {catalog.API: 900}
MOST_STATE = 600
"""Milliseconds of import and first answer that we allow."""

# The interpreter is up and has what Lambda's own bootstrap needs; then our clock starts.
CHILD = """
import importlib, json, logging, os, resource, sys, time
sys.modules.update({name: None for name in json.loads(os.environ["BENCH_UNUSED"])})
class Context:
    aws_request_id = function_name = "bench"
    def get_remaining_time_in_millis(self): return 60_000
module, _, name = sys.argv[1].rpartition(".")
event = json.loads(sys.argv[2])
begun = time.process_time()
handler = getattr(importlib.import_module(module), name)
loaded = time.process_time()
answer = handler(event, Context())
done = time.process_time()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
children = used.ru_utime + used.ru_stime
print(json.dumps({"import": loaded - begun, "answer": done - loaded, "children": children, "said": answer}))
"""
DOCUMENT = "# Pumps\n\n" + "\n\n".join(
    f"## Pump {n}\n\nA type {n} pump is a machine that moves {n + 3} litres of sea water per minute. "
    f"The type {n} pump must be cleaned every {n + 2} days."
    for n in range(12)
)


@dataclass(frozen=True)
class Start:
    imported: float
    answered: float
    children: float


def environment(opened: Account, function: str) -> dict[str, str]:
    unused = json.dumps([folder.replace("/", ".") for folder in catalog.UNUSED])
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers/core"))),
        "BENCH_UNUSED": unused,
        "AWS_LAMBDA_FUNCTION_NAME": function,
        **opened.environment,
    }


def start(opened: Account, function: str, event: dict[str, Any]) -> tuple[Start, Any]:
    command = [sys.executable, "-c", CHILD, catalog.FUNCTIONS[function].handler, json.dumps(event)]
    done = subprocess.run(command, env=environment(opened, function), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{function} failed:\n{done.stderr[-3000:]}")
    report = json.loads(done.stdout.splitlines()[-1])
    return Start(report["import"] * 1000, report["answer"] * 1000, report["children"] * 1000), report["said"]


def heaviest(opened: Account, function: str, count: int = 3) -> list[tuple[str, float]]:
    """Packages by what their first import costs, whatever it draws in; nested ones are not counted twice."""
    module = catalog.FUNCTIONS[function].handler.rpartition(".")[0]
    program = (
        "import json, os, sys; sys.modules.update({n: None for n in json.loads(os.environ['BENCH_UNUSED'])})\n"
        f"import {module}, botocore.client, botocore.session"
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program],
        env=environment(opened, function),
        capture_output=True,
        text=True,
        check=True,
    )
    cost: dict[str, float] = {}
    for line in done.stderr.splitlines():
        _, microseconds, name = [*line.removeprefix("import time:").split("|"), "", ""][:3]
        package = name.strip().split(".")[0]
        if microseconds.strip().isdigit() and package not in ("dataforge_functions", "dataforge"):
            cost[package] = max(cost.get(package, 0.0), int(microseconds) / 1000)
    return sorted(cost.items(), key=lambda entry: -entry[1])[:count]


def events(opened: Account) -> Iterator[tuple[str, dict[str, Any]]]:
    """One event for each function, in the order in which a project needs them; what it does stays done."""
    from fastapi.testclient import TestClient

    from dataforge.store import api_keys, organisations, schema
    from dataforge_functions.api.main import create_app

    schema.bring_up()  # as `dataforge deploy` does
    org_id, user_id = organisations.create("Bench")
    headers = {"X-API-Key": api_keys.create_first(org_id, user_id, name="bench"), "X-Organization-ID": org_id}
    http = TestClient(create_app(), headers=headers)

    def call(method: str, path: str, body: object = None) -> Any:
        answer = http.request(method, f"/api/v1/data-forge{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    project = call("POST", "/projects", {"name": "Bench"})["projectId"]
    yield "api", gateway_event("GET", f"/api/v1/data-forge/projects/{project}", headers)
    yield "socket", {"requestContext": {"routeKey": "$connect", "connectionId": "c"}, "headers": headers}
    file = {"filename": "pumps.md", "content_type": "text/markdown", "file_size": len(DOCUMENT)}
    place = call("POST", f"/projects/{project}/upload-url", file)
    put(place["upload_url"], DOCUMENT.encode(), "text/markdown")
    yield "on_upload", {"detail": {"object": {"key": place["s3_key"]}}}
    call("POST", f"/projects/{project}/documents", {**file, "s3_key": place["s3_key"]})
    call("POST", f"/projects/{project}/parse")
    parse = opened.started("parse")
    planned = advance("plan_run", parse)
    yield "parse_document", opened.json_at(planned["batches_key"])[0]
    advance("close_run", planned)
    call("POST", f"/projects/{project}/generate", {"model_id": "extractive", "num_pairs": 12})
    generate = opened.started("generate")
    yield "plan_run", generate
    planned = advance("plan_run", generate)
    batch = opened.json_at(planned["batches_key"])[0]
    yield "record_failure", {**batch, "failure": {"Error": "Lambda.Unknown", "Cause": "{}"}}
    yield "generate_batch", batch
    yield "assess_run", planned
    yield "close_run", planned
    with batch_provider(opened):
        yield from batch_events(opened, call, project)
    call("DELETE", f"/projects/{project}")
    yield "erase", opened.started("erase")


@contextmanager
def batch_provider(opened: Account) -> Iterator[None]:
    """Answers the batch API for this process and those it starts. It forgets nothing: each round comes for the same."""
    from dataforge import settings
    from tests.support.batch_servers import KEY, BatchServer, Plot, serving

    stand_in = BatchServer(Plot(reply=lambda _: '{"pairs": []}'))

    def handle(method: str, path: str, headers: Any, raw: bytes) -> tuple[int, bytes]:
        known = {"Content-Type": headers["Content-Type"], "Authorization": f"Bearer {KEY}"}  # no secret is looked up
        return (200, b"{}") if method == "DELETE" else stand_in.handle(method, path, known, raw)

    with serving(handle) as address:
        address_setting = {"OPENAI_BASE_URL": f"{address}/v1"}
        opened.environment.update(address_setting)
        os.environ.update(address_setting)
        settings.get.cache_clear()
        yield


def batch_events(opened: Account, call: Any, project: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A run in batch mode, until its first job is collected."""
    body = {"model_id": "openai:stand-in", "num_pairs": 12, "config": {"mode": "batch"}}
    call("POST", f"/projects/{project}/generate", body)
    planned = advance("plan_run", opened.started("generate"))
    for batch in opened.json_at(planned["batches_key"]):
        advance("generate_batch", batch)
    yield "submit_jobs", planned
    waiting = advance("submit_jobs", planned)
    assert waiting["next"] == "wait", waiting
    yield "wait_for_jobs", {"token": "a-token", "state": waiting}
    yield "check_jobs", waiting
    while waiting["next"] == "wait":
        waiting = advance("check_jobs", waiting)
    yield "collect_replies", waiting
    yield "on_jobs_changed", {"detail": {"batchJobName": f"x-{waiting['run_id'][-26:]}-r0w0j0"}}
    state = opened.stop("generate", waiting["run_id"])
    detail = {"name": waiting["run_id"], "status": "ABORTED", "input": json.dumps(state)}
    yield "on_execution_failed", {"detail": detail}


def advance(function: str, event: dict[str, Any]) -> Any:
    """The same state, run in this process to get on."""
    import importlib

    module, _, name = catalog.FUNCTIONS[function].handler.rpartition(".")
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    return getattr(importlib.import_module(module), name)(event, context)


def measure(opened: Account, rounds: int) -> Iterator[tuple[str, list[Start]]]:
    for function, event in events(opened):
        before, starts = opened.snapshot(), []
        for _ in range(rounds):
            before.restore()
            started, said = start(opened, function, event)
            assert not isinstance(said, dict) or said.get("statusCode", 200) < 300, said
            starts.append(started)
        yield function, starts
        if function == "record_failure":
            before.restore()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="of which the median counts")
    options = parser.parse_args()
    print(f"{'CPU ms':20}{'import':>8}{'answer':>8}{'both':>8}{'target':>8}{'children':>10}  heaviest imports")
    late = []
    with account() as opened:
        for function, starts in measure(opened, options.rounds):
            imported, answered = (statistics.median(getattr(s, n) for s in starts) for n in ("imported", "answered"))
            both = statistics.median(s.imported + s.answered for s in starts)
            children = statistics.median(s.children for s in starts)
            most = MOST.get(function, MOST_STATE)
            names = ", ".join(f"{name} {ms:.0f}" for name, ms in heaviest(opened, function))
            row = f"{function:20}{imported:8.0f}{answered:8.0f}{both:8.0f}{most:8}{children:10.0f}"
            print(f"{row}  {names}", flush=True)
            late += [function] if both > most else []
    print(f"\nover target: {', '.join(late) or 'none'}; median of {options.rounds} fresh processes")
    print(f"python -m benchmarks.coldstart --rounds {options.rounds}")


if __name__ == "__main__":
    main()

"""What a function must not wait for before it answers; `make bench-coldstart` measures what is left."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader, Loader

from dataforge.platform.aws import clients
from dataforge_infra import catalog
from tests.support.library_patches import read_description
from tests.support.paths import ROOT

HEAVY = {
    "aiohttp",
    "aws_xray_sdk",
    "boto3",
    "fastapi_offline",
    "numpy",
    "phonenumbers",
    "requests",
    "s3transfer",
    "tiktoken",
}
"""Needed by some answers, by no first one of every function: imported where they are used."""
UTILITIES = {"data_classes", "jmespath_utils", "typing"}
"""What of Powertools' utilities may be imported; not `idempotency` (80 ms), `parser`, `parameters`."""


def fresh(program: str, **environment: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1", **environment},
    )
    return json.loads(done.stdout)


def test_no_handler_imports_what_its_first_answer_may_not_need() -> None:
    modules = sorted({f.handler.rpartition(".")[0] for f in catalog.FUNCTIONS.values()})
    program = f"import json, sys, {', '.join(modules)}, dataforge.platform.aws; print(json.dumps(list(sys.modules)))"

    loaded = fresh(program)

    assert HEAVY & set(loaded) == set()
    assert {m.split(".")[2] for m in loaded if m.startswith("aws_lambda_powertools.utilities.")} <= UTILITIES


def test_state_functions_leave_the_data_classes_of_events_alone() -> None:
    states = [f.handler.rpartition(".")[0] for f in catalog.FUNCTIONS.values()]
    modules = sorted(m for m in set(states) if not re.search(r"\.(on_\w+|socket)$", m))

    loaded = fresh(f"import json, sys, {', '.join(modules)}; print(json.dumps(list(sys.modules)))")

    assert not [m for m in loaded if m.startswith("aws_lambda_powertools.utilities.data_classes")]


@pytest.mark.parametrize("tracer", ["0", "1"])
def test_the_tracer_is_imported_only_with_its_option(tracer: str) -> None:
    program = "import json, sys, dataforge_functions.plan_run; print(json.dumps('aws_xray_sdk' in sys.modules))"

    loaded = fresh(program, AWS_LAMBDA_FUNCTION_NAME="plan_run", DATAFORGE_TRACER=tracer)

    assert loaded is (tracer == "1")


TRACED = """
import json, os
from aws_xray_sdk.core import xray_recorder
from dataforge_functions import plan_run
class Emitter:
    sent = []
    def send_entity(self, entity): self.sent.append(entity.serialize())
    def set_daemon_address(self, _): pass
class Context:
    aws_request_id = function_name = "test"
def fails(_): raise RuntimeError("401 for sk_" + "k" * 43)
xray_recorder.configure(emitter=Emitter())
told = []
for work in (lambda event: {"prompt": "quokka", **event}, fails):
    plan_run.run_states.plan_run = work
    try:
        told.append(plan_run.handler({"run_id": "gen_1"}, Context()))
    except RuntimeError as problem:
        told.append(str(problem))
print(json.dumps([told, Emitter.sent]))
"""


def test_a_trace_holds_no_answer_and_no_secret() -> None:
    trace = f"Root=1-{0xABC:08x}-{1:024x};Parent={2:016x};Sampled=1"
    runtime = {"AWS_LAMBDA_FUNCTION_NAME": "plan_run", "LAMBDA_TASK_ROOT": "/var/task", "_X_AMZN_TRACE_ID": trace}

    (answer, failed), sent = fresh(TRACED, DATAFORGE_TRACER="1", **runtime)

    assert (answer["run_id"], failed) == ("gen_1", "401 for [redacted]")
    assert [json.loads(one)["name"] for one in sent] == ["## handler"] * 2
    assert not [word for word in ("quokka", "kkkk") if word in "".join(sent)]


SNAPSHOT = """
import json
from dataforge_functions.api import main
from dataforge import platform
backend = platform._current
made = backend and [name for name in ("tables", "files", "workflows") if "_client" in vars(getattr(backend, name))]
print(json.dumps([made, main._lambda.cache_info().currsize]))
"""


def test_a_snapshot_holds_the_clients_and_the_app() -> None:
    facts = {"AWS_LAMBDA_FUNCTION_NAME": "api", "DATAFORGE_BUCKET": "b"}

    kept = fresh(SNAPSHOT, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start", **facts)
    cold = fresh(SNAPSHOT, AWS_LAMBDA_INITIALIZATION_TYPE="on-demand", **facts)

    assert kept == [["tables", "files", "workflows"], 1]
    assert cold == [None, 1]


class _Unread(JSONFileLoader):
    """Reads what clients of other tests have not worked on."""

    _load_file = read_description


def test_the_sdk_knows_the_services_we_call_as_it_describes_them_itself() -> None:
    called = {
        service
        for source in (ROOT / "layers/core/dataforge/platform/aws").glob("*.py")
        for service in re.findall(r'clients\.client\(\s*"([\w-]+)"', source.read_text("utf-8"))
    }
    ours, own = clients._Descriptions(), Loader(file_loader=_Unread())

    same = {s: ours.load_service_model(s, "service-2") == own.load_service_model(s, "service-2") for s in called}

    assert same == dict.fromkeys(clients.SERVICES, True)

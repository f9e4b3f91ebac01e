"""What a function must not wait for before it answers; `make bench-coldstart` measures what is left."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader

from dataforge.platform.aws import clients
from infra import catalog
from tests.speed import read_description

ROOT = Path(__file__).parents[2]
HEAVY = {"aiohttp", "boto3", "fastapi_offline", "numpy", "requests", "s3transfer", "tiktoken"}
"""Needed by some answers, by no first one of every function: imported where they are used."""


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


SNAPSHOT = """
import json
from functions.api import main
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
        for service in re.findall(r'clients\.client\(\s*"(\w+)"', source.read_text("utf-8"))
    }
    ours, own = clients._Descriptions(), Loader(file_loader=_Unread())

    same = {s: ours.load_service_model(s, "service-2") == own.load_service_model(s, "service-2") for s in called}

    assert same == dict.fromkeys(clients.SERVICES, True)

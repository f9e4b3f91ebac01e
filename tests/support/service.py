"""The whole service on either backend: the API in this process, its state machines really executed."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from fastapi.testclient import TestClient
from moto import mock_aws

from dataforge import platform
from dataforge.platform.aws.inference import AwsInference
from dataforge.platform.aws.sagemaker_jobs import SageMakerTrainer
from dataforge.platform.aws.stepfunctions import StepFunctionsWorkflows
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.platform.embedded.publisher import InProcessPublisher
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.ports import Platform
from dataforge.store import api_keys, organisations, schema
from dataforge_infra import catalog
from dataforge_infra.local.platform import Workers
from tests.support import shared_workers, stepfunctions_moto
from tests.support.enforced_rights import Watch
from tests.support.sagemaker_jobs import PROGRAM, SageMaker, as_json

# No suite may run into a rate limit; the tests of the limits set their own.
os.environ.update(
    {f"DATAFORGE_RATE_{api}": "0" for api in ("DATA_FORGE", "SYNTHETIC", "DATASETS", "TRAINING", "ACCOUNTS")}
)

# What trains in tests: a real process that keeps the contract of the training container, and trains nothing.
os.environ.update(
    DATAFORGE_TRAINING_PROGRAM=PROGRAM,
    DATAFORGE_TRAINING_ROLE="arn:aws:iam::123456789012:role/train",
    DATAFORGE_TRAINING_IMAGE="123456789012.dkr.ecr.us-east-1.amazonaws.com/dataforge-test-training:1",
    DATAFORGE_TRAINING_POLL="1",
)

BASE = "/api/v1/data-forge"


MakeWorkers = Callable[[Path, int], Workers]

aws_is_slow = pytest.mark.parametrize(
    "service", ["embedded", pytest.param("aws", marks=pytest.mark.slow)], indirect=True
)
"""For tests of state machines that wait for a provider's jobs, and of what a teacher is asked and how its replies are
read: on AWS they belong to the slow suite, except one of each feature."""


BUCKET = "forge-test"


@dataclass
class Service:
    """What a client sees, and nothing more; `other()` is a member of another organisation."""

    http: TestClient
    headers: dict[str, str]
    put: Callable[[str, bytes, str], int]
    """(presigned URL, bytes, content type) -> HTTP status."""
    fetch: Callable[[str], bytes]
    backend: str = "embedded"
    sagemaker: SageMaker | None = None
    """Of the backend aws."""

    def call(self, method: str, path: str, *, json: object = None, expect: int = 200, **params: Any) -> Any:
        response = self.http.request(method, BASE + path, json=json, params=params, headers=self.headers)
        assert response.status_code == expect, response.text
        return response.json()

    def project(self, **fields: object) -> str:
        return self.call("POST", "/projects", json={"name": "Harbour", **fields}, expect=201)["projectId"]

    def upload(self, project_id: str, name: str, data: bytes, content_type: str = "text/markdown") -> dict[str, Any]:
        answer = {"filename": name, "content_type": content_type, "file_size": len(data)}
        place = self.call("POST", f"/projects/{project_id}/upload-url", json=answer)
        assert self.put(place["upload_url"], data, content_type) == 200
        return self.call(
            "POST", f"/projects/{project_id}/documents", json={**answer, "s3_key": place["s3_key"]}, expect=201
        )

    def wait(self, generation_id: str, *, seconds: float = 60) -> dict[str, Any]:
        """The run once it has ended. The API is asked now and then, the table in between: one read, not a dozen."""
        end = time.monotonic() + seconds
        while True:
            run = self.call("GET", f"/generations/{generation_id}")
            if run["status"] in ("completed", "failed") or (run["status"] == "cancelled" and run["completedAt"]):
                return run
            assert time.monotonic() < end, run
            self.doze(generation_id)

    def doze(self, generation_id: str) -> None:
        """Half a second, less when the run ends."""
        key = {"org_id": self.headers["X-Organization-ID"], "run_id": generation_id}
        for _ in range(10):
            time.sleep(0.05)
            run = platform.current().tables.get("runs", key)
            if run is not None and run.get("completed_at"):
                return

    def parse(self, project_id: str) -> dict[str, Any]:
        return self.wait(self.call("POST", f"/projects/{project_id}/parse")["generation_id"])

    def generate(self, project_id: str, **request: object) -> dict[str, Any]:
        body = {"model_id": "extractive", **request}
        return self.wait(self.call("POST", f"/projects/{project_id}/generate", json=body)["generationId"])

    def other(self) -> Service:
        return Service(self.http, new_member(), self.put, self.fetch, self.backend, self.sagemaker)


def new_member() -> dict[str, str]:
    """Headers of the first member of a new organisation."""
    org_id, user_id = organisations.create("org")
    return {"X-API-Key": api_keys.create_first(org_id, user_id, name="test"), "X-Organization-ID": org_id}


def handler(function: str) -> Callable[[dict[str, Any], object], Any]:
    module, _, name = catalog.FUNCTIONS[function].handler.rpartition(".")
    return getattr(importlib.import_module(module), name)


def embedded_service(home: Path, make_workers: MakeWorkers = shared_workers.make_workers) -> Iterator[Service]:
    from dataforge_functions.api.main import create_app
    from dataforge_infra.local.server import add_file_routes, machine

    with machine(home, "http://testserver", make_workers=make_workers) as (plugged, _):
        app = create_app()
        assert isinstance(plugged.files, LocalFiles)
        add_file_routes(app, plugged.files)
        with TestClient(app, raise_server_exceptions=False) as http:  # one loop for all requests

            def put(url: str, data: bytes, content_type: str) -> int:
                return http.put(url, content=data, headers={"Content-Type": content_type}).status_code

            yield Service(http, new_member(), put, lambda url: http.get(url).content)


def aws_service(_: Path) -> Iterator[Service]:
    from dataforge.platform.aws.dynamo import DynamoTables
    from dataforge.platform.aws.s3 import S3Files
    from dataforge_functions.api.main import create_app
    from tests.support.storage_backends import create_dynamo_tables

    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1")
    watch = Watch()
    handlers = {catalog.camel(n): watch.handler(n, handler(n)) for n in catalog.FUNCTIONS if n != "api"}
    definitions = {name: stepfunctions_moto.definition(name) for name in catalog.WORKFLOWS}
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        create_dynamo_tables(boto3.client("dynamodb"), "t-")
        sagemaker = SageMaker(lambda event: handlers["OnTrainingChanged"](as_json(event), None))
        with stepfunctions_moto.deploy(handlers, definitions, BUCKET) as arns:
            plugged = Platform(
                name="aws",
                tables=DynamoTables("t-"),
                files=S3Files(BUCKET),
                workflows=StepFunctionsWorkflows(arns),
                publisher=InProcessPublisher(),
                secrets=EnvironmentSecrets(None),
                trainer=SageMakerTrainer(BUCKET, client=sagemaker),
                inference=AwsInference(BUCKET, S3Files(BUCKET)),
            )
            platform.use(watch.platform(plugged))
            schema.bring_up()  # as `dataforge deploy` does

            def put(url: str, data: bytes, content_type: str) -> int:
                return requests.put(url, data=data, headers={"Content-Type": content_type}, timeout=10).status_code

            with TestClient(create_app(), raise_server_exceptions=False) as http:
                fetch = lambda url: requests.get(url, timeout=10).content  # noqa: E731
                yield Service(http, new_member(), put, fetch, "aws", sagemaker)
            sagemaker.close()
            platform.use(None)
            assert watch.violations == set(), f"functions did what their roles do not allow: {sorted(watch.violations)}"

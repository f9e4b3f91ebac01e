"""SageMaker's training jobs for tests: moto takes the requests, and the stand-in program runs in a process of its own,
with a tree that is filled from S3 and copied back to it, as SageMaker does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.support.paths import ROOT

PROGRAM = f"{sys.executable} {ROOT / 'tests/support/training_program.py'}"
Json = dict[str, Any]


@dataclass
class Job:
    request: Json
    status: str = "InProgress"
    secondary: str = "Starting"
    failure: str | None = None
    stopped: bool = False
    process: subprocess.Popen[bytes] | None = None


@dataclass
class SageMaker:
    """In the place of the client of `SageMakerTrainer`. changed: called with what EventBridge would bring."""

    changed: Callable[[Json], object] = lambda event: None
    jobs: dict[str, Job] = field(default_factory=dict)
    reclaim: set[str] = field(default_factory=set)
    """Jobs that fail once with a fault of AWS after some steps."""

    def __post_init__(self) -> None:
        self._moto: Any = boto3.client("sagemaker")
        self._s3: Any = boto3.client("s3")
        self.exceptions = self._moto.exceptions
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()

    def create_training_job(self, **request: Any) -> Json:
        """botocore checks the request against its model; moto would take a name twice."""
        if request["TrainingJobName"] in self.jobs:
            taken = {"Code": "ResourceInUse", "Message": "Training job names must be unique within an AWS account"}
            raise ClientError({"Error": taken}, "CreateTrainingJob")
        made: Json = self._moto.create_training_job(**request)
        name = request["TrainingJobName"]
        self.jobs[name] = Job(request)
        thread = threading.Thread(target=self._run, args=(name,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return made

    def describe_training_job(self, *, TrainingJobName: str) -> Json:
        found: Json = self._moto.describe_training_job(TrainingJobName=TrainingJobName)
        job = self.jobs[TrainingJobName]
        ours: Json = {"TrainingJobStatus": job.status, "SecondaryStatus": job.secondary}
        if job.failure:
            ours["FailureReason"] = job.failure
        return {**found, **ours, "FinalMetricDataList": []}

    def stop_training_job(self, *, TrainingJobName: str) -> None:
        job = self.jobs[TrainingJobName]
        if job.status == "InProgress":
            job.status, job.stopped = "Stopping", True
            if job.process:
                job.process.terminate()

    def close(self) -> None:
        self._closing.set()
        for job in self.jobs.values():
            if job.process and job.process.poll() is None:
                job.process.kill()
        for thread in self._threads:
            thread.join(10)

    def _run(self, name: str) -> None:
        job = self.jobs[name]
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "ml"
            for channel in job.request["InputDataConfig"]:
                source = channel["DataSource"]["S3DataSource"]["S3Uri"]
                self._download(source, root / "input/data" / channel["ChannelName"])
            self._download(job.request["CheckpointConfig"]["S3Uri"], root / "checkpoints")
            (root / "checkpoints").mkdir(exist_ok=True)
            job.process = subprocess.Popen([*PROGRAM.split(), "--root", str(root)], env=dict(os.environ))
            if job.stopped:
                job.process.terminate()
            job.secondary = "Training"
            code = self._watch(name, root)
            self._end(name, root, code)
        if not self._closing.is_set():
            detail = {"TrainingJobName": name, "TrainingJobStatus": job.status}
            self.changed(
                {"detail-type": "SageMaker Training Job State Change", "source": "aws.sagemaker", "detail": detail}
            )

    def _watch(self, name: str, root: Path) -> int:
        job, sent = self.jobs[name], 0
        assert job.process is not None
        while job.process.poll() is None and not self._closing.is_set():
            time.sleep(0.05)
            progress = root / "checkpoints/progress.jsonl"
            if progress.exists() and progress.stat().st_size != sent:
                sent = progress.stat().st_size
                self._upload(progress, f"{self._key(job, 'CheckpointConfig')}/progress.jsonl")
            if name in self.reclaim and sent > 2000:
                self.reclaim.discard(name)
                job.failure = "InternalServerError: We encountered an internal error. Please try again."
                job.process.terminate()
        return job.process.wait()

    def _end(self, name: str, root: Path, code: int) -> None:
        job = self.jobs[name]
        if self._closing.is_set():
            return
        for path in (root / "checkpoints").rglob("*"):
            if path.is_file():
                self._upload(path, f"{self._key(job, 'CheckpointConfig')}/{path.relative_to(root / 'checkpoints')}")
        if job.failure or code:
            said = root / "output/failure"
            why = said.read_text() if said.exists() else ""
            job.failure = job.failure or f"AlgorithmError: {why}, exit code: {code}"
            job.status = job.secondary = "Failed"
        elif job.stopped:
            job.status = job.secondary = "Stopped"
        else:
            for path in (root / "model").rglob("*"):
                if path.is_file():
                    self._upload(
                        path,
                        f"{self._key(job, 'OutputDataConfig')}/{name}/output/model/{path.relative_to(root / 'model')}",
                    )
            job.status = job.secondary = "Completed"

    @staticmethod
    def _key(job: Job, part: str) -> str:
        uri = job.request[part].get("S3Uri") or job.request[part]["S3OutputPath"]
        return str(uri).removeprefix("s3://").partition("/")[2]

    def _download(self, uri: str, place: Path) -> None:
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        prefix = prefix.rstrip("/") + "/"
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", ()):
                path = place / found["Key"].removeprefix(prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())

    def _upload(self, path: Path, key: str) -> None:
        bucket = self.bucket
        self._s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        if key.endswith("/progress.jsonl") and not self._closing.is_set():
            detail = {"bucket": {"name": bucket}, "object": {"key": key}}
            self.changed({"detail-type": "Object Created", "source": "aws.s3", "detail": detail})

    @property
    def bucket(self) -> str:
        job = next(iter(self.jobs.values()))
        return str(job.request["CheckpointConfig"]["S3Uri"].removeprefix("s3://").partition("/")[0])


def as_json(value: Json) -> Json:
    """As an event arrives."""
    return json.loads(json.dumps(value))  # type: ignore[no-any-return]

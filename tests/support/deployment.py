"""The command that deploys, and the service that it deployed on the emulator."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests

from dataforge_client import DataForge
from tests.support import emulator
from tests.support.emulator import Bed
from tests.support.paths import ROOT


@dataclass(frozen=True)
class Kept:
    """What the last release was given before today's templates came."""

    project_id: str
    document: bytes
    chunks: list[str]
    physical: dict[str, str]
    """Logical id of the data stack -> name of the table or bucket."""


@dataclass
class Deployed:
    bed: Bed
    assembly: Path
    outputs: dict[str, Any]
    """What the command said at the end."""
    stderr: str
    """Of the first deployment, which was of the last release."""
    upgrade: str
    """Stderr of the deployment of today's over it."""
    kept: Kept

    def client(self) -> DataForge:
        return DataForge(
            self.bed.rest(self.outputs["ApiUrl"]), self.outputs["api_key"], self.outputs["organization_id"]
        )

    def stranger(self) -> DataForge:
        """A member of another organisation."""
        done = command(self.bed, "deploy", "--assembly", str(self.assembly), "--new-organization", "Elsewhere")
        answer = json.loads(done.stdout)
        return DataForge(self.bed.rest(answer["ApiUrl"]), answer["api_key"], answer["organization_id"])

    def aws(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.bed.url,
            region_name=emulator.REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


def command(bed: Bed, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dataforge_infra.deploy", *words],
        cwd=ROOT,
        env=bed.environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


def synthesised(bed: Bed, folder: Path, *context: str) -> Path:
    """As for an account, but with layers that run on this machine's interpreter."""
    flags = [word for pair in ("layers=host", *context) for word in ("-c", pair)]
    done = subprocess.run(
        [sys.executable, "-m", "dataforge_infra.app", *flags, "-o", str(folder)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    emulator.fit(folder, bed)
    return folder


def physical(bed: Bed) -> dict[str, str]:
    """What holds data, by its logical id."""
    cloudformation = boto3.client(
        "cloudformation",
        endpoint_url=bed.url,
        region_name=emulator.REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    found = cloudformation.describe_stack_resources(StackName="dataforge-dev-data")["StackResources"]
    kinds = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found if r["ResourceType"] in kinds}


def put_in(bed: Bed, answer: dict[str, Any]) -> Kept:
    """A document, read into chunks by the release."""
    text = b"# Berths\n\nA berth is a place at the quay where a vessel may lie.\n"
    with DataForge(bed.rest(answer["ApiUrl"]), answer["api_key"], answer["organization_id"]) as data_forge:
        project_id = data_forge.create_project("Before").project_id
        place = data_forge.create_upload_url(project_id, "berths.md", content_type="text/markdown", file_size=len(text))
        requests.put(place.upload_url, data=text, headers={"Content-Type": "text/markdown"}, timeout=10)
        data_forge.register_document(project_id, "berths.md", place.s3_key, len(text))
        data_forge.wait(data_forge.parse(project_id).generation_id, timeout=120)
        chunks = [chunk.content for chunk in data_forge.iter_chunks(project_id)]
    assert chunks
    return Kept(project_id, text, chunks, physical(bed))

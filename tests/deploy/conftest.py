"""The real templates, deployed once by the real command, and the service that stands there."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from dataforge_client import DataForge
from tests.deploy import emulator
from tests.deploy.emulator import ROOT, Bed


@dataclass
class Deployed:
    bed: Bed
    assembly: Path
    told: dict[str, Any]
    """What the command said at the end."""
    stderr: str

    def client(self) -> DataForge:
        return DataForge(self.bed.rest(self.told["ApiUrl"]), self.told["api_key"], self.told["organization_id"])

    def stranger(self) -> DataForge:
        """A member of another organisation."""
        done = command(self.bed, "deploy", "--assembly", str(self.assembly), "--first-key", "Elsewhere")
        told = json.loads(done.stdout)
        return DataForge(self.bed.rest(told["ApiUrl"]), told["api_key"], told["organization_id"])

    def aws(self, service: str) -> Any:
        return boto3.client(
            service, endpoint_url=self.bed.url, region_name=emulator.REGION, aws_access_key_id="test",
            aws_secret_access_key="test",
        )


def command(bed: Bed, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.deploy", *words], cwd=ROOT, env=bed.environment(), check=False,
        capture_output=True, text=True, timeout=300,
    )


def synthesised(bed: Bed, folder: Path, *context: str) -> Path:
    """As for an account, but with layers that run on this machine's interpreter."""
    flags = [word for pair in ("layers=host", *context) for word in ("-c", pair)]
    done = subprocess.run(
        [sys.executable, "-m", "infra.app", *flags, "-o", str(folder)], cwd=ROOT, check=False, capture_output=True,
        text=True, timeout=300,
    )
    assert done.returncode == 0, done.stderr
    emulator.fit(folder, bed)
    return folder


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def deployed(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    assembly = synthesised(bed, tmp_path_factory.mktemp("cdk") / "out", "waf=yes")
    profiles = tmp_path_factory.mktemp("config") / "profiles.toml"
    done = subprocess.run(
        [sys.executable, "-m", "dataforge_client.cli", "deploy", "--stage", "dev", "--assembly", str(assembly)],
        cwd=ROOT, env={**bed.environment(), "DATAFORGE_CONFIG": str(profiles)}, check=False, capture_output=True,
        text=True, timeout=300,
    )
    assert done.returncode == 0, f"{done.stderr}\n{bed.log.read_text()[-3000:]}"
    outputs = json.loads(command(bed, "deploy", "--assembly", str(assembly)).stdout)
    written = tomllib.loads(profiles.read_text())["dev"]
    assert written["url"] == outputs["ApiUrl"].rstrip("/")
    assert profiles.stat().st_mode & 0o077 == 0
    return Deployed(bed, assembly, {**outputs, **written}, done.stderr)

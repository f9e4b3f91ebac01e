"""The real templates, deployed once by the real command, and the service that stands there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest

from tests.support import emulator, last_release
from tests.support.deployment import Deployed, command, put_in, synthesised
from tests.support.emulator import Bed
from tests.support.paths import ROOT


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with emulator.running(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def deployed(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """The last release, something put into it, and today's templates over it: all other tests run on that."""
    assembly = synthesised(bed, tmp_path_factory.mktemp("cdk") / "out", "waf=yes", "training=yes")
    old = tmp_path_factory.mktemp("cdk") / "release"
    shutil.copytree(assembly, old)
    last_release.lay_over(old)
    emulator.fit(old, bed)
    profiles = tmp_path_factory.mktemp("config") / "profiles.toml"
    done = subprocess.run(
        [sys.executable, "-m", "dataforge_client.cli", "deploy", "--stage", "dev", "--assembly", str(old)],
        cwd=ROOT,
        env={**bed.environment(), "DATAFORGE_CONFIG": str(profiles)},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stderr}\n{bed.log.read_text()[-3000:]}"
    outputs = json.loads(command(bed, "deploy", "--assembly", str(old)).stdout)
    written = tomllib.loads(profiles.read_text())["dev"]
    assert written["url"] == outputs["ApiUrl"].rstrip("/")
    assert profiles.stat().st_mode & 0o077 == 0
    answer = {**outputs, **written}
    kept = put_in(bed, answer)
    upgraded = command(bed, "deploy", "--assembly", str(assembly))
    assert upgraded.returncode == 0, f"{upgraded.stderr}\n{bed.log.read_text()[-3000:]}"
    return Deployed(bed, assembly, {**answer, **json.loads(upgraded.stdout)}, done.stderr, upgraded.stderr, kept)

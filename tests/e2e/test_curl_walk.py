"""The walk of docs/api.md from a key to a dataset, run as it stands there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import textwrap
from pathlib import Path

from tests.support.paths import DOCS
from tests.support.server_processes import Machine

WALK = re.search(
    r"^## From a key to a dataset\n(?:(?!    ).*\n)+((?:    .*\n|\n)+)", (DOCS / "api.md").read_text(), re.MULTILINE
)


def test_the_walk_from_a_key_to_a_dataset(machine: Machine, tmp_path: Path) -> None:
    assert WALK is not None
    server = machine.server(tmp_path / "home")
    credentials = json.loads(Path(server.ready["credentials"]).read_text())
    (tmp_path / "walk").mkdir()

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", textwrap.dedent(WALK.group(1))],
        cwd=tmp_path / "walk",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "URL": server.ready["url"],
            "KEY": credentials["api_key"],
            "ORG": server.ready["organization_id"],
        },
    )

    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in (tmp_path / "walk/dataset.jsonl").read_text().splitlines()]
    assert 1 <= len(lines) <= 4
    assert [m["role"] for m in lines[0]["messages"]] == ["user", "assistant"]

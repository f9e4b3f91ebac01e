"""The examples of docs/sdk.md, run as they stand there against a real server; only its address and keys are put in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.paths import DOCS, ROOT
from tests.support.sagemaker_jobs import PROGRAM
from tests.support.server_processes import Machine

EXAMPLES = re.findall(r"^```python\n(.*?)^```", (DOCS / "sdk.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
HANDBOOK = ROOT / "examples/handbook"


def test_the_examples_of_the_page(machine: Machine, tmp_path: Path) -> None:
    stand_ins = {
        "DATAFORGE_TRAINING_PROGRAM": PROGRAM,
        "DATAFORGE_SERVING_PROGRAM": f"{sys.executable} -m tests.support.model_program",
        "PYTHONPATH": str(ROOT),
    }
    server = machine.server(tmp_path / "home", **stand_ins)
    key = json.loads(Path(server.ready["credentials"]).read_text())["api_key"]
    work = tmp_path / "work"
    shutil.copytree(HANDBOOK, work / "documents")
    (work / "documents/photo.raw").touch()
    shutil.copy(next(HANDBOOK.glob("*.pdf")), work / "handbook.pdf")
    said = []

    for example in EXAMPLES:
        code = example.replace("https://forge.example.com", server.ready["url"]).replace("sk_...", key)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code.replace("org_...", server.ready["organization_id"])],
            cwd=work,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{example}\n{done.stdout}{done.stderr}"
        said.append(done.stdout)

    assert len(EXAMPLES) == 5
    assert len((work / "dataset.jsonl").read_text().splitlines()) > 0
    assert "photo.raw unsupported" in said[1]
    assert "How long is the leave?" in said[2]
    assert server.ready["organization_id"] in said[3]

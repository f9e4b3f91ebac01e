"""The main job through the deployed API: requests go to the REST URL, states run from the uploaded archives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from dataforge_client import DataForge
from dataforge_client.errors import AuthenticationError, NotFound
from tests.support import emulator
from tests.support.deployment import Deployed, command
from tests.support.paths import ROOT
from tests.support.waiting import until

pytestmark = pytest.mark.deploy
HANDBOOK = sorted(p for p in (ROOT / "examples/handbook").iterdir() if p.is_file())


def handbook(data_forge: DataForge) -> str:
    project_id = data_forge.create_project("Handbook").project_id
    for path in HANDBOOK:
        data_forge.upload_file(project_id, path)
    return project_id


# checklist 1, 3, 12, 14, 16, 18, 19, 22, 25, 33, 34, 37, 38, 39, 44, 46
def test_documents_become_a_dataset_and_every_count_agrees(deployed: Deployed, tmp_path: Path) -> None:
    out = tmp_path / "dataset.jsonl"

    with deployed.client() as data_forge:
        project_id = handbook(data_forge)
        parsed = data_forge.wait(data_forge.parse(project_id).generation_id, timeout=120)
        config = {"auto_accept_min_quality": 0.6}
        made = data_forge.wait(
            data_forge.generate(project_id, "extractive", num_pairs=60, config=config).generation_id, timeout=240
        )
        exported = data_forge.export(project_id)
        data_forge.download_export(project_id, exported.version, out)
        documents, chunks = data_forge.list_documents(project_id), list(data_forge.iter_chunks(project_id))
        pairs = list(data_forge.iter_pairs(project_id))
        accepted = list(data_forge.iter_pairs(project_id, status="accepted"))
        log = data_forge.get_generation_logs(made.generation_id)

    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert (parsed.status, made.status, made.progress) == ("completed", "completed", 100)
    assert {document.parsing_status for document in documents} == {"parsed"}
    assert sum(document.chunk_count for document in documents) == len(chunks) > 20
    assert made.counts.asked == made.counts.delivered + made.counts.rejected + made.counts.failed
    assert made.counts.delivered == len([pair for pair in pairs if pair.status != "rejected"]) >= 60
    assert 0 < len(accepted) == len(lines) == exported.pair_count
    assert {line["messages"][-1]["content"] for line in lines} == {pair.answer for pair in accepted}
    assert [entry.stage for entry in log]


def test_the_command_runs_against_the_deployment_by_its_profile(deployed: Deployed, tmp_path: Path) -> None:
    profiles, out = tmp_path / "profiles.toml", tmp_path / "dataset.jsonl"
    written = {
        "url": deployed.bed.rest(deployed.outputs["ApiUrl"]),
        "api_key": deployed.outputs["api_key"],
        "organization_id": deployed.outputs["organization_id"],
    }  # as deployed, at the emulator's address
    profiles.write_text("[dev]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in written.items()))
    profiles.chmod(0o600)

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "dataforge_client.cli",
            "run",
            str(ROOT / "examples/handbook"),
            "--profile",
            "dev",
            "--pairs",
            "20",
            "--out",
            str(out),
            "--json",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DATAFORGE_CONFIG": str(profiles)},
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert len(out.read_text("utf-8").splitlines()) == 20
    assert deployed.outputs["api_key"] not in done.stdout + done.stderr
    assert result["exit_code"] == 0


# checklist 1, 8
def test_other_organisations_are_refused(deployed: Deployed) -> None:
    address = deployed.bed.rest(deployed.outputs["ApiUrl"])
    with deployed.client() as data_forge:
        project_id = data_forge.create_project("Mine").project_id

    with (
        DataForge(address, "sk_wrong", deployed.outputs["organization_id"]) as stranger,
        pytest.raises(AuthenticationError),
    ):
        stranger.list_projects()
    with deployed.stranger() as neighbour, pytest.raises(NotFound):
        neighbour.get_project(project_id)


# checklist 12
def test_an_upload_address_takes_exactly_what_was_announced(deployed: Deployed) -> None:
    with deployed.client() as data_forge:
        project_id = data_forge.create_project("Uploads").project_id
        place = data_forge.create_upload_url(project_id, "a.md", content_type="text/markdown", file_size=5)

        def put(body: bytes, kind: str) -> int:
            return requests.put(place.upload_url, data=body, headers={"Content-Type": kind}, timeout=10).status_code

        assert put(b"too long", "text/markdown") in (400, 403)
        assert put(b"right", "text/html") in (400, 403)
        assert put(b"right", "text/markdown") == 200
        assert data_forge.register_document(project_id, "a.md", place.s3_key, 5).file_size == 5


def test_a_second_deployment_of_the_same_changes_nothing(deployed: Deployed) -> None:
    done = command(deployed.bed, "deploy", "--assembly", str(deployed.assembly))

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("nothing to change") == 2
    assert "uploading" not in done.stderr
    assert "api_key" not in json.loads(done.stdout)


def test_functions_find_their_packages_in_the_uploaded_layers_alone() -> None:
    program = "import importlib.util as u; print([n for n in ('fastapi', 'orjson', 'lxml') if u.find_spec(n)])"

    done = subprocess.run([emulator.PYTHON, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_nothing_of_the_bed_listens_or_talks_beyond_this_machine(deployed: Deployed) -> None:
    sockets = emulator.sockets_of(deployed.bed.process.pid)

    assert ("127.0.0.1", "LISTEN") in sockets
    assert {address for address, _ in sockets} == {"127.0.0.1"}


# checklist 14, 18
def test_a_file_is_looked_at_as_soon_as_it_is_there(deployed: Deployed) -> None:
    """S3's event reaches the deployed function by the rule of the template."""
    text = b"# Berths\n\nA berth is a place at the quay.\n"
    tables = deployed.aws("dynamodb")

    with deployed.client() as data_forge:
        project_id = data_forge.create_project("Events").project_id
        place = data_forge.create_upload_url(project_id, "a.md", content_type="text/markdown", file_size=len(text))
        requests.put(place.upload_url, data=text, headers={"Content-Type": "text/markdown"}, timeout=10)

    key = {"project_id": {"S": project_id}, "s3_key": {"S": place.s3_key}}
    assert until(lambda: "finding" in tables.get_item(TableName="dataforge-dev-uploads", Key=key).get("Item", {}))

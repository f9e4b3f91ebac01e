"""A training outlives its server: kill -9, an orderly end, and the death of everything at once."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from dataforge import platform
from dataforge.workflows.training import uploads
from dataforge_infra.local.platform import build
from tests.support import training_program
from tests.support.sagemaker_jobs import PROGRAM
from tests.support.server_processes import Machine, Process
from tests.support.waiting import alive, until

LINES = 60
ENVIRONMENT = {"DATAFORGE_TRAINING_PROGRAM": PROGRAM, "STAND_IN": "slow", "DATAFORGE_TRAINING_POLL": "1"}
Json = dict[str, Any]


def call(server: Process, method: str, path: str, body: Json | None = None) -> Json:
    """Without a key: the server hears this machine only."""
    answer = httpx.request(method, f"{server.ready['url']}/api{path}", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def begun(machine: Machine, home: Path) -> tuple[Process, str]:
    """A server whose training has come some steps far."""
    server = machine.server(home, **ENVIRONMENT)
    platform.use(build(home, base_url=lambda: "", invoke=lambda *_: {}))
    rows = [{"input": f"What is rule {n}?", "output": f"Rule {n} is kept."} for n in range(LINES)]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    uploads.receive(server.ready["organization_id"], "rules.jsonl", [data])
    platform.use(None)
    request = {"task": "text-generation", "model_name": "tiny/model", "dataset": "rules.jsonl"}
    job_id = call(server, "POST", "/start_training", request)["job_id"]
    until(lambda: call(server, "GET", "/training_status")["current_step"] >= 7, "it does not train")
    return server, job_id


def ended(server: Process) -> Json:
    def look() -> Json | None:
        found = call(server, "GET", "/training_status")
        return found if found["status"] != "training" else None

    return until(look, "it never ends") or {}


def root_of(home: Path, job_id: str) -> Path:
    return home / "training" / job_id / "opt/ml"


def trained_on(home: Path, server: Process, job_id: str) -> tuple[str, str]:
    """The digest of what the program trained on, and what it should be."""
    platform.use(build(home, base_url=lambda: "", invoke=lambda *_: {}))
    run = f"data-forge/training/{server.ready['organization_id']}/runs/{job_id}"
    files = platform.current().files
    lines = files.read(f"{run}/input/data/train/train.jsonl").decode().splitlines()
    [model] = [f.key for f in files.list(f"{run}/output/") if f.key.endswith("/model/model.json")]
    seen = json.loads(files.read(model))["seen"]
    platform.use(None)
    return seen, training_program.digest(lines)


# checklist 185
def test_a_training_goes_on_while_its_server_is_dead(machine: Machine, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server, job_id = begun(machine, home)
    program = int((root_of(home, job_id) / "checkpoints/main.pid").read_text())

    server.kill()
    time.sleep(0.2)
    assert alive(program), "it does not notice"
    again = machine.server(home, **ENVIRONMENT)
    done = ended(again)

    assert done["status"] == "completed"
    seen, expected = trained_on(home, again, job_id)
    assert seen == expected, "every line once, in its order"
    assert not alive(program)


def test_a_training_of_an_orderly_end_resumes_at_the_next_start(machine: Machine, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server, job_id = begun(machine, home)
    program = int((root_of(home, job_id) / "checkpoints/main.pid").read_text())

    server.stop()
    until(lambda: not alive(program), "the training did not end with its server", 20)
    assert list((root_of(home, job_id) / "checkpoints").glob("checkpoint-*"))
    again = machine.server(home, **ENVIRONMENT)
    done = ended(again)

    assert done["status"] == "completed"
    seen, expected = trained_on(home, again, job_id)
    assert seen == expected
    assert call(again, "GET", "/models")["models"][0]["id"] == 1


def test_a_training_resumes_after_everything_has_died(machine: Machine, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server, job_id = begun(machine, home)
    program = int((root_of(home, job_id) / "checkpoints/main.pid").read_text())

    server.kill()
    supervisor = int(Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not alive(program), "the program outlived its supervisor", 10)
    again = machine.server(home, **ENVIRONMENT)
    done = ended(again)

    assert done["status"] == "completed"
    seen, expected = trained_on(home, again, job_id)
    assert seen == expected


def test_stopped_while_the_server_was_away_nothing_is_left(machine: Machine, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server, job_id = begun(machine, home)
    program = int((root_of(home, job_id) / "checkpoints/main.pid").read_text())

    assert call(server, "POST", "/stop_training")["status"] == "stopped"
    server.kill()
    again = machine.server(home, **ENVIRONMENT)

    assert ended(again)["status"] == "stopped"
    until(lambda: not alive(program), "the program goes on", 20)
    until(lambda: not (home / "training" / job_id).exists(), "its folder stays", 20)


# checklist 171
async def test_the_socket_of_a_real_server_pushes_progress(
    machine: Machine, connect: Callable[[Process], Any], tmp_path: Path
) -> None:
    server, job_id = begun(machine, tmp_path / "home")
    address = server.ready["url"].replace("http", "ws") + "/ws/training"
    heard: list[Json] = []

    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        while not heard or heard[-1]["status"] == "training":
            heard.append(json.loads((await socket.receive(timeout=30)).data))

    assert {message["job_id"] for message in heard} == {job_id}
    assert len({message["current_step"] for message in heard}) > 2
    assert heard[-1]["status"] == "completed"
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(address, headers={"Origin": "https://evil.example"})
    assert refused.value.status == 401

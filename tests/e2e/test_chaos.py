"""The chaos campaign: the server dies, the disk is full, the clock jumps, two commands meet; after each, all that must
hold is checked on the data folder. The seed is printed and can be set: CHAOS_SEED=7."""

from __future__ import annotations

import json
import os
import random
import resource
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bed import write_document
from dataforge_client import DataForge
from tests.support.batch_servers import KEY, BatchServer, Plot, openai_batches
from tests.support.chaos_checks import check_home, check_run, rows
from tests.support.cli_process import COMMAND
from tests.support.document_replies import pairs_for
from tests.support.no_checks import NO_CHECKS
from tests.support.scripted_replies import scripted_reply
from tests.support.server_processes import Machine, Process
from tests.support.waiting import until

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("CHAOS_KILLS", "40"))
IN_FLIGHT = 4
DAY = 86_400
KEPT = ("replies", "run_events")
Connect = Callable[[Process], DataForge]


def reply(body: dict[str, Any]) -> str:
    said = body["messages"][-1]["content"]
    time.sleep(0.02)
    return json.dumps({"pairs": pairs_for(said)}) if "<passage>" in said else scripted_reply(body)


@pytest.fixture
def provider() -> Iterator[BatchServer]:
    with openai_batches(Plot(reply=reply)) as server:
        yield server


def environment(provider: BatchServer) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": provider.url,
        "OPENAI_API_KEY": KEY,
        "DATAFORGE_CONCURRENCY": str(IN_FLIGHT // 2),
        "DATAFORGE_BATCH_CALLS": "8",
        "DATAFORGE_BATCH_POLL": "1",
        "DATAFORGE_BATCH_LEAST": "1",
        "DATAFORGE_UNDO_MINUTES": "0",
    }


def paid(provider: BatchServer) -> Counter[str]:
    """How often each prompt was asked, in real time and in jobs."""
    bodies = [*provider.asked, *(body for job in provider.batched for body in job)]
    return Counter(json.dumps([b["model"], b["messages"]]) for b in bodies)


class Campaign:
    """A project of its own for each trial, on one data folder."""

    def __init__(self, home: Path, folder: Path, provider: BatchServer) -> None:
        self.home, self.folder, self.provider = home, folder, provider

    def project(self, forge: DataForge, name: str, *, parsed: bool = True) -> str:
        project = forge.create_project(name).project_id
        path = self.folder / f"{name}.md"
        path.write_text(f"# {name}\n\nThese are the rules of {name}.\n\n" + (self.folder / "rules.md").read_text())
        forge.upload_file(project, path)
        if parsed:
            forge.wait(forge.parse(project).generation_id)
        return project

    def generate(self, forge: DataForge, project: str, mode: str) -> str:
        config = {"pairs_per_chunk": 1, "mode": mode, "auto_accept_min_quality": 0, "verify": "off"}
        return forge.generate(project, "openai:stand-in", num_pairs=20, config=config).generation_id


@pytest.mark.parametrize("seed", [int(os.environ.get("CHAOS_SEED", "0")) or random.randrange(1, 10**6)])
def test_a_server_that_is_killed_at_any_moment_breaks_nothing(
    machine: Machine, connect: Connect, provider: BatchServer, tmp_path: Path, seed: int
) -> None:
    print(f"CHAOS_SEED={seed}")
    rng, home = random.Random(seed), tmp_path / "home"
    write_document(tmp_path / "rules.md", 20)
    campaign, settings = Campaign(home, tmp_path, provider), environment(provider)
    works = ["parse", "generate", "assess", "close", "export", "delete", "synthetic", "batch"]
    server = machine.server(home, **settings)
    for trial in range(KILLS):
        work, before = works[trial % len(works)], paid(provider)
        forge, name = connect(server), f"t{trial}"
        project = run_id = ""
        if work == "synthetic":
            models = {"generator": {"provider": "openai", "model": f"writer-{trial}"}}
            run_id = forge.synthetic_generate("instruction_v1", "harbours", 20, models=models).job_id or ""
        else:
            project = campaign.project(forge, name, parsed=work != "parse")
        if work == "parse":
            run_id = forge.parse(project).generation_id
        elif work in ("generate", "assess", "close", "batch"):
            run_id = campaign.generate(forge, project, "batch" if work == "batch" else "realtime")
        elif work in ("export", "delete"):
            forge.wait(campaign.generate(forge, project, "realtime"))
        moment = {"assess": "validating", "close": "finalizing"}.get(work)
        if moment:
            until(lambda run=run_id, at=moment: reached(home, run, at), f"{work} does not begin")
        if work == "export":
            threaded(forge.export, project)
        if work == "delete":
            threaded(forge.delete_project, project)
        time.sleep(rng.uniform(0, 0.02 if moment else 0.2))

        server.kill()
        server = machine.server(home, **settings)
        forge = connect(server)

        if work == "synthetic":
            assert forge.wait_synthetic(run_id).status == "succeeded", f"trial {trial}"
        elif run_id:
            assert forge.wait(run_id).status == "completed", f"trial {trial} {work}"
        if work == "delete":
            if any(p.project_id == project for p in forge.iter_projects()):
                forge.delete_project(project)
            until(lambda p=project: not any(r["project_id"] == p for r in rows(home, "pairs")), "not erased")
        elif work == "export":
            export = forge.export(project)
            forge.download_export(project, export.version, tmp_path / "set.jsonl")
            lines = [json.loads(line) for line in (tmp_path / "set.jsonl").read_text().splitlines()]
            assert len(lines) == export.pair_count
        if run_id:
            until(lambda run=run_id: reached(home, run, "finalizing"))
            check_run(home, run_id)
        check_home(home)
        again = sum(count - max(1, before[prompt]) for prompt, count in paid(provider).items() if count > 1)
        assert again <= IN_FLIGHT, f"trial {trial} {work}: {again} prompts were paid for twice"


def threaded(work: Callable[[str], object], project: str) -> None:
    def run() -> None:
        with suppress(Exception):  # the server dies under it
            work(project)

    threading.Thread(target=run, daemon=True).start()


def reached(home: Path, run_id: str, moment: str) -> bool:
    run = next(r for r in rows(home, "runs") if r["run_id"] == run_id)
    return moment in (run["status"], run["stage"]) or run["status"] in ("completed", "failed", "cancelled")


def test_a_full_disk_pauses_the_run_and_costs_nothing(
    machine: Machine, connect: Connect, provider: BatchServer, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    write_document(tmp_path / "rules.md", 60)
    server = machine.server(home, **environment(provider))
    forge = connect(server)
    project = Campaign(home, tmp_path, provider).project(forge, "full")
    run_id = forge.generate(
        project,
        "openai:stand-in",
        num_pairs=60,
        config={"pairs_per_chunk": 1, "auto_accept_min_quality": 0, "verify": "off"},
    ).generation_id
    until(lambda: len(provider.asked) >= 10)

    no_room(server, True)
    until(lambda: forge.get_generation(run_id).paused_reason, "nobody says why it stands still")
    asked = len(provider.asked)
    time.sleep(0.2)
    assert len(provider.asked) == asked, "nothing is sent meanwhile"
    no_room(server, False)
    done = forge.wait(run_id, timeout=120)

    assert done.status == "completed"
    assert done.paused_reason is None
    assert sum(n - 1 for n in paid(provider).values()) == 0, "every prompt was paid for once"
    check_run(home, run_id)
    check_home(home)


def no_room(server: Process, full: bool) -> None:
    """No file of the server and its workers may grow beyond its first page, or each may again."""
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(server.child.pid)], capture_output=True, text=True, check=False
    )
    for pid in [server.child.pid, *map(int, children.stdout.split())]:
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096 if full else most, most))


def test_days_without_the_server_and_a_clock_that_is_set_back_end_no_run(
    machine: Machine, connect: Connect, provider: BatchServer, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    write_document(tmp_path / "rules.md", 20)
    server = machine.server(home, **environment(provider))
    project = Campaign(home, tmp_path, provider).project(connect(server), "away")
    run_id = Campaign(home, tmp_path, provider).generate(connect(server), project, "realtime")
    for days in (8, -2, 30):
        until(lambda: len(provider.asked) >= 3)
        server.kill()
        with closing(sqlite3.connect(home / "workflows.db")) as db, db:  # as the file looks after so many days
            db.execute("UPDATE workflow_clock SET alive = alive - ?", (days * DAY,))
            db.execute("UPDATE workflow_executions SET deadline = deadline - ?", (days * DAY,))
            db.execute("UPDATE workflow_frames SET wake = wake - ? WHERE wake IS NOT NULL", (days * DAY,))
        age(home / "data.db", days * DAY)
        server = machine.server(home, **environment(provider))

    assert connect(server).wait(run_id).status == "completed"
    check_run(home, run_id)
    check_home(home)
    expiries = [r["expires_at"] for table in KEPT for r in rows(home, table) if r["run_id"] == run_id]
    assert min(expiries) > time.time() + 20 * DAY, "days away do not count for what was paid for"


def age(path: Path, seconds: float) -> None:
    """What only serves a run, as it was written so long ago."""
    with closing(sqlite3.connect(path)) as db, db:
        for table in KEPT:
            for h, r, body in db.execute(f"SELECT h, r, body FROM {table}").fetchall():
                item = json.loads(body)
                item["expires_at"] -= seconds
                db.execute(
                    f"UPDATE {table} SET body = ?, expires = ? WHERE h = ? AND r = ?",
                    (json.dumps(item).encode(), item["expires_at"], h, r),
                )


def test_two_commands_at_once_and_one_is_killed(provider: BatchServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_document(tmp_path / "rules.md", 20)
    environ = {**os.environ, **environment(provider), "DATAFORGE_LOG_LEVEL": "ERROR"}
    arguments = [
        "run",
        str(tmp_path / "rules.md"),
        "--home",
        str(home),
        "--teacher",
        "openai:stand-in",
        "--pairs",
        "20",
        "--verify",
        "off",
        "--checks",
        ",".join(f"{name}={setting}" for name, setting in NO_CHECKS.items()),
    ]
    commands = [
        subprocess.Popen(
            [*COMMAND, *arguments, "--out", str(tmp_path / f"{n}.jsonl")],
            env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for n in range(3)
    ]  # fmt: skip
    until(lambda: len(provider.asked) >= 5, "no run begins")
    commands[0].kill()

    said = [command.communicate(timeout=120)[1] for command in commands]

    assert [command.returncode for command in commands[1:]] == [0, 0], said
    assert all((tmp_path / f"{n}.jsonl").read_text().count("\n") >= 20 for n in (1, 2))
    until(lambda: not (home / "server.json").exists(), "the server of nobody goes on", seconds=30)
    assert len({row["org_id"] for row in rows(home, "orgs") if row["org_id"].startswith("org_")}) == 1
    check_home(home)

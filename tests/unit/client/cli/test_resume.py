"""Ctrl-C in the middle of `dataforge run`, and how it goes on from there."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from dataforge_client import DataForge
from dataforge_client.cli import execute
from dataforge_client.cli.registry import load
from dataforge_client.cli.resuming import OPTIONS
from tests.support.cli_process import Spawn, connection_arguments, until
from tests.support.fake_api import KEY, ORGANIZATION, FakeApi


@pytest.mark.parametrize(
    ("stage", "reached"),
    [
        ("uploading", "leave.md"),
        ("parsing", "/generations/gen_parse_0004"),
        ("generating", "/generations/gen_0005"),
    ],
)
def test_ctrl_c_prints_a_command_that_goes_on_from_there(
    spawn: Spawn, api: FakeApi, docs: Path, tmp_path: Path, stage: str, reached: str
) -> None:
    api.hold = stage
    out = tmp_path / "it's here.jsonl"
    process = spawn("run", str(docs), "--pairs", "6", "--out", str(out), *connection_arguments(api))
    until(lambda: api.count(reached) > 1 or (stage == "uploading" and api.count(reached)), process)

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    api.released.set()
    command = said.split("Resume with:\n")[1].strip()
    again = shlex.split(command.replace('"$DATAFORGE_API_KEY"', KEY))
    resumed = execute(again[3:])

    assert process.returncode == 130
    assert again[:3] == [sys.executable, "-m", "dataforge_client.cli"], "as the command was started"
    assert said.startswith("Run proj_0001. If it is interrupted: ")
    assert KEY not in command
    assert resumed == 0
    assert len(out.read_text().splitlines()) == 6
    assert len(api.projects) == 1
    assert sum(g["kind"] == "generate" for g in api.generations.values()) == 1


def test_an_interrupt_in_json_is_a_result_too(spawn: Spawn, api: FakeApi, docs: Path, tmp_path: Path) -> None:
    api.hold = "generating"
    process = spawn("run", str(docs), "--out", str(tmp_path / "set.jsonl"), "--json", *connection_arguments(api))
    until(lambda: api.count("/generations/gen_0005") > 1, process)

    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)

    result = json.loads(said.splitlines()[-1])
    assert process.returncode == result["exit_code"] == 130
    assert result["status"] == "interrupted"
    assert "--resume gen_0005" in result["resume"]


def test_a_resumed_run_lists_files_that_were_not_uploaded(run: Callable[..., int], api: FakeApi, docs: Path) -> None:
    run("--pairs", "6")
    (docs / "late.md").write_text("too late")

    assert run("--resume", "gen_0005") == 3
    assert api.count("/projects") == 1


def test_a_resumed_project_does_not_do_things_twice(run: Callable[..., int], api: FakeApi) -> None:
    run("--pairs", "6")

    code = run("--pairs", "6", "--resume", "proj_0001")

    assert code == 0
    assert api.count("/documents") - api.count("GET /documents") > 0
    assert len(api.documents["proj_0001"]) == 2
    assert sorted(g["kind"] for g in api.generations.values()) == ["generate", "parse"]


def test_a_web_page_is_registered_beside_the_files_once(
    run: Callable[..., int], api: FakeApi, docs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = "https://example.com/rules"

    code = run("--pairs", "6", paths=(str(docs), url, url))
    again = run("--pairs", "6", "--resume", "proj_0001", paths=(str(docs), url))
    missing = run("--pairs", "6", "--resume", "gen_0006", paths=(str(docs), "https://example.com/late"))

    assert (code, again, missing) == (0, 0, 3)
    assert [d["url"] for d in api.documents["proj_0001"] if d.get("url")] == [url + "/"]
    assert len(api.documents["proj_0001"]) == 3
    assert "https://example.com/late: not_uploaded" in capfd.readouterr().err


def test_cancel_and_what_run_makes_of_it(run: Callable[..., int], api: FakeApi, docs: Path) -> None:
    api.hold = "generating"
    with DataForge(api.url, KEY, ORGANIZATION) as data_forge:
        project = data_forge.create_project("p").project_id
        job = data_forge.generate(project, "extractive").generation_id

    cancelled = execute(["cancel", job, *connection_arguments(api)])

    assert cancelled == 0
    assert run("--resume", job) == 1
    assert execute(["status", "gen_none", *connection_arguments(api)]) == 1


STARTED = ("--pairs", "6", "--teacher", "ollama:llama3.2", "--seed", "7", "--system-prompt", "Be brief.")


def test_a_resumed_run_needs_no_option_and_says_what_it_takes(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    run(*STARTED, "--dry-run")
    capfd.readouterr()

    code = run("--resume", "proj_0001", paths=())

    said = capfd.readouterr().err
    job = list(api.generations.values())[-1]
    asked = {"model_id": "ollama:llama3.2", "num_pairs": 6, "seed": 7, "system_prompt": "Be brief."}
    assert code == 0
    assert job["config"].items() >= asked.items()
    assert "request that it was started with: --teacher ollama:llama3.2 --pairs 6 --min-quality 0 " in said
    assert "the documents that were uploaded before are used" in said


@pytest.mark.parametrize("ended", ["completed", "failed"])
@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--seed", "8"), "--seed 8 (it was started with 7)"),
        (("--teacher", "extractive"), "--teacher extractive (it was started with ollama:llama3.2)"),
        (("--system-prompt", "Be loud."), "--system-prompt 'Be loud.' (it was started with 'Be brief.')"),
        (("--persona", "a pupil"), "--persona a pupil (it was started with not set)"),
        (("--pairs", "9"), "--pairs 9 (it was started with 6)"),
    ],
)
def test_a_resume_with_another_request_is_refused(
    run: Callable[..., int],
    api: FakeApi,
    capfd: pytest.CaptureFixture[str],
    option: tuple[str, str],
    message: str,
    ended: str,
) -> None:
    run(*STARTED)
    list(api.generations.values())[-1]["status"] = ended
    exports = api.count("/export")

    by_project = run("--resume", "proj_0001", *option)
    by_job = run("--resume", "gen_0005", *option)

    said = capfd.readouterr().err
    assert (by_project, by_job) == (2, 2)
    assert said.count(message) == 2
    assert "start a new run without --resume" in said
    assert len(api.generations) == 2
    assert api.count("/export") == exports
    assert option[0] not in said.rsplit("resume with:\n", 1)[1]


def test_an_option_as_it_was_is_no_difference(run: Callable[..., int]) -> None:
    run(*STARTED, "--persona", "a pupil=2", "--mode", "realtime")

    assert run("--resume", "proj_0001", *STARTED, "--persona", "a pupil=2", "--mode", "realtime") == 0


def test_a_failed_job_is_started_again_with_its_own_request(run: Callable[..., int], api: FakeApi) -> None:
    run(*STARTED)
    api.generations["gen_0005"]["status"] = "failed"

    code = run("--resume", "proj_0001", paths=())

    first, second = (g["config"] for g in api.generations.values() if g["kind"] == "generate")
    assert code == 0
    assert first == second


def test_a_run_is_resumed_by_the_name_of_its_project(run: Callable[..., int], api: FakeApi) -> None:
    run("--pairs", "6", "--project", "My rules")

    assert run("--resume", "My rules", paths=()) == 0
    assert run("--resume", "Your rules", paths=()) == 2
    run("--pairs", "6", "--project", "My rules")
    assert run("--resume", "My rules", paths=()) == 2, "two projects have the name"


def test_every_option_of_a_request_is_compared() -> None:
    """An option that is not listed could change in a resumed run unnoticed."""
    free = {"--out", "--format", "--project", "--dry-run", "--exclude", "--resume", "--split", "--json", "--quiet"}
    connection = {"--server", "--api-key", "--organization", "--profile", "--home"}

    options = {o.opts[0] for o in load("run").params if isinstance(o, click.Option)}

    assert options - free - connection == set(OPTIONS)

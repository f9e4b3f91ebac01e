"""The `dataforge` command against the wire: what it writes where, how it ends, and how it goes on after Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge_client import DataForge
from dataforge_client.cli import cli, execute, pipeline, trace
from dataforge_client.cli.bars import Events, Lines, Step
from dataforge_client.cli.sources import collect
from dataforge_client.cli.texts import counts_line, duration, histogram_lines, money, size, tokens_line
from dataforge_client.cli.watch import Watch
from dataforge_client.models import Bucket, Counts, Generation, Tokens
from dataforge_client.reading import read
from dataforge_client.traces import Trace
from tests.unit.fake_api import ESTIMATE, KEY, ORGANIZATION, FakeApi, Fault

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "dataforge_client.cli"]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server, key or profile of the machine that runs the tests."""
    for name in [n for n in os.environ if n.startswith("DATAFORGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATAFORGE_CONFIG", str(tmp_path / "no-profiles.toml"))
    monkeypatch.setenv("DATAFORGE_HOME", str(tmp_path / "default-home"))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "leave.md").write_text("# Leave\n25 days.")
    (folder / "travel.txt").write_text("Trains only.")
    return folder


def place(api: FakeApi) -> list[str]:
    return ["--server", api.url, "--api-key", KEY, "--organization", ORGANIZATION]


@pytest.fixture
def run(api: FakeApi, docs: Path, tmp_path: Path) -> Callable[..., int]:
    """`dataforge run` on two documents against the fake; the exit code."""

    def go(*options: str, paths: tuple[str, ...] = (str(docs),)) -> int:
        out = [] if "--out" in options else ["--out", str(tmp_path / "set.jsonl")]
        return execute(["run", *paths, *out, *place(api), *options])

    return go


# -- the road -----------------------------------------------------------------------------------------------------


def test_a_run_writes_the_dataset_and_says_how_it_went(
    run: Callable[..., int], api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run("--pairs", "6")

    said = capfd.readouterr()
    assert code == 0
    assert said.out == ""
    assert len((tmp_path / "set.jsonl").read_text().splitlines()) == 6
    assert "asked 6 = delivered 6 + rejected 0 + failed 0" in said.err
    assert f"6 pairs in {tmp_path / 'set.jsonl'}" in said.err
    assert "0.8-0.9  " + "█" * 40 + " 6" in said.err or "#" * 40 in said.err
    assert said.err.count("  Q  What is [bold]item[/bold]") == 3
    assert "cost $0.00; tokens 1,200 in, 300 out" in said.err
    assert said.err.splitlines()[-1].startswith("Next: dataforge pairs proj_")


def test_without_a_terminal_progress_is_plain_lines(
    run: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    run("--pairs", "6")

    said = capfd.readouterr().err
    assert "\x1b" not in said
    assert "\r" not in said
    stages = re.findall(r"^(\w+)  .* done", said, re.MULTILINE)
    assert stages == ["upload", "parse", "generate", "validate", "export"]


def test_what_the_options_say_reaches_the_server(run: Callable[..., int], api: FakeApi) -> None:
    run("--pairs", "6", "--teacher", "ollama:llama3.2", "--temperature", "0.2", "--seed", "7", "--min-quality", "0.5",
        "--system-prompt", "Be brief.", "--format", "alpaca", "--project", "Rules", "--mode", "batch")

    bodies = {s.path.rsplit("/", 1)[1]: s.json for s in api.seen if s.method == "POST" and s.body}
    assert bodies["projects"] == {"name": "Rules"}
    assert bodies["generate"] == {
        "model_id": "ollama:llama3.2", "num_pairs": 6, "temperature": 0.2, "system_prompt": "Be brief.",
        "config": {"seed": 7, "auto_accept_min_quality": 0.5, "mode": "batch"},
    }
    assert bodies["export"] == {"format": "alpaca"}


def test_what_is_to_be_spread_reaches_the_server(run: Callable[..., int], api: FakeApi) -> None:
    run("--pairs", "6", "--teacher", "ollama:llama3.2", "--question-type", "factual", "--question-type", "how-to=2",
        "--persona", "mixed", "--style", "keywords", "--style", "a=b", "--multi-hop", "0.2")

    asked, sent = [s.json for s in api.seen if s.method == "POST" and s.path.endswith("/generate")]
    assert asked == {**sent, "estimate": True}
    assert {k: v for k, v in sent["config"].items() if k != "auto_accept_min_quality"} == {
        "question_types": {"factual": 1, "how-to": 2}, "personas": "mixed", "styles": ["keywords", "a=b"],
        "multi_hop_share": 0.2,
    }


def test_a_dry_run_says_what_it_would_take_and_starts_nothing(
    run: Callable[..., int], api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run("--pairs", "6", "--teacher", "ollama:llama3.2", "--max-cost", "0.5", "--mode", "batch", "--dry-run")

    said = capfd.readouterr().err
    assert code == 0
    assert "--mode batch" in said.splitlines()[-1]
    assert [g["kind"] for g in api.generations.values()] == ["parse"]
    assert not (tmp_path / "set.jsonl").exists()
    assert "about 6 pairs in 2 to 3 calls to the teacher" in said
    assert "tokens 900 to 1,500 in, 240 to 2,100 out\ncost $0.0040 to $0.03\n" in said
    again = shlex.split(said.splitlines()[-1].replace('"$DATAFORGE_API_KEY"', KEY))
    assert "--dry-run" not in again
    assert execute(again[1:]) == 0
    assert [g["kind"] for g in api.generations.values()] == ["parse", "generate"]
    assert api.count("/upload-url") == 2


def test_a_dry_run_in_json_is_a_result(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    code = run("--dry-run", "--json")

    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (code, result["status"], result["estimate"]) == (0, "estimated", ESTIMATE)


def test_a_dry_run_of_a_job_that_was_started_is_refused(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    run("--pairs", "6")

    code = run("--resume", list(api.generations)[-1], "--dry-run")

    assert code == 1
    assert "has been started already" in capfd.readouterr().err


def test_a_cap_reaches_the_server_and_the_summary_sets_estimate_beside_actual(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    api.cost, api.failed, api.stop_reason = 0.02, 2, "budget_reached"

    code = run("--pairs", "6", "--max-cost", "0.02")

    said = capfd.readouterr().err
    asked = next(s.json for s in api.seen if s.path.endswith("/generate"))
    assert (code, asked["max_cost_usd"]) == (3, 0.02)
    assert "cost $0.02; tokens 1,200 in, 300 out\nestimated beforehand: cost $0.0040 to $0.03; tokens" in said
    assert "4 of the 6 pairs asked for: the rest would have cost more than --max-cost" in said


def test_what_was_lost_stands_beside_the_dataset_and_never_beside_a_later_one(
    run: Callable[..., int], api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    api.rejected, api.failed = 2, 1
    run("--pairs", "6")
    said = capfd.readouterr().err
    found = {name: (tmp_path / f"set.{name}.jsonl").read_text().splitlines() for name in ("rejected", "failed")}

    api.rejected = api.failed = 0
    run("--pairs", "6", "--json")

    assert {name: len(lines) for name, lines in found.items()} == {"rejected": 2, "failed": 1}
    assert f"reasons in {tmp_path / 'set.rejected.jsonl'} and {tmp_path / 'set.failed.jsonl'}" in said
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["losses"] == []
    assert [path.name for path in tmp_path.glob("set*")] == ["set.jsonl"]


def test_a_dataset_stays_whole_when_its_losses_cannot_be_fetched(
    run: Callable[..., int], api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    api.rejected = 2
    api.faults = [Fault("/outcomes", 404, times=9)]

    code = run("--pairs", "6")

    assert code == 3
    assert len((tmp_path / "set.jsonl").read_text().splitlines()) == 4
    assert "try again with: dataforge records gen_0005 --outcome rejected" in capfd.readouterr().err


def test_json_ends_with_the_result(run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]) -> None:
    api.rejected, api.failed = 2, 1

    code = run("--pairs", "10", "--json")

    said = capfd.readouterr()
    events = [json.loads(line) for line in said.out.splitlines()]
    result = events[-1]
    assert code == result["exit_code"] == 3
    assert (result["type"], result["status"], result["lines"]) == ("result", "partial", 7)
    assert result["counts"] == {"requested": 10, "asked": 10, "delivered": 7, "rejected": 2, "failed": 1}
    assert result["reasons"] == {"rejected": {"near_duplicate": 2}, "failed": {"unreadable_reply": 1}}
    assert {e["stage"] for e in events if e["type"] == "progress"} == {
        "upload", "parse", "generate", "validate", "export"
    }
    assert said.err == ""


def test_the_dataset_can_go_to_stdout(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    code = run("--pairs", "4", "--out", "-", "--quiet")

    said = capfd.readouterr()
    assert code == 0
    assert [list(json.loads(line)) for line in said.out.splitlines()] == [["messages"]] * 4
    assert said.err == ""


def test_a_terminal_gets_live_bars(api: FakeApi, docs: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "CI": "", "COLUMNS": "120"}

    done = subprocess.Popen(
        [*COMMAND, "run", str(docs), "--pairs", "6", "--out", str(tmp_path / "set.jsonl"), *place(api)],
        stderr=theirs, stdout=theirs, env=environment,
    )
    os.close(theirs)
    screen = _read_all(ours)

    assert done.wait() == 0
    assert "\x1b[" in screen
    assert "━" in screen
    assert all(stage in screen for stage in ("upload", "parse", "generate", "validate", "export"))
    assert "asked 6 = delivered 6" in screen


def _read_all(descriptor: int) -> str:
    pieces = []
    while True:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # Linux says EIO when the other end of a terminal is gone
            piece = b""
        if not piece:
            os.close(descriptor)
            return b"".join(pieces).decode()
        pieces.append(piece)


# -- how it ends --------------------------------------------------------------------------------------------------


def test_a_bad_document_is_told_and_the_others_go_on(
    run: Callable[..., int], api: FakeApi, docs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    api.unreadable = ("secret.pdf",)
    (docs / "secret.pdf").write_bytes(b"%PDF-1.7 encrypted")
    (docs / "huge.txt").write_bytes(b"x" * 1_000_001)
    (docs / "empty.csv").touch()
    (docs / "photo.png").write_bytes(b"\x89PNG")
    (docs / ".hidden.md").write_text("no")

    code = run("--pairs", "6")

    said = capfd.readouterr().err
    assert code == 3
    assert "Documents not used: 3" in said
    assert "secret.pdf: encrypted: It has a password; save it without one." in said
    assert "huge.txt: too_large: The file is larger than 1,000,000 bytes; split it" in said
    assert "empty.csv: empty: the file is empty" in said
    assert "Left out of the folders, as no documents: 1 .png" in said
    assert {d["name"] for d in next(iter(api.documents.values()))} == {"leave.md", "travel.txt", "secret.pdf"}


def test_a_wrong_type_that_was_named_is_partial_but_one_in_a_folder_is_not(
    run: Callable[..., int], docs: Path
) -> None:
    (docs / "photo.png").write_bytes(b"\x89PNG")

    assert run() == 0
    assert run(paths=(str(docs), str(docs / "photo.png"))) == 3


def test_quiet_still_names_what_was_lost(
    run: Callable[..., int], docs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (docs / "empty.csv").touch()

    code = run("--quiet")

    assert code == 3
    assert capfd.readouterr().err.splitlines()[0] == "Documents not used: 1"


def test_fewer_pairs_than_asked_is_partial_only_if_a_number_was_asked(run: Callable[..., int], api: FakeApi) -> None:
    api.rejected, api.failed = 1, 1

    assert run("--pairs", "6") == 3
    assert run() == 0


@pytest.mark.parametrize(("options", "code", "told"), [
    (["--teacher", "openai:nokey"], 4, "set OPENAI_API_KEY"),
    (["--teacher", "nobody"], 2, "There is no teacher 'nobody'"),
    (["--api-key", "sk_wrong"], 4, "API key is missing or wrong"),
    (["--min-quality", "0.95"], 1, "No pair scored 0.95 or more"),
    (["--resume", "proj_9999"], 1, "proj_9999 not found"),
    (["--pairs", "0"], 2, "--pairs"),
    (["--out", "/proc/nothing/set.jsonl"], 2, "--out"),
    (["--out", "-", "--json"], 2, "both write to stdout"),
    (["--home", "h"], 2, "--home is for a local server"),
    (["--server", "http://127.0.0.1:9", "--api-key", ""], 4, "No key for"),
])
def test_failures_have_their_exit_code_and_say_why(
    run: Callable[..., int], capfd: pytest.CaptureFixture[str], options: list[str], code: int, told: str
) -> None:
    assert run(*options) == code

    assert told in capfd.readouterr().err


WRONG = [
    (["--teacher", "nobody"], 2, "There is no teacher 'nobody'"),
    (["--mode", "batch"], 2, "mode: the teacher extractive has no batch API"),
    (["--teacher", "openai:nokey"], 4, "set OPENAI_API_KEY"),
]


@pytest.mark.parametrize(("options", "code", "told"), WRONG)
@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_an_order_that_nobody_can_carry_out_is_refused_before_anything_is_uploaded(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str], options: list[str], code: int, told: str,
    more: tuple[str, ...],
) -> None:
    assert run(*options, *more) == code

    said = capfd.readouterr().err
    assert told in said
    assert "--resume" not in said
    assert (api.projects, api.files, api.generations) == ({}, {}, {})


def test_a_refused_order_in_json_has_nothing_to_resume(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    run("--teacher", "nobody", "--json")

    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (result["exit_code"], result["error"]["code"]) == (2, "UNKNOWN_TEACHER")
    assert (result["project_id"], result["resume"]) == (None, None)


def test_a_project_that_was_there_before_outlives_a_refused_order(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    run("--dry-run")
    [project_id] = api.projects
    uploads = api.count("/upload-url")

    code = run("--resume", project_id, "--teacher", "nobody")

    assert code == 2
    assert list(api.projects) == [project_id]
    assert api.count("/upload-url") == uploads
    assert f"--resume {project_id}" in capfd.readouterr().err


def test_what_every_server_takes_is_not_asked_for_first(run: Callable[..., int], api: FakeApi) -> None:
    assert run("--pairs", "6") == 0

    assert api.count("/generate") == 1


def test_a_project_that_cannot_be_taken_back_does_not_hide_the_refusal(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    api.faults = [Fault("DELETE /", 403, times=9)]

    assert run("--teacher", "nobody") == 2

    assert "There is no teacher 'nobody'" in capfd.readouterr().err


def test_paths_that_hold_nothing(run: Callable[..., int], api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "void").mkdir()
    (tmp_path / "empty.md").touch()

    assert run(paths=()) == 2
    assert run(paths=(str(tmp_path / "missing.pdf"),)) == 2
    assert run(paths=(str(tmp_path / "void"),)) == 2
    assert run(paths=(str(tmp_path / "empty.md"),)) == 1
    assert api.seen == []


def test_no_readable_document_fails_and_leaves_the_old_file(
    run: Callable[..., int], api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    api.unreadable = ("leave.md", "travel.txt")
    (tmp_path / "set.jsonl").write_text("old")

    code = run("--json")

    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert code == result["exit_code"] == 1
    assert result["error"]["message"] == "No document could be read"
    assert (tmp_path / "set.jsonl").read_text() == "old"


# -- Ctrl-C -------------------------------------------------------------------------------------------------------


class Spawn:
    """Starts the command as a process of its own, and cleans up after the test."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []

    def __call__(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.processes.append(process)
        return process


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    started = Spawn()
    yield started
    for process in started.processes:
        process.kill()
        process.communicate()


def until(holds: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


@pytest.mark.parametrize(("stage", "reached"), [
    ("uploading", "leave.md"), ("parsing", "/generations/gen_parse_0004"), ("generating", "/generations/gen_0005"),
])
def test_ctrl_c_prints_a_command_that_goes_on_from_there(
    spawn: Spawn, api: FakeApi, docs: Path, tmp_path: Path, stage: str, reached: str
) -> None:
    api.hold = stage
    out = tmp_path / "it's here.jsonl"
    process = spawn("run", str(docs), "--pairs", "6", "--out", str(out), *place(api))
    until(lambda: api.count(reached) > 1 or (stage == "uploading" and api.count(reached)), process)

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    api.released.set()
    command = said.split("Resume with:\n")[1].strip()
    again = shlex.split(command.replace('"$DATAFORGE_API_KEY"', KEY))
    resumed = execute(again[1:])

    assert process.returncode == 130
    assert again[0] == "dataforge"
    assert KEY not in command
    assert resumed == 0
    assert len(out.read_text().splitlines()) == 6
    assert len(api.projects) == 1
    assert sum(g["kind"] == "generate" for g in api.generations.values()) == 1


def test_an_interrupt_in_json_is_a_result_too(spawn: Spawn, api: FakeApi, docs: Path, tmp_path: Path) -> None:
    api.hold = "generating"
    process = spawn("run", str(docs), "--out", str(tmp_path / "set.jsonl"), "--json", *place(api))
    until(lambda: api.count("/generations/gen_0005") > 1, process)

    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)

    result = json.loads(said.splitlines()[-1])
    assert process.returncode == result["exit_code"] == 130
    assert result["status"] == "interrupted"
    assert "--resume gen_0005" in result["resume"]


def test_a_resumed_run_tells_again_what_never_reached_the_project(
    run: Callable[..., int], api: FakeApi, docs: Path
) -> None:
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


# -- the local server ---------------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, and a `python -m infra.local` that serves the fake. Where the command runs, another package of
    that name lies about: it must not be taken for the server."""
    package = tmp_path / "site" / "infra" / "local"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("from tests.unit.fake_api import main\nmain()\n")
    trap = tmp_path / "cwd" / "infra" / "local"
    trap.mkdir(parents=True)
    (trap / "__main__.py").write_text("raise SystemExit(9)\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{ROOT}")
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path / "home"


def test_a_run_starts_a_server_and_stops_it_politely(machine: Path, docs: Path, tmp_path: Path) -> None:
    code = execute(["run", str(docs), "--out", str(tmp_path / "set.jsonl"), "--home", str(machine), "--quiet"])

    assert code == 0
    assert len((tmp_path / "set.jsonl").read_text().splitlines()) == 6
    assert (machine / "stopped").exists()


def test_a_server_that_is_up_is_used_and_left_running(
    spawn: Spawn, machine: Path, docs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    up = spawn("up", "--home", str(machine), "--port", str(_free_port()))
    assert up.stderr is not None
    welcome = [up.stderr.readline() for _ in range(5)]

    code = execute(["run", str(docs), "--out", str(tmp_path / "set.jsonl"), "--home", str(machine), "--quiet"])
    listed = execute(["projects", "--home", str(machine)])
    up.send_signal(signal.SIGINT)
    up.communicate(timeout=30)

    assert "Data Forge is running at http://127.0.0.1:" in welcome[0]
    assert str(machine / "credentials.json") in welcome[2]
    assert (code, listed, up.returncode) == (0, 0, 0)
    assert capfd.readouterr().out.startswith("proj_0001\tdocs\t")
    assert (machine / "started").read_text() == "x"
    assert (machine / "stopped").exists()


def test_a_stale_server_file_is_not_trusted(machine: Path, capfd: pytest.CaptureFixture[str]) -> None:
    machine.mkdir()
    (machine / "credentials.json").write_text(json.dumps({"api_key": KEY}))
    (machine / "server.json").write_text(json.dumps({
        "event": "ready", "url": "http://127.0.0.1:9", "home": str(machine), "organization_id": ORGANIZATION,
        "credentials": str(machine / "credentials.json"),
    }))

    code = execute(["models", "--home", str(machine)])

    assert code == 0
    assert capfd.readouterr().out == "extractive\tExtractive\tbuilt-in\n"


def test_a_server_that_cannot_start_says_why(machine: Path, docs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    machine.mkdir()
    (machine / "fake.json").write_text('{"broken": true}')

    code = execute(["run", str(docs), "--home", str(machine)])

    assert code == 1
    assert "another server holds the folder" in capfd.readouterr().err


def test_ctrl_c_stops_the_local_server_politely_and_a_second_one_at_once(
    spawn: Spawn, machine: Path, docs: Path, tmp_path: Path
) -> None:
    machine.mkdir()
    (machine / "fake.json").write_text('{"hold": "generating"}')
    arguments = ("run", str(docs), "--home", str(machine), "--out", str(tmp_path / "set.jsonl"))

    polite = spawn(*arguments)
    assert polite.stderr is not None
    _read_until(polite, "generate")
    polite.send_signal(signal.SIGINT)
    said = polite.stderr.read()
    assert polite.wait(30) == 130
    assert (machine / "stopped").exists()
    assert not (machine / "got_sigint").exists()
    assert f"--resume gen_0005 --home {machine}" in said

    (machine / "stopped").unlink()
    (machine / "fake.json").write_text('{"hold": "generating", "stubborn": true}')
    hasty = spawn(*arguments)
    _read_until(hasty, "generate")
    hasty.send_signal(signal.SIGINT)
    _read_until(hasty, "Resume with")
    server = int((machine / "pid").read_text())
    hasty.send_signal(signal.SIGINT)

    assert hasty.wait(10) == 130
    assert not (machine / "stopped").exists()
    assert _gone(server)


def _read_until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return
    raise AssertionError(f"{word} was never said")


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
        if state.returncode or state.stdout.strip().startswith("Z"):
            return True
        time.sleep(0.05)
    return False


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- the small commands -------------------------------------------------------------------------------------------


def test_the_small_commands(
    run: Callable[..., int], api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    api.rejected = 2
    run("--pairs", "6", "--quiet")
    capfd.readouterr()

    codes = [execute([*words, *place(api)]) for words in (
        ["models"], ["status", "gen_0005"], ["logs", "gen_0005", "--tail", "2"],
        ["pairs", "proj_0001", "--search", "2", "--json"], ["pairs", "proj_0001", "--limit", "3"],
        ["export", "proj_0001", "--out", str(tmp_path / "again.jsonl")],
        ["records", "gen_0005", "--outcome", "rejected"], ["records", "gen_0005", "--out", str(tmp_path / "r.jsonl")],
    )]

    said = capfd.readouterr()
    assert codes == [0] * 8
    assert said.out.count("rejected on purpose") == 2
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 4
    assert "asked 6 = delivered 4 + rejected 2 + failed 0\n  rejected: near_duplicate 2\n" in said.out
    assert "line 3" in said.out
    assert "line 2" not in said.out
    assert '"question": "What is [bold]item[/bold] 2?"' in said.out
    assert said.out.count("pair_000") == 4
    assert "version 2, 4 lines" in said.err
    assert len((tmp_path / "again.jsonl").read_text().splitlines()) == 4


def test_a_job_is_followed_to_its_end(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    run("--pairs", "6", "--quiet")
    capfd.readouterr()

    code = execute(["logs", "gen_0005", "--follow", *place(api)])
    text = capfd.readouterr()
    execute(["logs", "gen_0005", "-f", "--json", *place(api)])
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    assert code == 0
    assert [line.rsplit("  ", 1)[-1] for line in text.out.splitlines()] == [f"line {n}" for n in range(5)]
    assert all(" generating " in line for line in text.out.splitlines())
    assert text.err.splitlines()[-1].startswith("validate  6 of 6 pairs  done")
    assert [e["type"] for e in events] == ["log"] * 5 + ["progress"]
    assert events[-1]["status"] == "completed"


def test_follow_and_tail_exclude_each_other(api: FakeApi) -> None:
    assert execute(["logs", "gen_1", "--follow", "--tail", "3", *place(api)]) == 2


def test_a_trace_is_readable_and_its_json_is_the_apis(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    run("--pairs", "2", "--quiet")
    capfd.readouterr()

    execute(["trace", "pair_0000", *place(api)])
    text = capfd.readouterr().out
    execute(["trace", "pair_0000", "--json", *place(api)])
    told = json.loads(capfd.readouterr().out)

    for said in (
        "pair      pair_0000  accepted", "Q  What is [bold]item[/bold] 0?", "chunk 4-20, document 104-120 (verified)",
        "gpt-4o-2024-08-06 (asked for: gpt-4o)  attempt 2 of 2", "362 tokens in, 78 out, $0.001685",
        "$0.005055 for 3 pairs", "000000#01  no longer kept", "parsed again  page 3  Items > Numbers",
        "items.pdf", "https://example.com/items.pdf", "note      The raw reply is no longer kept.",
    ):
        assert said in text
    assert told["lineage"]["call"]["slots"] == 3
    assert execute(["trace", "pair_none", *place(api)]) != 0


def test_the_trace_of_a_multi_hop_pair_shows_both_chunks_and_says_which_holds_what() -> None:
    found = read(Trace, {
        "pairId": "pair_1", "projectId": "proj_1", "generationId": "gen_1", "question": "Q?", "answer": "A.",
        "status": "pending", "chunk": {"chunkId": "chunk_1", "state": "unchanged"},
        "document": {"documentId": "doc_1", "state": "present", "name": "fleet.pdf"},
        "evidence": [{"start": 0, "end": 4, "text": "Nine", "chunk_id": "chunk_2", "holds": True}],
        "further": [{"chunk": {"chunkId": "chunk_2", "state": "edited", "pageNumber": 7},
                     "document": {"documentId": "doc_2", "state": "present", "name": "crew.html"}}],
    })

    text = "\n".join(trace.lines(found))

    assert "chunk chunk_2 0-4 (verified)" in text
    assert text.index("chunk     chunk_1  unchanged") < text.index("chunk     chunk_2  edited  page 7")
    assert "fleet.pdf" in text
    assert "crew.html" in text


def test_shares_are_read_as_they_are_typed() -> None:
    assert pipeline.shares(("a clerk", "a captain=2")) == {"a clerk": 1.0, "a captain": 2.0}
    assert pipeline.shares(("mixed",)) == "mixed"
    assert pipeline.shares(("E=mc2",)) == ["E=mc2"]


def test_cancel_and_what_run_makes_of_it(run: Callable[..., int], api: FakeApi, docs: Path) -> None:
    api.hold = "generating"
    with DataForge(api.url, KEY, ORGANIZATION) as forge:
        project = forge.create_project("p").project_id
        job = forge.generate(project, "extractive").generation_id

    cancelled = execute(["cancel", job, *place(api)])

    assert cancelled == 0
    assert run("--resume", job) == 1
    assert execute(["status", "gen_none", *place(api)]) == 1


def test_help_is_cheap() -> None:
    def cpu_seconds() -> float:
        code = (
            "import resource, sys\n"
            "from dataforge_client.cli import main\n"
            "try: main(['--help'])\n"
            "except SystemExit: pass\n"
            "used = resource.getrusage(resource.RUSAGE_SELF)\n"
            "print(used.ru_utime + used.ru_stime, file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "run" in done.stdout
        return float(done.stderr)

    assert statistics.median(cpu_seconds() for _ in range(3)) < 0.3


def test_a_reader_that_goes_away_is_no_crash(spawn: Spawn, api: FakeApi) -> None:
    with DataForge(api.url, KEY, ORGANIZATION) as forge:
        project = forge.create_project("p").project_id
    api.pairs[project] = [
        {"pairId": f"pair_{n}", "projectId": project, "question": "q" * 900, "answer": "a", "status": "accepted"}
        for n in range(400)
    ]
    process = spawn("pairs", project, "--limit", "400", "--json", *place(api))
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None

    _, said = process.communicate(timeout=30)

    assert process.returncode == 1
    assert said == ""


def test_every_command_and_option_is_documented() -> None:
    page = (ROOT / "docs/cli.md").read_text()

    undocumented = [
        f"{name} {word}" for name, command in cli.commands.items() for parameter in command.params
        for word in (parameter.opts if isinstance(parameter, click.Option) else [])
        if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", page)
    ]

    assert undocumented == []
    assert [name for name in cli.commands if f"`dataforge {name}" not in page] == []


# -- words and numbers --------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_plain_lines_come_at_the_start_every_ten_seconds_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(sys.stdout, clock=clock)

    for second in range(25):
        clock.now = second
        lines.step(Step("generate", second * 8, 200, "pairs", rate=8, cost=second / 100))
    lines.step(Step("generate", 200, 200, "pairs", cost=0.25, finished=True))
    lines.step(Step("generate", 200, 200, "pairs", cost=0.25, finished=True))

    assert capsys.readouterr().out.splitlines() == [
        "generate  0 of 200 pairs  8.0/s  about 25 s left  $0.00",
        "generate  80 of 200 pairs  8.0/s  about 15 s left  $0.10",
        "generate  160 of 200 pairs  8.0/s  about 5 s left  $0.20",
        "generate  200 of 200 pairs  done  $0.25",
    ]


def test_events_are_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Events(sys.stdout, clock=Clock()).step(Step("upload", 5, 10, "bytes", rate=5))

    assert json.loads(capsys.readouterr().out) == {
        "type": "progress", "stage": "upload", "done": 5, "total": 10, "unit": "bytes", "rate": 5,
        "seconds_left": 1.0, "cost_usd": None, "finished": False,
    }


def test_numbers_as_people_read_them() -> None:
    assert [money(x) for x in (None, 0, 0.0004, 0.01, 1234.5)] == [
        "unknown", "$0.00", "$0.0004", "$0.01", "$1,234.50"
    ]
    assert [duration(x) for x in (0.4, 59.4, 61, 3661)] == ["0 s", "59 s", "1 min 01 s", "1 h 01 min"]
    assert [size(x) for x in (999, 1500, 2_000_000, 3e9)] == ["999 B", "1.5 kB", "2.0 MB", "3.0 GB"]


def test_what_a_prompt_cache_saved_is_shown() -> None:
    assert tokens_line(Tokens(1200, 300)) == "tokens 1,200 in, 300 out"
    assert tokens_line(Tokens(1200, 300, 1024)) == "tokens 1,200 in (1,024 from the provider's cache), 300 out"


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-3, 3))
def test_a_sum_that_does_not_hold_is_not_called_equal(delivered: int, rejected: int, failed: int, off: int) -> None:
    line = counts_line(Counts(0, delivered + rejected + failed + off, delivered, rejected, failed))

    assert ("=" in line) == (off == 0)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_a_histogram_shows_every_bucket_that_holds_something(counts: list[int]) -> None:
    lines = histogram_lines([Bucket(f"r{n}", c) for n, c in enumerate(counts)])

    blocks = [line.count("█") for line in lines]
    assert [b > 0 for b in blocks] == [c > 0 for c in counts]
    assert max(blocks) == (40 if any(counts) else 0)
    assert [int(line.split()[-1]) for line in lines] == counts


def test_names_are_unique_and_stable(tmp_path: Path) -> None:
    for name in ("a/readme.md", "b/readme.md", "b/only.txt", "b/.git/config.md", "b/skip.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    sources, unused = collect([tmp_path, tmp_path / "b" / "only.txt", tmp_path / "a"], exclude=["*.csv"])

    assert [s.name for s in sources] == ["a__readme.md", "only.txt", "b__readme.md"]
    assert unused == []
    assert [s.name for s in collect([tmp_path / "a", tmp_path / "b" / "readme.md"])[0]] == ["readme.md", "2_readme.md"]


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def __enter__(self) -> Heard:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def step(self, step: Step) -> None:
        self.steps.append(step)

    def note(self, message: str) -> None:
        pass

    def event(self, kind: str, values: object) -> None:
        pass


def test_a_job_that_tops_up_counts_on_and_its_rate_is_the_servers() -> None:
    heard = Heard()
    watch = Watch(heard)

    def see(status: str, done: int, total: int, asked: int, settled: int) -> None:
        watch(read(Generation, {
            "generationId": "gen_1", "projectId": "proj_1", "status": status, "stage": status, "costUsd": 0.1,
            "counts": {"requested": 100, "asked": asked, "delivered": settled, "rejected": 0, "failed": 0},
            "progressDetail": {"stage": status, "done": done, "total": total, "ratePerSecond": 0.5},
        }))

    see("generating", 0, 100, 100, 0)
    see("generating", 80, 100, 100, 0)
    see("validating", 100, 100, 100, 0)
    see("generating", 5, 20, 120, 100)
    see("completed", 0, 0, 120, 120)

    assert [(s.stage, s.done, s.total, s.finished) for s in heard.steps] == [
        ("generate", 0, 100, False), ("generate", 80, 100, False), ("generate", 100, 100, True),
        ("validate", 100, 100, False), ("generate", 105, 120, False), ("generate", 120, 120, True),
        ("validate", 120, 120, True),
    ]
    assert [s.rate for s in heard.steps[:2]] == [0.5, 0.5]
    assert heard.steps[1].seconds_left == 40


def test_both_spellings_of_a_report_are_read() -> None:
    def job(report: object) -> Generation:
        return read(Generation, {"generationId": "g", "projectId": "p", "status": "completed", "report": report})

    ours = job({"quality_histogram": {"0.9-1.0": 3}, "avg_quality_score": 0.95}).report
    listed = job({"histogram": [{"range": "0.9-1.0", "count": 3}], "quality": {"mean": 0.95}}).report

    assert ours is not None
    assert listed is not None
    assert ours.histogram == listed.histogram == (Bucket("0.9-1.0", 3),)
    assert ours.avg_quality_score == listed.avg_quality_score == 0.95

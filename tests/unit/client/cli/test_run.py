"""`dataforge run` against the fake API: what it sends, which files it writes, what it prints."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dataforge_client.cli import execute
from tests.support.cli_process import COMMAND, connection_arguments, read_all
from tests.support.fake_api import ESTIMATE, KEY, FakeApi, Fault


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


def test_without_a_terminal_progress_is_plain_lines(run: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    run("--pairs", "6")

    said = capfd.readouterr().err
    assert "\x1b" not in said
    assert "\r" not in said
    stages = re.findall(r"^(\w+)  .* done", said, re.MULTILINE)
    assert stages == ["upload", "parse", "generate", "validate", "export"]


def test_who_verifies_reaches_the_server_and_what_was_said_is_shown(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    said = {"verifier": "light", "confirmed": 4, "doubted": 1, "rejected": 0, "unverified": 1, "cost_usd": 0.25}
    api.report = {"verification": said}

    code = run("--pairs", "6", "--verify", "all", "--verifier", "light")

    sent = list(api.generations.values())[-1]["config"]
    assert code == 0
    assert (sent["verify"], sent["verifier"]) == ("all", "light")
    assert "verifier light: 4 confirmed, 1 doubted, 1 unverified, cost $0.25" in capfd.readouterr().err


def test_what_the_options_say_reaches_the_server(run: Callable[..., int], api: FakeApi) -> None:
    run(
        "--pairs",
        "6",
        "--teacher",
        "ollama:llama3.2",
        "--temperature",
        "0.2",
        "--seed",
        "7",
        "--min-quality",
        "0.5",
        "--system-prompt",
        "Be brief.",
        "--format",
        "alpaca",
        "--project",
        "Rules",
        "--mode",
        "batch",
    )

    bodies = {s.path.rsplit("/", 1)[1]: s.json for s in api.seen if s.method == "POST" and s.body}
    assert bodies["projects"] == {
        "name": "Rules",
        "config": {n: v for n, v in bodies["generate"].items() if n != "config"} | bodies["generate"]["config"],
    }
    assert bodies["generate"] == {
        "model_id": "ollama:llama3.2",
        "num_pairs": 6,
        "temperature": 0.2,
        "system_prompt": "Be brief.",
        "config": {"seed": 7, "auto_accept_min_quality": 0.5, "mode": "batch"},
    }
    assert bodies["export"] == {"format": "alpaca"}


def test_what_is_to_be_spread_reaches_the_server(run: Callable[..., int], api: FakeApi) -> None:
    run(
        "--pairs",
        "6",
        "--teacher",
        "ollama:llama3.2",
        "--question-type",
        "factual",
        "--question-type",
        "how-to=2",
        "--persona",
        "mixed",
        "--style",
        "keywords",
        "--style",
        "a=b",
        "--multi-hop",
        "0.2",
    )

    asked, sent = [s.json for s in api.seen if s.method == "POST" and s.path.endswith("/generate")]
    assert asked == {**sent, "estimate": True}
    assert {k: v for k, v in sent["config"].items() if k != "auto_accept_min_quality"} == {
        "question_types": {"factual": 1, "how-to": 2},
        "personas": "mixed",
        "styles": ["keywords", "a=b"],
        "multi_hop_share": 0.2,
    }


def test_a_dry_run_says_what_it_would_take_and_starts_nothing(
    run: Callable[..., int], api: FakeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = run("--pairs", "6", "--teacher", "ollama:llama3.2", "--max-cost", "0.5", "--mode", "batch", "--dry-run")

    said = capfd.readouterr().err
    assert code == 0
    assert [g["kind"] for g in api.generations.values()] == ["parse"]
    assert not (tmp_path / "set.jsonl").exists()
    assert "about 6 pairs in 2 to 3 calls to the teacher" in said
    assert "tokens 900 to 1,500 in, 240 to 2,100 out\ncost $0.0040 to $0.03\n" in said
    again = shlex.split(said.splitlines()[-1].replace('"$DATAFORGE_API_KEY"', KEY))
    assert "--dry-run" not in again
    assert execute(again[1:]) == 0
    assert [g["kind"] for g in api.generations.values()] == ["parse", "generate"]
    assert list(api.generations.values())[-1]["config"].items() >= {"mode": "batch", "max_cost_usd": 0.5}.items()
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
    assert "cost $0.02; tokens 1,200 in, 300 out\nestimated before the start: cost $0.0040 to $0.03; tokens" in said
    assert "4 of the 6 requested pairs were delivered: more would have cost more than --max-cost" in said


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
    assert f"reasons to {tmp_path / 'set.rejected.jsonl'} and {tmp_path / 'set.failed.jsonl'}" in said
    assert json.loads(capfd.readouterr().out.splitlines()[-1])["losses"] == []
    assert sorted(path.name for path in tmp_path.glob("set*")) == ["set.jsonl", "set.report.html"]


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
        "upload",
        "parse",
        "generate",
        "validate",
        "export",
    }
    assert said.err == ""


def test_flagged_pairs_are_counted_and_the_summary_says_how_to_get_them(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    api.flagged, api.rejected = 2, 1

    code = run("--pairs", "6")
    said = capfd.readouterr().err
    as_json = run("--pairs", "6", "--json")
    result = json.loads(capfd.readouterr().out.splitlines()[-1])

    assert (code, as_json) == (3, 3)
    assert "asked 6 = delivered 5 + rejected 1 + failed 0; 2 of the delivered are flagged\n  flagged: vague 2\n" in said
    assert "2 delivered pairs need review (flagged) and are not in the file: " in said
    assert " pairs proj_0001 --status pending --flagged" in said
    assert " bulk proj_0001 accept --generation gen_0005 --flagged --include-flagged" in said
    assert "scored below" not in said
    assert (result["flagged"], result["flagged_by_check"]) == (2, {"vague": 2})
    assert (result["lines"], result["waiting_for_review"], result["flagged_waiting"]) == (3, 2, 2)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("strict", "strict"),
        ("truncated=review,ungrounded=off", {"truncated": "review", "ungrounded": "off"}),
        (" lenient , truncated = review ", {"level": "lenient", "truncated": "review"}),
    ],
)
def test_checks_and_language_reach_the_server(run: Callable[..., int], api: FakeApi, typed: str, sent: object) -> None:
    code = run("--checks", typed, "--language", "de", "--quiet")

    config = [s.json["config"] for s in api.seen if s.path.endswith("/generate")]
    assert code == 0
    assert [(c["checks"], c["language"]) for c in config] == [(sent, "de")] * 2, "asked before the upload, too"


def test_out_is_no_device(run: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert run("--out", str(tmp_path / "pipe")) == 2
    assert "pipe is not a regular file; - writes to stdout" in capfd.readouterr().err
    assert (tmp_path / "pipe").is_fifo()


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
        [*COMMAND, "run", str(docs), "--pairs", "6", "--out", str(tmp_path / "set.jsonl"), *connection_arguments(api)],
        stderr=theirs,
        stdout=theirs,
        env=environment,
    )
    os.close(theirs)
    screen = read_all(ours)

    assert done.wait() == 0
    assert "\x1b[" in screen
    assert "━" in screen
    assert all(stage in screen for stage in ("upload", "parse", "generate", "validate", "export"))
    assert "asked 6 = delivered 6" in screen

"""`dataforge check`: exit codes, outputs and the report, with the real checks in their own process."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from dataforge_client.cli import execute, local_check
from tests.support import training_files
from tests.support.training_files import EXCHANGES, SHAPES

FIELDS = {
    *("type", "status", "exit_code", "file", "out"),
    *("lines", "accepted", "flagged", "rejected", "unreadable", "problems", "shapes"),
    *("sources", "trainer", "policy", "seconds"),
    *("rejected_by_check", "flagged_by_check", "examples", "checks"),
    *("pass_rate", "accepted_rate", "mean_score", "score_histogram", "diversity_score", "grade", "grades"),
}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Four good records, one that is there twice, one line that is cut off."""
    lines = [SHAPES["chatml"](*one) for one in EXCHANGES]
    return training_files.write(tmp_path / "mixed.jsonl", [*lines, lines[0], '{"messages": ['])


def test_the_report_says_what_was_found(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = execute(["check", str(mixed)])

    printed = capsys.readouterr()
    assert code == 0
    assert f"{mixed}: 6 lines (messages 5)" in printed.out
    assert "near_duplicate" in printed.out
    assert "Invalid JSON on line 6" in printed.out
    assert printed.err == ""


def test_the_report_as_json(mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, bad = tmp_path / "kept.jsonl", tmp_path / "bad.jsonl"

    code = execute(["check", str(mixed), "--json", "--out", str(kept), "--rejected", str(bad)])

    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert report.keys() >= FIELDS
    assert report["rejected_by_check"]["near_duplicate"] == 1
    assert sum(report[name] for name in ("accepted", "flagged", "rejected", "unreadable")) == report["lines"] == 6
    assert len(training_files.read(kept)) + len(training_files.read(bad)) == 6
    assert report["out"] == {"out": str(kept), "rejected": str(bad)}


def test_documents_are_the_source_of_lines_that_name_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "harbour.md").write_text("# Opening hours\n\nOn Saturdays the harbour office opens at nine.\n", "utf-8")
    lines = [
        SHAPES["chatml"](*EXCHANGES[0]),
        SHAPES["alpaca"](EXCHANGES[0][0], "On Saturdays the harbour office opens at eleven."),
        SHAPES["chatml"]("Who painted the ceiling of the chapel?", "A painter from Florence painted all of it."),
    ]
    file = training_files.write(tmp_path / "set.jsonl", lines)
    verdicts = tmp_path / "verdicts.jsonl"

    code = execute(["check", str(file), "--sources", str(docs), "--verdicts", str(verdicts), "--json"])

    report = json.loads(capsys.readouterr().out)
    right, wrong, _ = training_files.read(verdicts)
    assert code == 0
    assert report["sources"]["lines"] == {"own": 0, "named": 0, "search": 2, "none": 1}
    assert report["sources"]["documents"] == [{"name": "harbour.md", "passages": 1, "used": 1, "lines": 2}]
    assert right["outcome"] == "accepted"
    assert any("eleven" in word for finding in wrong["findings"] for word in finding.get("words", ()))


def test_a_file_of_passages_is_named_by_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    passages = [{"chunk_id": f"c{n}", "document": "rules.md", "text": f"{q} {a}"} for n, (q, a) in enumerate(EXCHANGES)]
    lines = [{"chunk_id": f"c{n}", "question": q, "answer": a} for n, (q, a) in enumerate(EXCHANGES)]
    sources = training_files.write(tmp_path / "chunks.jsonl", passages)
    file = training_files.write(tmp_path / "records.jsonl", lines)

    execute(["check", str(file), "--sources", str(sources), "--json"])

    assert json.loads(capsys.readouterr().out)["sources"]["lines"]["named"] == len(EXCHANGES)


def test_what_a_trainer_would_refuse_is_rejected_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [SHAPES["chatml"](*one) for one in EXCHANGES]
    lines[2]["messages"][0]["mood"] = "good"
    file, kept = training_files.write(tmp_path / "set.jsonl", lines), tmp_path / "kept.jsonl"

    code = execute(["check", str(file), "--for", "openai", "--json", "--out", str(kept), "--min-grade", "C"])

    report = json.loads(capsys.readouterr().out)
    assert (code, report["grade"]) == (6, "D")
    assert report["trainer"]["file"] == ["OpenAI fine-tuning needs at least 10 examples, the file has 4"]
    (violation,) = report["trainer"]["violations"]
    assert (violation["line"], violation["field"]) == (3, "messages[0].mood")
    assert lines[2] not in training_files.read(kept)


def test_a_grade_below_the_least_has_its_own_exit_code(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = execute(["check", str(mixed), "--min-grade", "A", "--quiet"])

    assert code == 6
    assert "lower than A" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_refused_with_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = training_files.write(tmp_path / "set.jsonl", [{"instruction": "Sing"}])

    code = execute(["check", str(file)])

    assert code == 2
    assert "Missing required field 'output' on line 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--checks", "severe"],
        ["--checks", "refusal=maybe"],
        ["--checks", "no_such_check=off"],
        ["--min-grade", "E"],
        ["--out", "no/such/folder/kept.jsonl"],
    ],
)
def test_wrong_options_are_refused(options: list[str], mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["check", str(mixed), *options]) == 2
    assert capsys.readouterr().out == ""


def test_no_output_replaces_the_file_that_is_checked(mixed: Path) -> None:
    before = mixed.read_bytes()

    code = execute(["check", str(mixed), "--out", str(mixed)])

    assert (code, mixed.read_bytes()) == (2, before)


def test_lines_from_stdin(mixed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mixed.read_bytes())))

    assert execute(["check", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] == 6


def test_a_client_without_the_server_says_what_to_install(
    mixed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local_check, "MODULE", "dataforge_not_installed.check")

    code = execute(["check", str(mixed)])

    assert code == 1
    assert "install dataforge-server[machine]" in capsys.readouterr().err

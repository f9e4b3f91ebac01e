"""How `dataforge run` ends: exit codes, documents and pairs that were lost, and requests that are refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataforge_client import DataForge
from tests.support.fake_api import FakeApi, Fault


def test_a_bad_document_is_listed_and_the_others_are_used(
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
    assert "Files of unsupported types in the folders: 1 .png" in said
    assert {d["name"] for d in next(iter(api.documents.values()))} == {"leave.md", "travel.txt", "secret.pdf"}


def test_a_wrong_type_that_was_named_is_partial_but_one_in_a_folder_is_not(run: Callable[..., int], docs: Path) -> None:
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


@pytest.mark.parametrize(
    ("options", "code", "answer"),
    [
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
    ],
)
def test_failures_have_their_exit_code_and_say_why(
    run: Callable[..., int], capfd: pytest.CaptureFixture[str], options: list[str], code: int, answer: str
) -> None:
    assert run(*options) == code

    assert answer in capfd.readouterr().err


WRONG = [
    (["--teacher", "nobody"], 2, "There is no teacher 'nobody'"),
    (["--mode", "batch"], 2, "mode: the teacher extractive has no batch API"),
    (["--teacher", "openai:nokey"], 4, "set OPENAI_API_KEY"),
]


@pytest.mark.parametrize(("options", "code", "answer"), WRONG)
@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_an_invalid_request_is_refused_before_the_upload(
    run: Callable[..., int],
    api: FakeApi,
    capfd: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    answer: str,
    more: tuple[str, ...],
) -> None:
    assert run(*options, *more) == code

    said = capfd.readouterr().err
    assert answer in said
    assert "--resume" not in said
    assert (api.projects, api.files, api.generations) == ({}, {}, {})


def test_a_refused_request_in_json_has_nothing_to_resume(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    run("--teacher", "nobody", "--json")

    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (result["exit_code"], result["error"]["code"]) == (2, "UNKNOWN_TEACHER")
    assert (result["project_id"], result["resume"]) == (None, None)


def test_a_project_that_was_there_before_survives_a_refused_request(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    run("--dry-run")
    [project_id] = api.projects
    api.projects[project_id]["defaultConfig"] = {}  # as of a project that another program made
    uploads = api.count("/upload-url")

    code = run("--resume", project_id, "--teacher", "nobody")

    assert code == 2
    assert list(api.projects) == [project_id]
    assert api.count("/upload-url") == uploads
    assert f"--resume {project_id}" in capfd.readouterr().err


def test_default_options_need_no_check_before_the_upload(run: Callable[..., int], api: FakeApi) -> None:
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


def test_a_file_whose_name_is_not_utf8_is_listed_and_the_others_are_used(
    run: Callable[..., int], api: FakeApi, docs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = os.fsencode(docs) + b"/caf\xe9.md"
    Path(os.fsdecode(bad)).write_text("# Coffee\nAt ten.")

    code = run("--pairs", "6")

    said = capfd.readouterr().err
    assert code == 3
    assert r"caf\xe9.md: file_name: its name is not UTF-8: rename it" in said
    assert {d["name"] for d in next(iter(api.documents.values()))} == {"leave.md", "travel.txt"}


def test_files_of_one_name_in_a_folder_whose_name_is_not_utf8_are_used(
    run: Callable[..., int], api: FakeApi, docs: Path
) -> None:
    folder = Path(os.fsdecode(os.fsencode(docs) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "leave.md").write_text("# Coffee\nAt ten.")

    assert run(paths=(str(docs),)) == 0
    assert {d["name"] for d in next(iter(api.documents.values()))} == {"leave.md", "travel.txt", r"caf\xe9__leave.md"}


def test_a_folder_whose_name_is_not_utf8_can_be_the_argument(run: Callable[..., int], docs: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(docs) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "leave.md").write_text("# Coffee\nAt ten.")

    assert run(paths=(str(folder),)) == 0


def test_an_unexpected_exception_of_one_upload_fails_that_document_only(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    upload = DataForge.upload_file

    def broken(self: DataForge, project: str, path: Path, **options: Any) -> object:
        if path.name == "leave.md":
            raise LookupError("no such codec")
        return upload(self, project, path, **options)

    monkeypatch.setattr(DataForge, "upload_file", broken)

    assert run() == 3
    assert "leave.md: unreadable: LookupError: no such codec (a defect of dataforge" in capfd.readouterr().err


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_defect_ends_with_a_message_and_a_code_and_no_traceback(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], options: tuple[str]
) -> None:
    def broken(*_: object, **__: object) -> object:
        raise RuntimeError("two is three")

    monkeypatch.setattr(DataForge, "parse", broken)

    code = run(*options)

    said = capfd.readouterr()
    assert code == 1
    assert "RuntimeError: two is three (a defect of dataforge: please report it)" in said.out + said.err
    assert "--resume proj_" in said.out + said.err
    assert "Traceback" not in said.err

"""`dataforge run` as a person runs it: real files, a real local server, no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT
from tests.support.server_processes import Machine, books

GUARD = """
import ipaddress, os, sys

def watch(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    try:
        fine = host is None or ipaddress.ip_address(host).is_loopback
    except ValueError:
        fine = host == "localhost"
    if not fine:
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{sys.argv} {event} {host}\\n")
        raise PermissionError(f"no network at run time: {host}")

sys.addaudithook(watch)
"""


def dataforge(*args: object, **env: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as installed."""
    return subprocess.run(
        [sys.executable, "-m", "dataforge_client.cli", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        env={**os.environ, **env},
        check=False,
    )


def result_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The last line of `--json`."""
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["type"] == "result", done.stderr
    return last


def conversations(path: Path) -> list[tuple[str, str]]:
    """(question, answer) of each ChatML line; every line must have exactly that shape."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        messages = json.loads(line)["messages"]
        assert [m["role"] for m in messages] == ["user", "assistant"]
        found.append((messages[0]["content"], messages[1]["content"]))
    return found


# checklist 19, 44
def test_the_demo_makes_a_hundred_pairs_without_any_network(tmp_path: Path) -> None:
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard/sitecustomize.py").write_text(GUARD)
    log = tmp_path / "network.log"

    done = dataforge(
        "run",
        "examples/handbook",
        "--pairs",
        150,
        "--out",
        tmp_path / "handbook.jsonl",
        "--home",
        tmp_path / "home",
        PYTHONPATH=str(tmp_path / "guard"),
        NETWORK_LOG=str(log),
    )

    assert done.returncode == 0, done.stderr
    assert not log.exists(), log.read_text()
    pairs = conversations(tmp_path / "handbook.jsonl")
    assert len(pairs) >= 100
    assert len({question for question, _ in pairs}) == len(pairs)
    assert "asked" in done.stderr
    assert "delivered" in done.stderr


def test_the_guard_of_that_test_does_stop_a_connection(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(GUARD)
    reach = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"

    done = subprocess.run(
        [sys.executable, "-c", reach],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "NETWORK_LOG": str(tmp_path / "log")},
    )

    assert "no network at run time" in done.stderr
    assert (tmp_path / "log").exists()


def test_the_same_command_against_an_openai_compatible_server(machine: Machine, tmp_path: Path) -> None:
    stub = machine.stub(0.01)

    done = dataforge(
        "run",
        "examples/handbook/customer-service-guide.md",
        "--pairs",
        20,
        "--teacher",
        "openai:any",
        "--out",
        tmp_path / "out.jsonl",
        "--home",
        tmp_path / "home",
        "--json",
        OPENAI_BASE_URL=stub.ready["url"],
    )

    answer = result_of(done)
    counts = answer["counts"]
    assert counts["asked"] == counts["delivered"] + counts["rejected"] + counts["failed"]
    assert counts["delivered"] >= 15
    assert books(stub)["calls"] >= 4
    assert conversations(tmp_path / "out.jsonl")


PDFS = (
    "multi_page.pdf",
    "amt_handbook_sample.pdf",
    "2305.03393v1-pg9.pdf",
    "code_and_formula.pdf",
    "table_of_contents_01.pdf",
)
DOCX = ("word_sample.docx", "unit_test_headers.docx", "docx_lists.docx")


# checklist 19, 21, 37, 38
def test_real_pdfs_and_word_files_give_pairs_that_say_what_the_documents_say(corpus: Path, tmp_path: Path) -> None:
    sources = [corpus / name for name in (*PDFS, *DOCX)]

    done = dataforge(
        "run",
        *sources,
        "--pairs",
        300,
        "--out",
        tmp_path / "out.jsonl",
        "--home",
        tmp_path / "home",
        "--json",
        "--checks",
        "about_form=off",  # "How many sections does the nut have?" asks about the nut
    )

    answer = result_of(done)
    counts = answer["counts"]
    assert done.returncode == 3, "these documents do not hold 300 pairs, and the command says so"
    assert answer["documents"]["failed"] == []
    assert counts["asked"] == counts["delivered"] + counts["rejected"] + counts["failed"]
    pairs = conversations(tmp_path / "out.jsonl")
    assert len(pairs) == counts["delivered"] - answer["flagged"] >= 60
    for asked, answered in FACTS:
        assert any(asked in q and answered in a for q, a in pairs), f"nobody asks {asked!r} and is told {answered!r}"


FACTS = [
    ("calories", "150 calories per portion"),  # a table of word_sample.docx
    ("Boots self-locking nut", "two nuts in one: a locking nut and a load-carrying nut"),  # amt_handbook_sample.pdf
    ("nuts", "three different spring styles"),
    ("MT/ST", "Introduced in 1964, this machine combined IBM's Selectric typewriter"),  # multi_page.pdf
    ("Wang", "small screens and floppy disks"),
    ("Google Docs", "cloud-based word processing"),
]


def write_bad_files(folder: Path, corpus: Path) -> None:
    for name in ("password.pdf", "testWORD_protected_passtika.docx", "testWORD_truncated.docx"):
        shutil.copy(corpus / name, folder)
    (folder / "empty.md").write_bytes(b"")
    (folder / "program.pdf").write_bytes(b"\x7fELF" + bytes(500))
    (folder / "torn.pdf").write_bytes((corpus / "pdflatex-4-pages.pdf").read_bytes()[:6000])
    (folder / "huge.txt").write_text("Water is wet. " * 50_000)
    (folder / "good.md").write_text(
        "# Gangways\n\nA gangway is a movable bridge between a ship and the quay. The crew checks it every morning.\n"
        "Passengers must hold the rail at all times. The gangway carries at most 40 persons.\n"
    )


# checklist 21
def test_bad_files_fail_with_a_reason_the_good_one_goes_on_and_the_exit_code_is_3(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "mixed").mkdir()
    write_bad_files(tmp_path / "mixed", corpus)

    done = dataforge(
        "run",
        tmp_path / "mixed",
        "--pairs",
        3,
        "--out",
        tmp_path / "out.jsonl",
        "--home",
        tmp_path / "home",
        "--min-quality",
        0,
        "--json",
        DATAFORGE_MAX_UPLOAD_BYTES="200000",
    )

    assert done.returncode == 3, done.stderr
    failed = {Path(d["name"]).name: d["reason"] for d in result_of(done)["documents"]["failed"]}
    assert failed == {
        "password.pdf": "encrypted",
        "testWORD_protected_passtika.docx": "encrypted",
        "testWORD_truncated.docx": "corrupted",
        "empty.md": "empty",
        "program.pdf": "unsupported",
        "torn.pdf": "corrupted",
        "huge.txt": "too_large",
    }
    assert any("gangway" in q.casefold() for q, _ in conversations(tmp_path / "out.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "no/such/folder"], 2, "does not exist"),
        (["run", "examples/handbook", "--pairs", "0"], 2, "--pairs"),
        (["run", "examples/handbook", "--teacher", "openai:gpt-4o"], 4, "OPENAI_API_KEY"),
        (["run", "examples/handbook", "--teacher", "nobody:knows"], 2, "names no teacher"),
        (["run", "examples/handbook", "--server", "http://127.0.0.1:9", "--api-key", "sk_x"], 1, "127.0.0.1:9"),
    ],
)
def test_what_cannot_work_says_why_and_exits_so(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    home = [] if "--server" in arguments else ["--home", tmp_path / "home"] if "--teacher" in arguments else []

    done = dataforge(*arguments, "--out", tmp_path / "out.jsonl", *home)

    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "out.jsonl").exists()

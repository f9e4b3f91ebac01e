"""What reaches a terminal: no control sequence, no hidden password, tables that fit and ids that are whole."""

from __future__ import annotations

import ast
import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dataforge_client import DataForge
from dataforge_client.cli import execute
from dataforge_client.cli.tables import table_lines
from dataforge_client.cli.terminal import json_text, visible
from dataforge_client.errors import ClientError
from dataforge_client.transport import Retry
from tests.support.cli_process import COMMAND, connection_arguments, read_all
from tests.support.fake_api import KEY, ORGANIZATION, FakeApi
from tests.support.paths import ROOT
from tests.support.source_code import tree_of

CLI = ROOT / "client/dataforge_client/cli"
EVIL = "a\x1b]0;title\x07b\x1b[2Jc\rd\x9be\u202ef\u2066g\u200fh\x00i\x7fj\udcffk\U000e0041l"


def test_orders_to_a_terminal_become_text() -> None:
    assert visible("line\n\ttext é 字") == "line\n\ttext é 字"
    assert visible(EVIL) == (r"a\x1b]0;title\x07b\x1b[2Jc\x0dd\x9be\u202ef\u2066g\u200fh\x00i\x7fj\udcffk\U000e0041l")


def test_json_is_escaped_and_means_the_same() -> None:
    text = json_text({"answer": EVIL}, indent=2)

    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == {"answer": EVIL}


def test_passwords_of_urls_are_not_printed() -> None:
    assert visible("https://ann:s3cret@host/v1 and a@b.example") == "https://***@host/v1 and a@b.example"


@pytest.mark.parametrize("path", sorted(CLI.glob("*.py")), ids=lambda p: p.stem)
def test_only_one_module_prints(path: Path) -> None:
    """All others go through it, so that nothing reaches the terminal as a server sent it."""
    direct = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("click.echo", "click.secho", "print", "sys.stdout.write", "sys.stderr.write")
        and "json_text(" not in ast.unparse(node)
    ]

    assert path.stem == "terminal" or direct == []


def on_a_terminal(*words: str, columns: int = 80) -> tuple[int, str]:
    """Exit code and what the terminal gets, line ends as the program wrote them."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *words],
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "dumb", "COLUMNS": str(columns)},
    )
    os.close(theirs)
    screen = read_all(ours)
    return process.wait(), screen.replace("\r\n", "\n")


def filled(api: FakeApi) -> str:
    with DataForge(api.url, KEY, ORGANIZATION) as forge:
        project = forge.create_project("name " + EVIL.partition("\udcff")[0]).project_id
    api.pairs[project] = [
        {
            "pairId": f"pair_{'0' * 26}_{'1' * 26}_{n:06d}",
            "projectId": project,
            "generationId": f"gen_{'1' * 26}",
            "question": f"What {EVIL} is it? " * 9,
            "answer": EVIL,
            "status": "accepted",
            "createdAt": "2026-01-01T10:00:00.000Z",
        }
        for n in range(3)
    ]
    return project


@pytest.mark.parametrize("words", [("projects",), ("pairs", "P"), ("pairs", "P", "--json"), ("trace", "PAIR")])
def test_texts_of_a_server_cannot_steer_a_terminal(api: FakeApi, words: tuple[str, ...]) -> None:
    project = filled(api)
    names = {"P": project, "PAIR": f"pair_{'0' * 26}_{'1' * 26}_000001"}

    code, screen = on_a_terminal(*(names.get(w, w) for w in words), *connection_arguments(api))

    assert code == 0, screen
    assert not {c for c in screen if not c.isprintable()} - {"\n"}
    assert "1b" in screen


def test_tables_fit_and_ids_stay_whole(api: FakeApi) -> None:
    project = filled(api)

    _, pairs = on_a_terminal("pairs", project, *connection_arguments(api))
    _, projects = on_a_terminal("projects", *connection_arguments(api))

    assert max(map(len, [*pairs.splitlines(), *projects.splitlines()])) <= 80
    assert all(f"pair_{'0' * 26}_{'1' * 26}_{n:06d}\n" in pairs for n in range(3))


def test_a_wide_table_has_one_line_for_a_row_and_a_narrow_one_cuts_no_id() -> None:
    ids = [f"doc_{'0' * 25}{n}" for n in range(3)]
    cells = {"DOCUMENT": ids, "NAME": ["字" * 40] * 3, "WHEN": ["2026-01-01T10:00:00Z"] * 3, "PAGES": ["123456"] * 3}

    wide, narrow = table_lines(cells, 200), table_lines(cells, 40)

    assert len(wide) == 4
    assert wide[1].split("  ") == [ids[0], "字" * 29 + "…", "", "2026-01-01 10:00", "123456"] or "字" in wide[1]
    assert [line for line in narrow if line in ids] == ids
    assert all("2026-01-01 10:00" in line or line in ids for line in narrow[2:])


def test_a_refused_key_says_which_one_and_what_to_do(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_API_KEY", "sk_old")
    server = api.url.replace("http://", "http://ann:s3cret@")

    code = execute(["projects", "--server", server, "--organization", ORGANIZATION])

    said = capfd.readouterr().err
    assert code == 4
    assert "refused the key of DATAFORGE_API_KEY: it is unknown, or it was revoked or has expired" in said
    assert "dataforge login" in said
    assert "***@127.0.0.1" in said
    assert "s3cret" not in said


@pytest.mark.parametrize("server", ["http://ann:s3cret@127.0.0.1:9", "ftp://ann:s3cret@host", "http://ann:s3cret@["])
def test_a_password_in_the_url_is_in_no_error(server: str) -> None:
    with (
        pytest.raises(ClientError, match=r"\*\*\*@") as refused,
        DataForge(server, "sk_x", "org_x", retry=Retry(tries=1)) as forge,
    ):
        forge.list_projects()

    assert "s3cret" not in str(refused.value)


def test_a_password_in_the_url_is_in_no_command_to_paste(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    run("--pairs", "6", "--server", api.url.replace("http://", "http://ann:s3cret@"))

    said = capfd.readouterr().err
    assert "s3cret" not in said
    assert '--server "$DATAFORGE_URL"' in said

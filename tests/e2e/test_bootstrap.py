"""From nothing to a first key: `dataforge org`, `key` and `member` on a data folder, also while a server serves it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dataforge_client import DataForge
from dataforge_client.errors import AuthenticationError, PermissionDenied
from tests.support.server_processes import Machine, Process

COMMAND = [sys.executable, "-m", "dataforge_client.cli"]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server or profile of the machine that runs the tests."""
    for name in [n for n in os.environ if n.startswith("DATAFORGE_") and "CONFIG" not in n]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATAFORGE_CONFIG", str(tmp_path / "no-profiles.toml"))


def dataforge(*words: str, expect: int = 0) -> str:
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stderr
    return done.stdout if expect == 0 else done.stderr


def output_of(*words: str) -> Any:
    return json.loads(dataforge(*words, "--json"))


@pytest.mark.usefixtures("alone")
def test_an_organisation_and_its_keys_are_made_while_the_server_runs(machine: Machine, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server = machine.server(home)
    url = server.ready["url"]

    acme = output_of("org", "create", "Acme", "--email", "ada@example.com", "--home", str(home))
    inside = ("--home", str(home), "--org", acme["organization_id"])
    reader = dataforge("key", "create", "--name", "reports", "--scope", "data-forge:read", *inside).strip()

    with DataForge(url, acme["key"]) as data_forge:
        assert data_forge.whoami().organization_id == acme["organization_id"]
        assert [(k.name, k.scopes) for k in data_forge.list_api_keys()] == [
            ("first key", ("admin",)),
            ("reports", ("data-forge:read",)),
        ]
    with DataForge(url, reader, acme["organization_id"]) as data_forge:
        assert data_forge.list_projects() == []
        with pytest.raises(PermissionDenied, match="data-forge:write"):
            data_forge.create_project("x")
    assert {o["name"] for o in output_of("org", "list", "--home", str(home))} == {"local", "Acme"}

    used = {k["name"]: k for k in output_of("key", "list", *inside)}
    dataforge("key", "revoke", used["reports"]["id"], *inside)
    assert used["reports"]["last_used_at"] is not None
    with DataForge(url, reader, acme["organization_id"]) as data_forge, pytest.raises(AuthenticationError):
        data_forge.list_projects()


@pytest.mark.usefixtures("alone")
def test_the_operator_sets_limits_and_every_key_sees_them(machine: Machine, tmp_path: Path) -> None:
    home = tmp_path / "home"
    server = machine.server(home)
    key = json.loads((home / "credentials.json").read_text())["api_key"]
    at_server = ("--server", server.ready["url"], "--api-key", key)

    made = output_of("ledger", "limits", "--home", str(home), "--model", "ollama:*", "--monthly-budget", "20")
    shown = output_of("ledger", "limits", *at_server)
    refused = dataforge("ledger", "limits", *at_server, "--monthly-budget", "900", expect=2)
    plain = dataforge("ledger", "limits", *at_server)

    assert (made["models"], made["monthly_budget_usd"]) == (["ollama:*"], 20)
    assert shown == {name: value for name, value in made.items() if name != "organization_id"}
    assert "--home or --stage" in refused
    assert "models\tollama:*" in plain
    assert "available_usd\t20.0" in plain


@pytest.mark.usefixtures("alone")
def test_keys_and_members_are_managed_through_a_server_too(machine: Machine, tmp_path: Path) -> None:
    first = output_of("org", "create", "Acme", "--home", str(tmp_path))
    server = machine.server(tmp_path)
    remote = ("--server", server.ready["url"], "--api-key", first["key"])

    user = dataforge("member", "add", "--name", "Ada", "--email", "ada@example.com", *remote).strip()
    key = dataforge("key", "create", "--user", user, *remote).strip()
    _whoami(server, key, user)
    listed = dataforge("member", "list", *remote).splitlines()
    dataforge("member", "remove", user, *remote)

    assert [line.split("\t")[1:5] for line in listed] == [
        ["", "", "yes", "owner"],
        ["Ada", "ada@example.com", "yes", "member"],
    ]
    with DataForge(server.ready["url"], key) as data_forge, pytest.raises(AuthenticationError):
        data_forge.whoami()
    assert "last owner" in dataforge("member", "remove", first["user_id"], *remote, expect=1)
    assert [k["name"] for k in output_of("key", "list", *remote)] == ["first key"]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("words", "why", "code"),
    [
        (["key", "create", "--scope", "root"], "There is no scope root", 2),
        (["key", "create", "--org", "org_none"], "Organization org_none not found", 1),
        (["key", "revoke", "key_none"], "API key key_none not found", 1),
        (["org", "create", "x", "--server", "http://127.0.0.1:1"], "--home or --stage", 2),
        (["org", "list", "--stage", "prod"], "--home or --stage", 2),
        (["org", "create", ""], "1 to 200 characters", 2),
    ],
)
def test_what_cannot_work_says_why(tmp_path: Path, words: list[str], why: str, code: int) -> None:
    dataforge("org", "create", "Acme", "--home", str(tmp_path))

    assert why in dataforge(*words, "--home", str(tmp_path), expect=code)


def _whoami(server: Process, key: str, user: str) -> None:
    with DataForge(server.ready["url"], key) as data_forge:
        assert data_forge.whoami().user_id == user

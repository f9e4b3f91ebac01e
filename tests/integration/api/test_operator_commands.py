"""The operator's tool on both backends: one JSON line, and nothing of a key in the tables but its hash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dataforge import access, platform, settings
from dataforge.errors import Unauthenticated
from dataforge_infra.local import admin
from tests.support import storage_backends


@pytest.fixture(params=["embedded", "aws"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """The arguments that say which backend the tool opens."""
    if request.param == "embedded":
        yield ["--home", str(tmp_path)]
    else:
        before = {n: os.environ.get(n) for n in ("DATAFORGE_TABLE_PREFIX", "DATAFORGE_BUCKET")}
        with storage_backends.aws():
            storage_backends.create_dynamo_tables(storage_backends.client_of("dynamodb"), "dataforge-prod-")
            yield ["--stage", "prod"]
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    platform.use(None)
    settings.get.cache_clear()


@pytest.fixture
def tool(where: list[str], capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(*words: str, expect: int = 0) -> Any:
        code = admin.main([*where, *words])
        [line] = capsys.readouterr().out.splitlines()
        assert code == expect, line
        return json.loads(line)

    return run


def test_a_data_folder_that_the_tool_makes_is_for_its_owner(tmp_path: Path) -> None:
    code = "import os, runpy; os.umask(0o022); runpy.run_module('dataforge_infra.local.admin', run_name='__main__')"

    done = subprocess.run(
        [sys.executable, "-c", code, "--home", str(tmp_path / "home"), "org", "create", "Acme"], check=False
    )

    assert done.returncode == 0
    assert {oct(p.stat().st_mode & 0o077) for p in (tmp_path / "home").rglob("*")} == {"0o0"}


# checklist 128
def test_a_first_key_works_until_it_is_revoked(tool: Callable[..., Any]) -> None:
    made = tool("org", "create", "Acme")
    narrow = tool("key", "create", "--name", "ci", "--scope", "data-forge:read")

    who = access.authenticate(narrow["key"])
    tool("key", "revoke", narrow["id"])

    assert (who.org_id, who.scopes) == (made["organization_id"], ("data-forge:read",))
    assert access.authenticate(made["key"]).scopes == ("admin",)
    with pytest.raises(Unauthenticated):
        access.authenticate(narrow["key"])
    assert [k["name"] for k in tool("key", "list")] == ["first key"]


# checklist 122
def test_members_come_are_verified_and_go(tool: Callable[..., Any]) -> None:
    tool("org", "create", "Acme", "--owner", "Ada", "--user", "user_ada")
    made = tool("member", "add", "--name", "Bo", "--email", "bo@example.com", "--unverified")

    verified = tool("member", "verify", made["user_id"])
    removed = tool("member", "remove", made["user_id"])

    assert (made["email_verified"], verified["email_verified"], removed["revoked_keys"]) == (False, True, 0)
    assert [m["user_id"] for m in tool("member", "list")] == ["user_ada"]
    assert tool("member", "remove", "user_ada", expect=1)["error"]["code"] == "LAST_OWNER"


# checklist 182
def test_the_operator_sets_models_and_a_monthly_budget(tool: Callable[..., Any]) -> None:
    org = tool("org", "create", "Acme")["organization_id"]
    before = tool("ledger", "limits")

    both = tool("ledger", "limits", "--model=openai:gpt-4o-mini", "--model=bedrock:*", "--monthly-budget=12.50")
    offline = tool("ledger", "limits", "--no-model")
    free = tool("ledger", "limits", "--any-model", "--no-monthly-budget")

    assert (before["organization_id"], before["models"], before["monthly_budget_usd"]) == (org, None, None)
    assert (both["models"], both["monthly_budget_usd"]) == (["openai:gpt-4o-mini", "bedrock:*"], 12.5)
    assert (both["spent_usd"], both["reserved_usd"], both["available_usd"]) == (0, 0, 12.5)
    assert (offline["models"], offline["monthly_budget_usd"]) == ([], 12.5)
    assert (free["models"], free["monthly_budget_usd"], free["available_usd"]) == (None, None, None)
    assert tool("ledger", "limits", "--monthly-budget=1e3000", expect=1)["error"]["code"] == "VALIDATION_ERROR"
    assert tool("ledger", "limits", "--monthly-budget=lots", expect=1)["error"]["code"] == "VALIDATION_ERROR"


def test_which_organisation_must_be_said_when_there_are_several(tool: Callable[..., Any]) -> None:
    orgs = [tool("org", "create", name)["organization_id"] for name in ("Acme", "Brown")]

    refused = tool("key", "list", expect=1)

    assert [o["name"] for o in tool("org", "list")] == ["Acme", "Brown"]
    assert "--org" in refused["error"]["message"]
    assert [k["name"] for k in tool("key", "list", "--org", orgs[1])] == ["first key"]


def test_a_look_at_a_folder_that_is_none_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "mistyped"

    assert admin.main(["--home", str(home), "org", "list"]) == 1

    assert f"{home} is no data folder" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert not home.exists()


def test_a_stage_that_cannot_be_named_so_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert admin.main(["--stage", "My-Stage", "org", "list"]) == 1

    assert "up to 16 lower-case letters and digits" in json.loads(capsys.readouterr().out)["error"]["message"]

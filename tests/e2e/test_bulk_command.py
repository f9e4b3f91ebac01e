"""`dataforge bulk` against a real server: what it changes, what it takes back, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataforge_client.cli import execute
from tests.support.server_processes import Machine, filled


# checklist 42, 43
def test_pairs_are_accepted_by_options_or_ids_and_an_undo_takes_it_back(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    server = machine.server(home)
    who = json.loads(Path(server.ready["credentials"]).read_text())
    connection = ["--home", str(home)]

    def bulk(*arguments: str) -> tuple[int, str, str]:
        code = execute(["bulk", *arguments, *connection])
        answer = capsys.readouterr()
        return code, answer.out.strip(), answer.err

    with filled(home, who["organization_id"], who["user_id"]) as (project, pair_ids):
        pass
    named = bulk(project, "delete", *pair_ids[:3])
    found = bulk(project, "accept", "--min-quality", "0.5", "--no-duplicates", "--search", "harbour")
    token = named[2].split(f"{project} undo ")[1].split()[0]
    undone = bulk(project, "undo", token)
    twice = bulk(project, "undo", token)
    unclear = [
        bulk(project, "accept")[0],
        bulk(project, "accept", "--all", "--status", "pending")[0],
        bulk(project, "undo")[0],
    ]

    assert (named[0], named[1]) == (0, "delete: 3 pairs changed")
    assert f" bulk {project} undo {token} --home " in named[2]
    assert found[0] == 0
    assert found[1].startswith("accept: ")
    assert int(found[1].split()[1].replace(",", "")) > 100
    assert (undone[0], undone[1]) == (0, "undo: 3 pairs restored")
    assert twice[0] == 1
    assert "was taken back before" in twice[2]
    assert unclear == [2, 2, 2]

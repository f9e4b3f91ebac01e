"""What must hold on a data folder whatever was done to its server: looked up in the files, with the server running."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from dataforge.store.runs import ACTIVE


def rows(home: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "data.db")) as db:
        return [json.loads(body) for (body,) in db.execute(f'SELECT body FROM "{table}"')]


def check_run(home: Path, run_id: str) -> dict[str, Any]:
    """The row of a run that has ended: its counts add up, its bill is that of its replies, its project is free."""
    (run,) = [r for r in rows(home, "runs") if r["run_id"] == run_id]
    assert run["status"] not in ACTIVE, run
    assert run["asked"] == run["delivered"] + run["rejected"] + run["failed"], run
    if run["kind"] != "parse":
        replies = [r for r in rows(home, "replies") if r["run_id"] == run_id]
        assert run["teacher_calls"] == len(replies), "the bill is that of the replies"
        for count in ("input_tokens", "output_tokens"):
            assert run[count] == sum(r[count] for r in replies), count
    return run


def check_home(home: Path) -> None:
    """Nothing is held, stuck, or left behind."""
    for project in rows(home, "projects"):
        assert project.get("active_run") is None, project
    for document in rows(home, "documents"):
        assert document["parsing_status"] != "parsing", document
    assert len({o["org_id"] for o in rows(home, "projects")}) <= 1, "one organisation"
    with closing(sqlite3.connect(home / "files" / "files.sqlite")) as db:
        stored = {blob for (blob,) in db.execute("SELECT blob FROM objects")}
        strays = {blob for (blob,) in db.execute("SELECT blob FROM strays")}
    there = {path.name for path in (home / "files" / "blobs").rglob("*") if path.is_file()}
    assert stored <= there, "an object without its bytes"
    assert there <= stored | strays, "bytes that nothing knows of"

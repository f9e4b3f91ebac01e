"""The data folder of one machine: closed to others, held by one server, and whole or refused with the way out."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dataforge import access
from dataforge.store import organisations
from dataforge_infra.local import home as data_folder
from dataforge_infra.local.server import machine
from tests.support.shared_workers import make_workers


def start(home: Path) -> list[str]:
    """Start and stop everything but HTTP once; the names of the organisations."""
    with machine(home, "http://testserver", make_workers=make_workers):
        return [org.name for org in organisations.list_all()]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that a server has used."""
    start(tmp_path / "used")
    home = tmp_path / "home"
    shutil.copytree(tmp_path / "used", home)  # the workers, which all tests share, may have the original open
    for name in data_folder.DATABASES:
        with closing(sqlite3.connect(home / name)) as database:
            database.execute("PRAGMA journal_mode = DELETE")
    return home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_that_others_can_open_is_closed_to_them(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    for path in (home, home / "files"):
        path.chmod(0o755)
    for name in ("secret", "credentials.json", "data.db"):
        (home / name).chmod(0o644)

    start(home)

    assert {mode(home), mode(home / "files")} == {0o700}
    assert {mode(home / name) for name in ("secret", "credentials.json", "data.db")} == {0o600}
    assert "revoke the old ones" in caplog.text


def test_a_folder_that_holds_others_files_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    tmp_path.chmod(0o755)

    with pytest.raises(RuntimeError, match="choose an empty folder with --home, or run `chmod 700"):
        start(tmp_path)

    assert mode(tmp_path) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_of_another_user_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: home.stat().st_uid + 1)

    with pytest.raises(RuntimeError, match="belongs to another user"):
        data_folder.make_private(home)


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (id)")


DAMAGE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no database": ("data.db", lambda path: path.write_text("not a database at all"), "cannot be read as a database"),
    "cut": ("data.db", cut, "damaged|cannot be read"),
    "empty": ("data.db", lambda path: path.write_bytes(b""), "is empty, but .* was in use"),
    "missing": ("data.db", Path.unlink, "is missing, but .* was in use"),
    "foreign": ("data.db", foreign, "not one of Data Forge"),
    "no executions": ("workflows.db", Path.unlink, "is missing"),
    "no files": ("files/files.sqlite", Path.unlink, "is missing"),
    "no secret": ("secret", Path.unlink, "openssl rand -hex 32"),
    "odd secret": ("secret", lambda path: path.write_text("?"), "is damaged: .* openssl rand -hex 32"),
    "odd credentials": ("credentials.json", lambda path: path.write_text("{"), "move it away and start again"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_is_refused_with_the_way_out_and_left_as_it_is(home: Path, damage: str) -> None:
    name, spoil, says = DAMAGE[damage]
    spoil(home / name)
    before = {path.relative_to(home): path.read_bytes() for path in home.rglob("*") if path.is_file()}

    with pytest.raises(RuntimeError, match=says):
        start(home)

    after = {path.relative_to(home): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    lock = Path(data_folder.LOCK)
    assert {**after, lock: b""} == {**before, lock: b""}


def test_lost_credentials_are_made_again_for_the_same_organisation(home: Path) -> None:
    first = json.loads((home / "credentials.json").read_text())
    (home / "credentials.json").unlink()

    names = start(home)

    second = json.loads((home / "credentials.json").read_text())
    assert names == ["local"]
    assert second["organization_id"] == first["organization_id"]
    with machine(home, "http://testserver", make_workers=make_workers):
        assert access.authenticate(second["api_key"]).org_id == first["organization_id"]


def test_a_second_server_is_refused_before_it_opens_anything(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_folder, "LOCK_SECONDS", 0.1)

    def never(*_: object) -> None:
        raise AssertionError("the second server must not come to this")

    with machine(home, "http://testserver", make_workers=make_workers):
        monkeypatch.setattr("dataforge_infra.local.server.build", never)
        monkeypatch.setattr("dataforge_infra.local.server.check", never)
        with pytest.raises(RuntimeError, match=r"Another server is running on .* \(process \d+\); stop it first"):
            start(home)


def test_a_copied_folder_is_a_folder_of_its_own(home: Path, tmp_path: Path) -> None:
    with machine(home, "http://testserver", make_workers=make_workers):
        shutil.copytree(home, tmp_path / "copy")

        assert start(tmp_path / "copy") == ["local"]


def test_a_fresh_folder_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        start(tmp_path / "new")

    assert caplog.text == ""
    assert mode(tmp_path / "new") == 0o700

"""Signed URLs of the embedded backend: what they permit, and that nothing else gets in. (AWS verifies its own.)"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataforge.errors import DataForgeError, Forbidden, Malformed, TooLarge
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.platform.ports import FileInfo
from tests.support import storage_backends

NOW = 1_800_000_000.0


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LocalFiles]:
    opened = storage_backends.local_files(tmp_path, now=lambda: NOW)
    yield opened
    opened.close()


def put(
    files: LocalFiles,
    url: str,
    chunks: list[bytes],
    content_type: str | None = "text/plain",
    content_length: int | None = -1,
    **changed: Any,
) -> FileInfo:
    """What the local server does with a PUT; -1: the honest Content-Length."""
    key, query = opened(url)
    if content_length == -1:
        content_length = sum(map(len, chunks))
    files.verify(
        changed.pop("method", "PUT"),
        changed.pop("key", key),
        {**query, **changed.pop("query", {})},
        content_type=content_type,
        content_length=content_length,
        **changed,
    )
    return files.receive(key, chunks, content_type, content_length)


def opened(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    assert url.startswith(f"{storage_backends.BASE_URL}/files/")
    return unquote(parts.path).removeprefix("/files/"), dict(parse_qsl(parts.query))


# checklist 12
def test_a_signed_put_stores_the_bytes_and_a_signed_get_may_read_them(files: LocalFiles) -> None:
    url = files.presign_put("org/a report.pdf", content_type="application/pdf", content_length=6)

    info = put(files, url, [b"%PDF", b"-1"], "application/pdf")

    assert (info.key, info.size, info.content_type) == ("org/a report.pdf", 6, "application/pdf")
    assert files.read("org/a report.pdf") == b"%PDF-1"
    key, query = opened(files.presign_get("org/a report.pdf", filename="r.pdf"))
    files.verify("GET", key, query)
    assert (key, query["filename"]) == ("org/a report.pdf", "r.pdf")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"content_type": "text/html"}, Forbidden),
        ({"content_type": None}, Forbidden),
        ({"content_type": "text/plain; charset=utf-8"}, Forbidden),
        ({"chunks": [b"12345"]}, Forbidden),
        ({"chunks": [b"123"]}, Forbidden),
        ({"chunks": []}, Forbidden),
        ({"content_length": None}, Malformed),
        ({"content_length": 4, "chunks": [b"123", b"45"]}, TooLarge),
        ({"content_length": 4, "chunks": [b"12"]}, Malformed),
        ({"key": "org/other"}, Forbidden),
        ({"method": "GET"}, Forbidden),
        ({"method": "DELETE"}, Forbidden),
        ({"now": NOW + 60}, Forbidden),
        ({"query": {"expires": "1900000000"}}, Forbidden),
        ({"query": {"length": "5"}, "chunks": [b"12345"]}, Forbidden),
        ({"query": {"type": "text/html"}, "content_type": "text/html"}, Forbidden),
        ({"query": {"method": "DELETE"}, "method": "DELETE"}, Forbidden),
        ({"query": {"filename": "x"}}, Forbidden),
        ({"query": {"sig": "0" * 64}}, Forbidden),
        ({"query": {"sig": "größe"}}, Forbidden),
        ({"query": {"expires": "never"}}, Forbidden),
    ],
    ids=repr,
)
def test_anything_but_what_was_signed_is_refused_and_stores_nothing(
    files: LocalFiles, tmp_path: Path, wrong: dict[str, Any], error: type[DataForgeError]
) -> None:
    url = files.presign_put("org/k", content_type="text/plain", content_length=4, expires_in=60)

    with pytest.raises(error) as refused:
        put(files, url, **{"chunks": [b"1234"], **wrong})

    assert refused.value.status in (400, 403, 413)
    assert list(files.list("")) == []
    assert [p for p in (tmp_path / "blobs").rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("missing", ["method", "expires", "sig"])
def test_an_unsigned_url_is_malformed(files: LocalFiles, missing: str) -> None:
    key, query = opened(files.presign_get("k"))
    del query[missing]

    with pytest.raises(Malformed, match=missing):
        files.verify("GET", key, query)


def test_dropping_a_bound_breaks_the_signature(files: LocalFiles) -> None:
    key, query = opened(files.presign_put("k", content_type="text/plain", content_length=4))

    for bound in ("type", "length"):
        with pytest.raises(Forbidden, match="signature"):
            files.verify(
                "PUT", key, {n: v for n, v in query.items() if n != bound}, content_type="text/plain", content_length=4
            )


def test_another_servers_signature_is_refused(files: LocalFiles, tmp_path: Path) -> None:
    stranger = storage_backends.local_files(tmp_path / "other", secret=b"other", now=lambda: NOW)
    key, query = opened(stranger.presign_get("k"))
    stranger.close()

    with pytest.raises(Forbidden):
        files.verify("GET", key, query)


def test_without_a_signed_length_the_maximum_holds(files: LocalFiles) -> None:
    url = files.presign_put("k", content_type=None)

    put(files, url, [b"x" * storage_backends.MAX_UPLOAD], None)
    with pytest.raises(TooLarge):
        put(files, url, [b"y" * (storage_backends.MAX_UPLOAD + 1)], None)
    with pytest.raises(TooLarge):  # a chunked body says no length beforehand
        put(files, url, [b"y" * 600, b"y" * 600], "text/html", content_length=None)

    info = files.info("k")
    assert info is not None
    assert (info.size, info.content_type) == (storage_backends.MAX_UPLOAD, "application/octet-stream")


def test_a_signed_length_may_be_above_the_maximum(files: LocalFiles) -> None:
    big = storage_backends.MAX_UPLOAD * 3
    url = files.presign_put("k", content_type=None, content_length=big)

    assert put(files, url, [b"x" * big], None).size == big


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    position=st.integers(0, 10_000),
    replacement=st.sampled_from("0aZ/%&=_"),
)
def test_no_changed_character_of_a_url_is_accepted(files: LocalFiles, position: int, replacement: str) -> None:
    url = files.presign_put("org/key", content_type="text/plain", content_length=3)
    start = len(f"{storage_backends.BASE_URL}/files/")
    position = start + position % (len(url) - start)
    forged = url[:position] + replacement + url[position + 1 :]

    if opened(forged) == opened(url):
        return
    with pytest.raises((Forbidden, Malformed)):
        put(files, forged, [b"123"])


def test_created_is_announced_once_the_object_can_be_read(files: LocalFiles) -> None:
    answer: list[tuple[str, bytes]] = []
    files.on_created(lambda info: answer.append((info.key, files.read(info.key))))

    files.write("silent", b"by the product itself")
    put(files, files.presign_put("k", content_type="text/plain"), [b"123"])

    assert answer == [("k", b"123")]


def test_a_callback_that_fails_does_not_fail_the_upload(files: LocalFiles, caplog: pytest.LogCaptureFixture) -> None:
    answer: list[str] = []
    files.on_created(lambda info: [][1])
    files.on_created(lambda info: answer.append(info.key))

    put(files, files.presign_put("k", content_type="text/plain"), [b"123"])

    assert answer == ["k"]
    assert files.read("k") == b"123"
    assert "callback failed on the new file k" in caplog.text


class Died(BaseException):
    """As sudden as kill -9 for the code around it."""


def die(_: FileInfo) -> None:
    raise Died


def test_an_event_that_a_crash_held_back_is_delivered_after_the_next_start(tmp_path: Path) -> None:
    answer: list[str] = []
    before = storage_backends.local_files(tmp_path)
    before.on_created(die)
    with pytest.raises(Died):
        put(before, before.presign_put("k", content_type="text/plain"), [b"123"])
    before.close()

    after = storage_backends.local_files(tmp_path)
    after.on_created(lambda info: answer.append(info.key))
    assert answer == [], "not before somebody says that it is time"
    after.redeliver(never)
    again = storage_backends.local_files(tmp_path)
    again.on_created(lambda info: answer.append(info.key))
    again.redeliver(never)

    assert answer == ["k"]
    after.close()
    again.close()


def never(key: str, tries: int) -> None:
    raise AssertionError(f"{key} was given up after {tries} tries")


def test_an_event_that_ends_the_process_is_delivered_last_and_given_up_after_three_tries(tmp_path: Path) -> None:
    """In each process the deadly one is begun once; what waited behind it at first is delivered by the next."""
    waiting, delivered, given_up = [], [], []
    first = storage_backends.local_files(tmp_path, soon=waiting.append)
    first.on_created(lambda info: die(info) if info.key == "deadly" else delivered.append(info.key))
    for key in ("deadly", "fine"):
        put(first, first.presign_put(key, content_type="text/plain"), [b"123"])
    with pytest.raises(Died):
        waiting[0]()
    first.close()

    def start() -> None:
        files = storage_backends.local_files(tmp_path)
        files.on_created(lambda info: die(info) if info.key == "deadly" else delivered.append(info.key))
        try:
            files.redeliver(lambda key, tries: given_up.append((key, tries)))
        finally:
            files.close()

    for _ in range(2):
        with pytest.raises(Died):
            start()
    assert (delivered, given_up) == (["fine"], [])
    for _ in range(2):
        start()

    assert given_up == [("deadly", 3)], "once: the event is gone then"


def test_a_file_that_is_put_again_has_all_its_tries_again(tmp_path: Path) -> None:
    answer: list[str] = []
    for _ in range(4):
        files = storage_backends.local_files(tmp_path)
        files.on_created(die)
        with pytest.raises(Died):
            put(files, files.presign_put("k", content_type="text/plain"), [b"123"])
        files.close()

    files = storage_backends.local_files(tmp_path)
    files.on_created(lambda info: answer.append(info.key))
    files.redeliver(never)

    assert answer == ["k"]
    files.close()


def test_an_event_whose_callback_fails_is_delivered_again_and_so_is_giving_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []
    for n in range(6):
        files = storage_backends.local_files(tmp_path)
        files.on_created(lambda info: [][1])
        if n == 0:
            put(files, files.presign_put("k", content_type="text/plain"), [b"123"])
        else:
            files.redeliver(lambda key, _: asked.append(key) or ([][1] if len(asked) == 1 else None))
        files.close()

    assert asked == ["k", "k"], "in the fourth process, which could not, and in the fifth; the sixth has nothing to do"
    assert caplog.text.count("a callback failed on the new file k") == 3
    assert "was not delivered in 3 tries and is given up" in caplog.text


def test_a_data_folder_of_before_tries_were_counted_delivers_its_events(tmp_path: Path) -> None:
    before = storage_backends.local_files(tmp_path)
    before.write("old", b"1")
    before.close()
    with sqlite3.connect(tmp_path / "files.sqlite") as db:
        db.execute("DROP TABLE undelivered")
        db.execute("CREATE TABLE untold (key TEXT PRIMARY KEY) WITHOUT ROWID")
        db.execute("INSERT INTO untold VALUES ('old')")
    db.close()
    answer: list[str] = []

    for _ in range(2):
        after = storage_backends.local_files(tmp_path)
        after.on_created(lambda info: answer.append(info.key))
        after.redeliver(never)
        after.close()

    assert answer == ["old"]
    with sqlite3.connect(tmp_path / "files.sqlite") as db:
        assert db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'untold'").fetchall() == []
    db.close()


def test_urls_need_a_secret(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="secret"):
        storage_backends.local_files(tmp_path, secret=b"")


def test_head_and_body_of_an_answer_are_of_the_same_moment(files: LocalFiles) -> None:
    files.write("k", b"old", content_type="text/plain")

    info, body = files.info_and_stream("k")
    files.write("k", b"newer", content_type="text/html")

    assert (info.size, info.content_type, b"".join(body)) == (3, "text/plain", b"old")

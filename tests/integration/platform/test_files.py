"""The promises of the Files port, on both storage_backends."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataforge.errors import Invalid
from dataforge.platform.aws.s3 import PART_BYTES, S3Files
from dataforge.platform.file_keys import disposition
from dataforge.platform.ports import Files
from tests.support import storage_backends
from tests.support.storage_backends import on_one_backend

SEGMENTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1, max_size=8
).filter(lambda s: s not in (".", ".."))
KEYS = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)


@pytest.fixture(params=list(storage_backends.FILES))
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    with storage_backends.FILES[request.param](tmp_path) as opened:
        yield opened


def keys_of(files: Files, prefix: str) -> list[str]:
    return [info.key for info in files.list(prefix)]


def test_what_was_written_is_read(files: Files) -> None:
    written = files.write("a/b.txt", b"hello", content_type="text/plain")

    info = files.info("a/b.txt")
    assert files.read("a/b.txt") == b"hello"
    assert info is not None
    assert (info.key, info.size, info.content_type) == ("a/b.txt", 5, "text/plain")
    assert info.etag == written.etag == hashlib.md5(b"hello").hexdigest()
    assert abs(info.modified - written.modified) < 2


@on_one_backend
@example(key="C:\\temp\\..\\x", data=b"")
@example(key="...", data=b"x")
@example(key="%2e%2e/%00?a=b&c#d e+f", data=b"x")
@example(key="x" * 700 + "/" + "y" * 300, data=b"x")
@example(key="größe/測試/🐑", data=bytes(range(256)))
@given(key=KEYS, data=st.binary(max_size=3000))
def test_any_key_and_any_bytes_come_back(files: Files, key: str, data: bytes) -> None:
    files.write(key, data)

    info = files.info(key)
    assert files.read(key) == data
    assert info is not None
    assert (info.key, info.size) == (key, len(data))
    assert [i.key for i in files.list(key) if i.key == key] == [key]
    files.delete(key)
    assert files.info(key) is None


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../up", "a/../b", "a/./b", "..", "a//b", "a/", "nul\0", "line\nfeed", "é" * 513, "\ud800"],
    ids=ascii,
)
def test_a_key_that_others_would_read_differently_is_refused(files: Files, key: str) -> None:
    with pytest.raises(Invalid):
        files.write(key, b"x")
    with pytest.raises(Invalid):
        files.read(key)
    with pytest.raises(Invalid):
        files.presign_put(key, content_type="text/plain")


def test_a_key_can_be_the_beginning_of_another(files: Files) -> None:
    files.write("a", b"1")
    files.write("a/b", b"2")
    files.write("A", b"3")

    assert [files.read(k) for k in ("a", "a/b", "A")] == [b"1", b"2", b"3"]


def test_writing_again_replaces_content_and_type(files: Files) -> None:
    files.write("k", b"old old old", content_type="text/plain")
    before = files.open("k")

    files.write("k", b"new", content_type="text/html")

    info = files.info("k")
    assert files.read("k") == b"new"
    assert info is not None
    assert (info.size, info.content_type) == (3, "text/html")
    with before:
        assert before.read() == b"old old old"


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (3, 4, b"3456"),
        (8, 100, b"89"),
        (10, 5, b""),
        (50, None, b""),
        (2, 0, b""),
        (0, 1, b"0"),
    ],
)
def test_a_part_can_be_read(files: Files, start: int, length: int | None, expected: bytes) -> None:
    files.write("k", b"0123456789")

    assert files.read("k", start=start, length=length) == expected


def test_an_empty_object_is_an_object(files: Files) -> None:
    files.write("empty", b"")
    files.write_stream("stream", iter(()))

    assert files.read("empty") == files.read("stream", start=0, length=10) == b""
    assert list(files.stream("empty")) == []
    assert (files.info("stream") or files.write("never", b"")).size == 0


def test_missing_keys_raise_file_not_found(files: Files) -> None:
    with pytest.raises(FileNotFoundError):
        files.read("nothing")
    with pytest.raises(FileNotFoundError):
        files.stream("nothing")
    with pytest.raises(FileNotFoundError):
        files.open("nothing")
    assert files.info("nothing") is None
    files.delete("nothing")


def test_streams_go_both_ways_in_pieces(files: Files) -> None:
    parts = [bytes([n]) * 700_000 for n in range(30)]  # 21 MB: three parts of a multipart upload

    written = files.write_stream("big", iter(parts), content_type="application/x-big")
    pieces = list(files.stream("big", chunk_size=100_000))

    assert written.size == sum(map(len, parts)) > 2 * PART_BYTES
    assert max(map(len, pieces)) <= 100_000
    assert hashlib.sha256(b"".join(pieces)).digest() == hashlib.sha256(b"".join(parts)).digest()
    info = files.info("big")
    assert info is not None
    assert (info.size, info.content_type, info.etag) == (written.size, "application/x-big", written.etag)


@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
def test_nothing_appears_when_a_stream_breaks(files: Files, size: int) -> None:
    files.write("kept", b"old")

    def broken() -> Iterator[bytes]:
        yield b"x" * size
        raise OSError("the line went dead")

    for key in ("kept", "new"):
        with pytest.raises(OSError, match="dead"):
            files.write_stream(key, broken())

    assert files.read("kept") == b"old"
    assert files.info("new") is None
    assert keys_of(files, "") == ["kept"]


def test_an_open_file_reads_and_seeks(files: Files) -> None:
    files.write("k", b"line one\nline two\n")

    with files.open("k") as file:
        assert file.readline() == b"line one\n"
        assert file.seek(0, io.SEEK_END) == 18
        file.seek(5)
        assert file.read(3) == b"one"


def test_a_stream_that_nobody_finishes_is_harmless(files: Files) -> None:
    files.write("k", b"x" * 10_000)

    stream = files.stream("k", chunk_size=10)
    assert next(stream) == b"x" * 10
    del stream
    files.stream("k")

    assert len(files.read("k")) == 10_000


@on_one_backend
@given(names=st.sets(KEYS, max_size=12), data=st.data())
def test_listing_is_in_byte_order_and_by_plain_prefix(files: Files, names: set[str], data: st.DataObject) -> None:
    for key in keys_of(files, ""):
        files.delete(key)
    for name in names:
        files.write(name, name.encode())
    prefix = data.draw(st.sampled_from(sorted(names)).map(lambda k: k[:2]) if names else st.just("a"))

    everything, some = list(files.list("")), keys_of(files, prefix)

    ordered = sorted(names, key=str.encode)
    assert [i.key for i in everything] == ordered
    assert [i.size for i in everything] == [len(n.encode()) for n in ordered]
    assert {i.content_type for i in everything} <= {""}
    assert some == [n for n in ordered if n.startswith(prefix)]


def test_a_long_listing_and_deleting_by_prefix(files: Files) -> None:
    for n in range(1205):
        files.write(f"many/{n:05d}", b"x")
    files.write("many-but-other", b"x")

    assert keys_of(files, "many/") == [f"many/{n:05d}" for n in range(1205)]
    assert files.delete_prefix("many/") == 1205
    assert files.delete_prefix("many/") == 0
    assert keys_of(files, "") == ["many-but-other"]
    with pytest.raises(Invalid):
        files.delete_prefix("")


def test_a_download_is_named(files: Files) -> None:
    files.write("k", b"x")

    url = files.presign_get("k", filename='Prüf "1".jsonl')

    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    named = query.get("response-content-disposition") or disposition(query["filename"])
    assert named == "attachment; filename=\"Pr_f _1_.jsonl\"; filename*=UTF-8''Pr%C3%BCf%20%221%22.jsonl"


# --- AWS alone: what the signed URL binds (moto lets every request pass, so the promise is read off the URL) ---


def test_s3_signs_type_and_length_for_the_regions_own_host(tmp_path: Path) -> None:
    with storage_backends.aws_files(tmp_path):
        files = S3Files(storage_backends.BUCKET)
        bound = urlsplit(files.presign_put("a b/c", content_type="text/plain", content_length=5, expires_in=60))
        free = urlsplit(files.presign_put("k", content_type=None))

    query = parse_qs(bound.query)
    assert bound.netloc == f"{storage_backends.BUCKET}.s3.{storage_backends.REGION}.amazonaws.com"
    assert bound.path == "/a%20b/c"
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
    assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["60"])
    assert parse_qs(free.query)["X-Amz-SignedHeaders"] == ["host"]


def test_an_endpoint_of_ones_own_is_addressed_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    with storage_backends.aws():
        url = S3Files("bucket").presign_get("k")

    assert url.startswith("http://127.0.0.1:4566/bucket/k?")


def test_a_broken_multipart_upload_leaves_no_parts_to_pay_for(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * (PART_BYTES + 1)
        raise OSError("the line went dead")

    with storage_backends.aws_files(tmp_path) as files:
        with pytest.raises(OSError, match="dead"):
            files.write_stream("k", broken())

        assert "Uploads" not in storage_backends.client_of("s3").list_multipart_uploads(Bucket=storage_backends.BUCKET)

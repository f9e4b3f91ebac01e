"""Uploads and downloads of the client: lengths, retries, memory, and files that change during the transfer."""

from __future__ import annotations

import os
import tracemalloc
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from dataforge_client import DataForge, files
from dataforge_client.errors import (
    ClientError,
    ConnectionFailed,
    UnexpectedAnswer,
)
from dataforge_client.synthetic_models import SyntheticSplits
from dataforge_client.upload_source import open_source
from tests.support.fake_api import BASE, FakeApi, Fault


def test_an_upload_says_its_length_and_keeps_the_key_to_itself(
    api: FakeApi, data_forge: DataForge, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 700_000)
    project = data_forge.create_project("p").project_id
    marks: list[int] = []

    data_forge.upload_file(project, path, on_bytes=marks.append)

    put = next(s for s in api.seen if s.method == "PUT")
    assert (put.headers["Content-Length"], put.headers["Content-Type"]) == ("700000", "text/plain")
    assert "Transfer-Encoding" not in put.headers
    assert "X-API-Key" not in put.headers
    assert put.body == path.read_bytes()
    assert marks == [262_144, 524_288, 700_000]


def test_an_upload_starts_again_from_its_first_byte(api: FakeApi, data_forge: DataForge, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(range(256)) * 2000)
    project = data_forge.create_project("p").project_id
    api.faults.append(Fault("PUT", 503))

    document = data_forge.upload_file(project, path)

    assert api.count("a.txt") == 2
    assert api.files[document.s3_key] == path.read_bytes()


def test_a_large_file_is_never_in_memory(data_forge: DataForge, api: FakeApi, tmp_path: Path) -> None:
    from dataforge_client.files import upload
    from dataforge_client.transport import Transport

    class Sink(Transport):
        """Takes the bytes as a server would, and forgets them."""

        def __init__(self) -> None:
            self.taken = 0

        def put_file(self, url: str, chunks: object, *, size: int, content_type: str) -> None:
            self.taken = sum(len(c) for c in chunks())  # type: ignore[operator]

    path = tmp_path / "big.pdf"
    with path.open("wb") as file:
        file.truncate(50 * 2**20)
    sink = Sink()
    tracemalloc.start()

    with closing(open_source(path, None)) as source:
        upload(sink, "http://x", source, content_type="application/pdf")

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sink.taken == 50 * 2**20
    assert peak < 2 * 2**20


def test_a_file_that_shrinks_while_it_is_sent_is_refused(data_forge: DataForge, tmp_path: Path) -> None:
    from dataforge_client.files import upload

    path = tmp_path / "a.txt"
    path.write_bytes(b"short")

    with closing(open_source(path, None)) as source:
        source.size = 9
        with pytest.raises(ClientError, match="became shorter"):
            upload(data_forge._transport, data_forge.base_url + "/files/p/sources/a", source, content_type="text/plain")


def ready_export(data_forge: DataForge) -> str:
    project = data_forge.create_project("p").project_id
    data_forge.wait(data_forge.generate(project, "extractive", num_pairs=3).generation_id)
    data_forge.export(project)
    return project


def test_a_download_that_is_cut_leaves_the_old_file(api: FakeApi, data_forge: DataForge, tmp_path: Path) -> None:
    project = ready_export(data_forge)
    target = tmp_path / "set.jsonl"
    target.write_text("old")
    api.faults.append(Fault("GET /files/", 200, times=3, headers={"Content-Length": "9", "Connection": "close"}))

    with pytest.raises(ConnectionFailed):
        data_forge.download_export(project, 1, target)

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_download_follows_a_link_and_replaces_no_device(data_forge: DataForge, tmp_path: Path) -> None:
    project = ready_export(data_forge)
    real, link, pipe = tmp_path / "real.jsonl", tmp_path / "link.jsonl", tmp_path / "pipe"
    real.write_text("old")
    link.symlink_to(real)
    os.mkfifo(pipe)

    data_forge.download_export(project, 1, link)
    with pytest.raises(ClientError, match="pipe is not a regular file"):
        data_forge.download_export(project, 1, pipe)

    assert len(real.read_text().splitlines()) == 3
    assert link.is_symlink()
    assert pipe.is_fifo()


def test_a_download_tries_again_with_a_fresh_address(api: FakeApi, data_forge: DataForge, tmp_path: Path) -> None:
    project = ready_export(data_forge)
    api.faults.append(Fault("GET /files/", 0))

    data_forge.download_export(project, 1, tmp_path / "set.jsonl")

    assert len((tmp_path / "set.jsonl").read_text().splitlines()) == 3
    assert api.count(f"GET {BASE}/projects/{project}/export/1") == 3


def test_a_download_from_another_host_carries_no_key(data_forge: DataForge, tmp_path: Path) -> None:
    """A bucket must not learn what opens the API."""
    seen: list[httpx.Request] = []

    def bucket(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b'{"a": 1}\n')

    data_forge._transport._http = httpx.Client(transport=httpx.MockTransport(bucket))

    files.download(data_forge._transport, lambda: "https://bucket.example/results.jsonl?sig=1", tmp_path / "r.jsonl")

    assert (tmp_path / "r.jsonl").read_bytes() == b'{"a": 1}\n'
    assert seen[0].url.host == "bucket.example"
    assert {"authorization", "x-api-key", "x-organization-id"}.isdisjoint(seen[0].headers)


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/b", "a\\b", "..", "", " .", "C:evil", "nul", "a\x1bb", "x" * 200, "a\nb"]
)
def test_a_name_that_a_server_sends_leaves_no_folder(tmp_path: Path, name: str) -> None:
    target = tmp_path / "chosen" / "splits"

    with DataForge("http://nowhere", "sk_x", "org_x") as data_forge, pytest.MonkeyPatch.context() as patch:
        splits = SyntheticSplits(splits={"train": "http://nowhere/1", name: "http://nowhere/2"})
        patch.setattr(data_forge, "synthetic_splits", lambda _: splits)
        patch.setattr(files, "download", lambda *_: pytest.fail("nothing may be written"))
        with pytest.raises(UnexpectedAnswer, match="as the name of a file"):
            data_forge.download_synthetic_splits("syn_job_1", target)

    assert list(tmp_path.rglob("*")) == []

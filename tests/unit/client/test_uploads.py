"""What can be uploaded: bytes, open files, streams that cannot go back, and whole folders."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from dataforge_client import AuthenticationError, DataForge, ServerError
from dataforge_client.folders import SkippedFile
from dataforge_client.upload_source import IN_MEMORY, open_source
from tests.support.fake_api import FakeApi, Fault

REFUSED = {"code": "TOO_MANY", "message": "The project has its most documents"}


@pytest.fixture
def project(data_forge: DataForge) -> str:
    return data_forge.create_project("p").project_id


def test_bytes_with_a_name(api: FakeApi, data_forge: DataForge, project: str) -> None:
    document = data_forge.upload_file(project, b"# Leave\n25 days.", name="leave.md")

    assert (document.name, document.mime_type, document.file_size) == ("leave.md", "text/markdown", 16)
    assert api.files[document.s3_key] == b"# Leave\n25 days."


def test_an_open_file_is_read_from_where_it_stands_again_at_a_retry_and_stays_open(
    api: FakeApi, data_forge: DataForge, project: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(b"head" + b"x" * 500_000)
    api.faults.append(Fault("PUT", 503))

    with (tmp_path / "a.txt").open("rb") as file:
        file.seek(4)
        document = data_forge.upload_file(project, file)
        assert not file.closed

    assert (document.name, document.file_size) == ("a.txt", 500_000)
    assert api.files[document.s3_key] == b"x" * 500_000


def test_a_stream_that_cannot_go_back_is_uploaded_whole_also_at_a_retry(
    api: FakeApi, data_forge: DataForge, project: str
) -> None:
    api.faults.append(Fault("PUT", 0))
    reader, writer = os.pipe()
    os.write(writer, b"from a pipe")
    os.close(writer)

    with open(reader, "rb") as stream:
        document = data_forge.upload_file(project, stream, name="pipe.txt")

    assert api.files[document.s3_key] == b"from a pipe"


def test_a_long_stream_goes_to_the_disk() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    source = open_source(Pipe(b"x" * (IN_MEMORY + 1)), "long.txt")
    try:
        assert source.size == IN_MEMORY + 1
        assert source.file._rolled  # type: ignore[attr-defined]
    finally:
        source.close()


def test_what_cannot_be_uploaded_is_refused_before_anything_is_sent(
    api: FakeApi, data_forge: DataForge, project: str
) -> None:
    with pytest.raises(ValueError, match="name: needed for bytes, with a suffix"):
        data_forge.upload_file(project, b"text")
    with pytest.raises(ValueError, match="name: needed for a file without a name"):
        data_forge.upload_file(project, io.BytesIO(b"text"))
    with pytest.raises(TypeError, match="text mode; open it with 'rb'"):
        data_forge.upload_file(project, io.StringIO("text"), name="a.txt")  # type: ignore[arg-type]

    assert api.count("upload-url") == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "inner").mkdir(parents=True)
    (root / "leave.md").write_text("# Leave")
    (root / "inner/leave.md").write_text("# Leave, elsewhere")
    (root / "inner/big.txt").write_text("big")
    (root / "notes.xyz").write_text("?")
    (root / "empty.txt").touch()
    (root / ".hidden.md").write_text("no")
    return root


def test_a_folder_with_what_was_skipped_and_why(
    api: FakeApi, data_forge: DataForge, project: str, folder: Path
) -> None:
    told: list[object] = []

    done = data_forge.upload_folder(project, folder, exclude=["big.*"], on_result=told.append)

    assert sorted(d.name for d in done.documents) == ["inner__leave.md", "leave.md"]
    assert done.present == ()
    assert {(Path(s.path).name, s.kind, s.reason) for s in done.skipped} == {
        ("notes.xyz", "left_out", "unsupported"),
        ("empty.txt", "failed", "empty"),
    }
    assert sorted(map(id, told)) == sorted(map(id, done.documents))


def test_a_folder_that_is_uploaded_again_goes_on_where_it_stopped(
    api: FakeApi, data_forge: DataForge, project: str, folder: Path
) -> None:
    api.faults.append(Fault("PUT", 401, times=1, body={"message": "revoked"}))
    with pytest.raises(AuthenticationError):
        data_forge.upload_folder(project, folder, parallel=1)
    before = len(api.documents[project])

    done = data_forge.upload_folder(project, folder)

    assert len(done.present) == before
    assert len(done.documents) == 3 - before
    assert sorted(d["name"] for d in api.documents[project]) == ["big.txt", "inner__leave.md", "leave.md"]


def test_a_file_that_the_server_refuses_does_not_stop_the_others(
    api: FakeApi, data_forge: DataForge, project: str, folder: Path
) -> None:
    api.faults.append(Fault("/upload-url", 422, body=REFUSED))
    told: list[object] = []

    done = data_forge.upload_folder(project, folder, on_result=told.append)

    refused = [s for s in done.skipped if s.reason == "too_many"]
    assert [r.message for r in refused] == ["The project has its most documents"]
    assert len(done.documents) == 2
    assert [t for t in told if isinstance(t, SkippedFile)] == refused


def test_an_error_that_every_file_would_get_ends_the_upload(
    api: FakeApi, data_forge: DataForge, project: str, folder: Path
) -> None:
    api.faults.append(Fault("/upload-url", 500, times=99))

    with pytest.raises(ServerError):
        data_forge.upload_folder(project, folder, parallel=1)

    assert api.count("upload-url") == 1


def test_a_file_is_no_folder(data_forge: DataForge, project: str, folder: Path) -> None:
    with pytest.raises(NotADirectoryError, match="upload_file takes one file"):
        data_forge.upload_folder(project, folder / "leave.md")

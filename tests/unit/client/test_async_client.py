"""The asynchronous client: the same job as the synchronous one, retries, several calls at once, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dataforge_client import AsyncDataForge, AsyncRetry, GenerationFailed, RateLimited, UnexpectedAnswer, WaitTimeout
from tests.support.fake_api import BASE, KEY, ORGANIZATION, FakeApi, Fault


@pytest.fixture
async def forge(api: FakeApi, pauses: list[float]) -> AsyncIterator[AsyncDataForge]:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async with AsyncDataForge(api.url, KEY, ORGANIZATION, retry=AsyncRetry(sleep=sleep, rng=lambda: 1.0)) as client:
        yield client


async def test_upload_parse_generate_follow_and_export(forge: AsyncDataForge, tmp_path: Path) -> None:
    (tmp_path / "leave.md").write_text("# Leave\n25 days.")

    project = await forge.create_project("Handbook")
    document = await forge.upload_file(project.project_id, tmp_path / "leave.md")
    await forge.wait((await forge.parse(project.project_id)).generation_id)
    job = await forge.generate(project.project_id, "extractive", num_pairs=5)
    events = [event.type async for event in forge.follow(job.generation_id)]
    done = await forge.wait(job.generation_id)
    pairs = [pair.question async for pair in forge.iter_pairs(project.project_id)]
    version = (await forge.export(project.project_id)).version
    await forge.download_export(project.project_id, version, tmp_path / "set.jsonl")

    assert document.mime_type == "text/markdown"
    assert events[:5] == ["log"] * 5
    assert (done.counts.delivered, len(pairs)) == (5, 5)
    assert len((tmp_path / "set.jsonl").read_text().splitlines()) == 5


async def test_retries_wait_without_the_event_loop(api: FakeApi, forge: AsyncDataForge, pauses: list[float]) -> None:
    api.faults.append(Fault("/projects", 503, times=2))

    assert await forge.list_projects() == []

    assert pauses == [0.5, 1.0]


async def test_errors_are_those_of_the_synchronous_client(api: FakeApi, forge: AsyncDataForge, tmp_path: Path) -> None:
    api.unreadable = ("a.md",)
    project = (await forge.create_project("p")).project_id
    await forge.upload_file(project, b"# A", name="a.md")
    api.faults.append(Fault("whoami", 429, headers={"Retry-After": "3600"}))

    with pytest.raises(RateLimited):
        await forge.whoami()
    with pytest.raises(GenerationFailed, match="No document could be read"):
        await forge.wait((await forge.parse(project)).generation_id)
    api.hold = "generating"
    with pytest.raises(WaitTimeout):
        await forge.wait((await forge.generate(project, "extractive")).generation_id, timeout=0)
    api.faults.append(Fault("/health", 200, headers={"Content-Length": "0"}))
    with pytest.raises(UnexpectedAnswer):
        await forge.health()


async def test_calls_of_many_tasks_share_one_client(api: FakeApi, forge: AsyncDataForge) -> None:
    await asyncio.gather(*(forge.create_project(f"p{n}") for n in range(12)))

    assert len(await forge.list_projects()) == 12
    assert len({s.headers["Idempotency-Key"] for s in api.seen if s.method == "POST"}) == 12


async def test_a_cancelled_upload_stops_and_the_client_goes_on(api: FakeApi, forge: AsyncDataForge) -> None:
    project = (await forge.create_project("p")).project_id
    api.hold = "uploading"
    upload = asyncio.create_task(forge.upload_file(project, b"x" * 1000, name="a.txt"))
    while not api.count("a.txt"):
        await asyncio.sleep(0.01)

    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    api.released.set()

    assert await forge.list_documents(project) == []


async def test_a_download_that_is_cut_leaves_the_old_file(api: FakeApi, forge: AsyncDataForge, tmp_path: Path) -> None:
    project = (await forge.create_project("p")).project_id
    await forge.wait((await forge.generate(project, "extractive", num_pairs=3)).generation_id)
    await forge.export(project)
    (tmp_path / "set.jsonl").write_text("old")
    api.faults.append(Fault("GET /files/", 0))

    await forge.download_export(project, 1, tmp_path / "set.jsonl")

    assert len((tmp_path / "set.jsonl").read_text().splitlines()) == 3
    assert api.count(f"GET {BASE}/projects/{project}/export/1") == 3
    assert [p.name for p in tmp_path.iterdir()] == ["set.jsonl"]


async def test_a_folder_is_uploaded_a_few_files_at_a_time(api: FakeApi, forge: AsyncDataForge, tmp_path: Path) -> None:
    for n in range(9):
        (tmp_path / f"{n}.txt").write_text(f"text {n}")
    project = (await forge.create_project("p")).project_id

    first = await forge.upload_folder(project, tmp_path, parallel=3)
    again = await forge.upload_folder(project, tmp_path)

    assert [d.name for d in first.documents] == [f"{n}.txt" for n in range(9)]
    assert (again.documents, len(again.present)) == ((), 9)

"""Listings, counts, sweeps and search take the same memory for ten times as much."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataforge import ids, settings
from dataforge.platform import current
from dataforge.store import chunks, documents, organisations, projects, review_index, runs
from dataforge.store.item_codec import to_item
from dataforge.store.projects import Project
from dataforge.store.review_facts import BLOCK, Marked
from dataforge.store.runs import Run
from dataforge.workflows import erasing
from dataforge.workflows.review import analytics, search
from dataforge.workflows.synthetic import jobs, starting
from tests.support.embedded_platform import embedded_platform

REPORT = {"lines": ["x" * 1000] * 20}
"""Twenty kilobytes, as a run's report and configuration may have."""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    settings.get.cache_clear()
    with embedded_platform(tmp_path):
        org_id, user_id = organisations.create("harbour")
        yield projects.create(org_id, user_id, name="p", description="", source_type="documents", config={})


def add_runs(org_id: str, project_id: str, first: int, last: int) -> None:
    current().tables.batch_put(
        "runs",
        (
            to_item(
                Run(
                    org_id=org_id,
                    run_id=f"gen_{n:026d}",
                    project_id=project_id,
                    user_id="user_1",
                    kind="generate",
                    config={"n": n},
                    files_prefix=f"data-forge/x/{n}",
                    created_at="2026-01-01T00:00:00Z",
                    sequence=f"{n:026d}",
                    status="completed",
                    completed_at="2026-01-01T00:00:00Z",
                    report=dict(REPORT),
                )
            )
            for n in range(first, last)
        ),
    )


def add_pairs(project: Project, run: str, first_block: int, last_block: int) -> None:
    """Blocks of the index and lines of the search file: a thousand pairs each, of 200 bytes."""
    for number in range(first_block, last_block):
        made = [
            Marked(
                slot=number * BLOCK + n,
                status="pending",
                score=0.9,
                document_id="doc_1",
                chunk_id="chunk_1_000001",
                difficulty="easy",
                is_duplicate=False,
                multi_turn=False,
            )
            for n in range(BLOCK)
        ]
        review_index.add_round(project, f"gen_{run}", number, made)
    key = f"{project.s3_prefix}/runs/gen_{run}/{search.SEARCH_FILE}"
    lines = (b"%06d %s needle\n" % (n, b"x" * 200) for n in range(last_block * BLOCK))
    current().files.write_stream(key, lines)


def peak(call: Callable[[], object]) -> float:
    """Megabytes, above what was there before."""
    call()  # whatever is imported or cached by the first call
    tracemalloc.start()
    call()
    high = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return high / 1e6


def count(entries: Iterator[object]) -> int:
    return sum(1 for _ in entries)


def test_lists_of_runs_take_no_more_memory_for_ten_times_as_many(project: Project) -> None:
    place = starting.project_of(project.org_id)
    uses: dict[str, Callable[[], object]] = {
        "analytics": lambda: analytics.of_project(project),
        "briefs": lambda: count(runs.briefs_of_project(project.project_id)),
        "all": lambda: count(runs.of_project(project.project_id)),
        "jobs": lambda: jobs.listed(project.org_id, status="failed", limit=20, cursor=None),
        "sweep": lambda: jobs.sweep(project.org_id),
    }
    peaks: list[dict[str, float]] = []
    for first, last in ((0, 150), (150, 1500)):
        add_runs(project.org_id, project.project_id, first, last)
        add_runs(f"{project.org_id}", place, 10_000 + first, 10_000 + last)
        peaks.append({name: peak(use) for name, use in uses.items()})

    print("\nMB at 150 and 1,500 runs:", peaks)
    for name, few in peaks[0].items():
        assert peaks[1][name] <= few + 1.0, (name, peaks)
    assert analytics.of_project(project).runs == 1500


def test_a_sweep_takes_no_more_memory_for_ten_times_as_many(project: Project) -> None:
    peaks = []
    for size in (150, 1500):
        add_runs(project.org_id, project.project_id, 0, size)
        tracemalloc.start()
        erasing.sweep_project(project, erasing.Deadline(1e12))
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
        assert count(runs.of_project(project.project_id)) == 0

    print("\nMB at 150 and 1,500 runs:", peaks)
    assert peaks[1] <= peaks[0] + 1.0, peaks


def test_search_and_counts_take_bytes_and_no_objects_for_a_pair(project: Project) -> None:
    """What grows with the pairs is what says which were found: a few bytes each."""
    run = ids.tail(ids.new("gen"))
    wanted = search.PairFilter(search="needle", min_quality_score=0.5)
    uses: dict[str, Callable[[], object]] = {
        "search": lambda: search.page(project, wanted, page=1, page_size=1),
        "analytics": lambda: analytics.of_project(project),
    }
    peaks: list[dict[str, float]] = []
    for first, last in ((0, 10), (10, 100)):
        add_pairs(project, run, first, last)
        peaks.append({name: peak(use) for name, use in uses.items()})

    print("\nMB at 10,000 and 100,000 pairs:", peaks)
    assert search.find(project, wanted).total == 100_000
    for name, few in peaks[0].items():
        assert peaks[1][name] - few <= 90_000 * 8 / 1e6, (name, peaks)


def test_chunks_of_a_large_document_are_read_page_by_page(project: Project) -> None:
    document = documents.Document(
        project.project_id, "doc_1", "a.md", "text/markdown", 1, "k", "2026", parsing_status="parsing"
    )
    documents.add(project, document)
    peaks = []
    for size in (1500, 15_000):
        documents.mark(document, {"parsing_status": "parsing"})
        found = [chunk(project, n) for n in range(size)]
        documents.replace_chunks(project.org_id, document, found, {"parsing_status": "parsed"})
        del found
        peaks.append(peak(lambda: count(chunks.of_project(project.project_id))))

    print("\nMB at 1,500 and 15,000 chunks:", peaks)
    assert peaks[1] <= peaks[0] + 1.0, peaks


def chunk(project: Project, n: int) -> chunks.StoredChunk:
    return chunks.StoredChunk(
        project_id=project.project_id,
        chunk_id=ids.chunk_id("doc_1", n),
        document_id="doc_1",
        content="x" * 1000,
        heading_path=[],
        position=n,
        content_type="paragraph",
        tokens=1,
        start=0,
        end=1,
        created_at="2026",
    )

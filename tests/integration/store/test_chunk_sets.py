"""Parsing a document again: whatever is cut off or refused, readers find the old chunks or the new ones, whole."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from dataforge import ids
from dataforge.errors import ConditionFailed
from dataforge.platform import current
from dataforge.store import chunks, projects
from dataforge.store import documents as document_store
from dataforge.store.chunks import StoredChunk
from dataforge.store.documents import Document
from tests.support.service import Service
from tests.support.table_watchers import Broken, breaking_at

NOW = "2026-01-01T00:00:00Z"


class Cut(list[StoredChunk]):
    """Chunks whose writing is killed in the middle of a batch."""

    at = 0

    def __iter__(self) -> Iterator[StoredChunk]:
        yield from itertools.islice(super().__iter__(), self.at)
        raise Broken("in the middle of a batch")


@pytest.fixture
def parsed(service: Service) -> tuple[projects.Project, Document]:
    """A document of 30 chunks, parsed once."""
    project = projects.get(service.headers["X-Organization-ID"], service.project())
    document = Document(
        project_id=project.project_id,
        document_id=ids.new("doc"),
        name="a.md",
        mime_type="text/markdown",
        size=1,
        s3_key=f"{project.s3_prefix}/sources/a.md",
        created_at=NOW,
        parsing_status="parsing",
    )
    document_store.add(project, document)
    parse(project, document, passages("old", document, 30))
    return project, document


def passages(text: str, document: Document, count: int) -> list[StoredChunk]:
    return [
        StoredChunk(
            project_id=document.project_id,
            chunk_id=ids.chunk_id(document.document_id, n),
            document_id=document.document_id,
            content=f"{text} {n}",
            heading_path=[],
            position=n,
            content_type="paragraph",
            tokens=2,
            start=0,
            end=5,
            created_at=NOW,
        )
        for n in range(count)
    ]


def parse(project: projects.Project, document: Document, found: list[StoredChunk]) -> int:
    document = document_store.mark(document, {"parsing_status": "parsing"})
    return document_store.replace_chunks(project.org_id, document, found, {"parsing_status": "parsed"})


def seen(project: projects.Project, document: Document) -> list[str]:
    """The texts, the same by every way to read them; the counters agree."""
    document = document_store.get(project.project_id, document.document_id)
    texts = [c.content for c in chunks.of_project(project.project_id)]
    names = [ids.chunk_id(document.document_id, n) for n in range(60)]
    page, total = document_store.chunk_page([document], 0, 60)
    assert [c.content for c in chunks.of_project(project.project_id, document.document_id)] == texts
    assert [c.content for c in chunks.get_many(project.project_id, names)] == texts
    assert [c.content for c in page] == texts
    assert total == len(texts) == projects.get(project.org_id, project.project_id).chunks
    return texts


def texts(found: list[StoredChunk]) -> list[str]:
    return [c.content for c in found]


# checklist 20
@pytest.mark.parametrize("count", [17, 45])
def test_a_parse_cut_off_at_any_write_leaves_one_whole_set(
    parsed: tuple[projects.Project, Document], count: int
) -> None:
    project, document = parsed
    old, step = passages("old", document, 30), 0
    for step in range(20):
        new = passages(f"new{step}", document, count)
        document_store.mark(document, {"parsing_status": "parsing"})
        try:
            with breaking_at(step):
                parse(project, document, new)
        except Broken:
            assert seen(project, document) == texts(old)
        else:
            assert seen(project, document) == texts(new)
            break
    assert step >= 4, "mark, number, removal, rows and the transaction were each cut off"


# checklist 20
def test_a_parse_cut_off_in_the_middle_of_its_rows_leaves_the_old_ones(
    parsed: tuple[projects.Project, Document],
) -> None:
    project, document = parsed
    for at in (1, 26, 44):
        cut = Cut(passages("new", document, 45))
        cut.at = at
        with pytest.raises(Broken):
            parse(project, document, cut)
        assert seen(project, document) == texts(passages("old", document, 30))

    parse(project, document, passages("new", document, 20))

    assert seen(project, document) == texts(passages("new", document, 20))
    assert rows(project) == 50, "the set before, and no row of the parses that were cut off"


def rows(project: projects.Project) -> int:
    return len(current().tables.query_page("chunks", {"project_id": project.project_id}).items)


# checklist 20
def test_a_parse_that_is_refused_leaves_the_old_chunks(parsed: tuple[projects.Project, Document]) -> None:
    project, document = parsed
    document = document_store.mark(document, {"parsing_status": "parsing"})
    number = document_store.begin_chunks(document)
    document_store.mark(document, {"parsing_status": "failed"})

    with pytest.raises(ConditionFailed):
        document_store.replace_chunks(project.org_id, document, passages("new", document, 5), {}, parse=number)

    assert seen(project, document) == texts(passages("old", document, 30))


# checklist 20
def test_of_two_parses_at_once_the_later_wins_whole(parsed: tuple[projects.Project, Document]) -> None:
    """A state that was thought dead goes on while its successor writes."""
    project, document = parsed
    document = document_store.mark(document, {"parsing_status": "parsing"})
    dead, alive = document_store.begin_chunks(document), document_store.begin_chunks(document)
    late = [replace(c, parse=alive) for c in passages("alive", document, 9)]
    current().tables.batch_put("chunks", map(chunks.to_row, late[:4]))

    with pytest.raises(ConditionFailed):
        document_store.replace_chunks(project.org_id, document, passages("dead", document, 5), {}, parse=dead)

    assert seen(project, document) == texts(passages("old", document, 30))
    there = [r["chunk_id"] for r in current().tables.query_page("chunks", {"project_id": project.project_id}).items]
    assert sum(str(r).endswith(f"#{alive}") for r in there) == 4, "what the later one wrote stays"
    document_store.replace_chunks(project.org_id, document, late, {"parsing_status": "parsed"}, parse=alive)
    assert seen(project, document) == texts(late)


# checklist 20
def test_who_reads_while_a_document_is_parsed_again_reads_the_old_chunks_to_the_end(
    parsed: tuple[projects.Project, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, document = parsed
    real = current().tables.query_page
    monkeypatch.setattr(type(current().tables), "query_page", lambda _, *a, **k: real(*a, **{**k, "limit": 4}))

    reading = chunks.of_project(project.project_id)
    first = next(reading)
    parse(project, document, passages("new", document, 12))

    assert [first.content, *(c.content for c in reading)] == texts(passages("old", document, 30))
    assert seen(project, document) == texts(passages("new", document, 12))


# checklist 20
def test_chunks_of_before_parses_were_numbered_hold_until_the_next_one(
    parsed: tuple[projects.Project, Document],
) -> None:
    project, document = parsed
    key = {"project_id": project.project_id, "document_id": document.document_id}
    numbered = [dict(chunks.row_key(c.project_id, c.chunk_id, c.parse)) for c in chunks.of_project(project.project_id)]
    current().tables.batch_delete("chunks", numbered)
    found = [replace(c, pairs_by_run={"gen_1": 2}) for c in passages("old", document, 30)]
    current().tables.batch_put("chunks", map(chunks.to_row, found))
    current().tables.update("documents", key, remove=["parse", "parses"])

    before = seen(project, document)
    chunks.count_pairs(project.project_id, found[3].chunk_id, "gen_2", 5)
    edited = chunks.change(chunks.get(project.project_id, found[4].chunk_id), {"content": "by hand", "updated_at": NOW})
    replaced = parse(project, document, passages("old", document, 29))

    assert before == texts(found)
    assert (edited.content, replaced) == ("by hand", 1)
    now = list(chunks.of_project(project.project_id))
    assert [c.pairs_by_run for c in now[2:6]] == [{"gen_1": 2}, {"gen_1": 2, "gen_2": 5}, {}, {"gen_1": 2}]
    assert len(now) == 29


# checklist 20, 23
def test_an_edit_of_one_revision_never_lands_in_a_set_that_was_replaced(
    parsed: tuple[projects.Project, Document],
) -> None:
    project, document = parsed
    chunk_id = ids.chunk_id(document.document_id, 0)
    read = chunks.change(chunks.get(project.project_id, chunk_id), {"last_edit": "one"}, edit=True)

    parse(project, document, passages("old", document, 30))
    with pytest.raises(ConditionFailed):
        chunks.change(read, {"excluded": True}, edit=True, exact=True)

    after = chunks.get(project.project_id, chunk_id)
    assert (read.revision, after.content, after.excluded) == (1, read.content, False)
    assert (after.revision, after.last_edit) == (None, None)

"""Chunks: any page without reading the ones before, edits, exclusion, deletion that survives being cut off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataforge import ids, tokens
from dataforge.platform import current
from dataforge.store import chunks, projects
from dataforge.store import documents as document_store
from dataforge.store.chunks import StoredChunk
from dataforge.store.item_codec import to_item
from dataforge.workflows.documents import deletion
from tests.support.projects import RULES, harbour
from tests.support.service import Service
from tests.support.table_watchers import Broken, breaking_at, counted


def chunks_of(service: Service, project_id: str, **params: object) -> list[dict[str, object]]:
    return service.call("GET", f"/projects/{project_id}/chunks", page_size=500, **params)["chunks"]


def stored(service: Service, project_id: str) -> projects.Project:
    return projects.get(service.headers["X-Organization-ID"], project_id)


def filled(service: Service, counts: list[int], size: int = 10, project_id: str | None = None) -> tuple[str, list[str]]:
    """A project whose documents hold so many chunks, written as a parse writes them; its chunk ids in order."""
    project_id = project_id or service.project()
    project = stored(service, project_id)
    written = []
    for n, count in enumerate(counts):
        document = document_store.Document(
            project_id,
            ids.new("doc"),
            f"{n}.md",
            "text/markdown",
            1,
            f"{project.s3_prefix}/sources/{n}.md",
            "2026-01-01T00:00:00Z",
            parsing_status="parsing",
        )
        document_store.add(project, document)
        rows = [
            StoredChunk(
                project_id,
                ids.chunk_id(document.document_id, i),
                document.document_id,
                "x" * size,
                [],
                i,
                "table" if i % 3 == 0 else "paragraph",
                1,
                0,
                size,
                "2026-01-01T00:00:00Z",
            )
            for i in range(count)
        ]
        document_store.replace_chunks(project.org_id, document, rows, {"parsing_status": "parsed"})
        written += [r.chunk_id for r in rows]
    return project_id, written


# checklist 22
def test_every_page_holds_what_stands_there_in_reading_order(service: Service) -> None:
    project_id, written = filled(service, [7, 0, 1, 23, 2])

    seen = []
    for page in range(1, 9):
        answer = service.call("GET", f"/projects/{project_id}/chunks", page=page, page_size=5)
        assert (answer["total"], answer["page"], answer["page_size"]) == (33, page, 5)
        seen += [c["chunkId"] for c in answer["chunks"]]
    documents = service.call("GET", f"/projects/{project_id}/documents")[::-1]
    middle = service.call(
        "GET", f"/projects/{project_id}/chunks", page=3, page_size=10, document_id=documents[3]["documentId"]
    )

    assert seen == written
    assert ([c["position"] for c in middle["chunks"]], middle["total"]) == ([20, 21, 22], 23)
    assert [d["chunkTypes"] for d in documents] == [
        {"table": 3, "paragraph": 4},
        {},
        {"table": 1},
        {"table": 8, "paragraph": 15},
        {"table": 1, "paragraph": 1},
    ]


# checklist 22
def test_a_page_far_into_a_large_project_takes_few_requests(service: Service) -> None:
    wide = 20_000 if service.backend == "embedded" else 1_200
    project_id, written = filled(service, [wide // 4] * 4, size=1000)

    with counted() as requests:
        page = service.call("GET", f"/projects/{project_id}/chunks", page=wide // 500, page_size=500)
    with counted() as of_one:
        service.call(
            "GET",
            f"/projects/{project_id}/chunks",
            page=2,
            page_size=100,
            document_id=page["chunks"][0]["documentId"],
        )

    last = (wide // 500 - 1) * 500
    assert [c["chunkId"] for c in page["chunks"]] == written[last : last + 500]
    assert requests.total() <= 12, requests
    assert of_one.total() <= 6, of_one


# checklist 22
def test_chunks_of_a_parse_that_was_cut_off_are_on_no_page(service: Service) -> None:
    project_id, written = filled(service, [3, 3])
    orphan = chunks.get(project_id, written[2])
    newer = replace(orphan, chunk_id=ids.chunk_id(orphan.document_id, 3), position=3, parse=(orphan.parse or 0) + 1)
    for row in (to_item(replace(newer, parse=None)), chunks.to_row(newer)):
        current().tables.put("chunks", row)

    assert [c["chunkId"] for c in chunks_of(service, project_id)] == written


# checklist 23
def test_an_edit_keeps_the_id_and_recounts(service: Service) -> None:
    project_id = harbour(service)
    before = chunks_of(service, project_id)[0]
    service.generate(project_id, num_pairs=2)
    pairs = service.call("GET", f"/projects/{project_id}/pairs")
    text = "The harbour master alone assigns a berth. It costs 40 euros."

    edited = service.call(
        "PUT",
        f"/projects/{project_id}/chunks/{before['chunkId']}",
        json={"content": text, "metadata": {"checked": True}},
    )
    more = service.call("PUT", f"/projects/{project_id}/chunks/{before['chunkId']}", json={"metadata": {"by": "Ada"}})

    assert (edited["chunkId"], edited["content"], edited["tokenCount"]) == (before["chunkId"], text, tokens.count(text))
    assert edited["updatedAt"]
    assert not before["updatedAt"]
    assert (more["metadata"], more["content"]) == ({"checked": True, "by": "Ada"}, text)
    assert chunks_of(service, project_id)[0] == more
    assert service.call("GET", f"/projects/{project_id}/pairs") == pairs


# checklist 23
def test_later_pairs_prove_themselves_by_the_edited_text(service: Service) -> None:
    project_id = harbour(service)
    [chunk] = [c for c in chunks_of(service, project_id) if "14 days" in str(c["content"])]
    text = (
        "Vessels longer than 40 metres must book a berth at least 21 days before arrival. "
        "A late booking costs 250 euros."
    )
    service.call("PUT", f"/projects/{project_id}/chunks/{chunk['chunkId']}", json={"content": text})

    service.generate(project_id, num_pairs=2, chunk_ids=[chunk["chunkId"]])

    pairs = service.call("GET", f"/projects/{project_id}/pairs")["pairs"]
    spans = [span for pair in pairs for span in pair["evidence"]]
    assert spans
    assert all(text[span["start"] : span["end"]] == span["text"] for span in spans)


BROKEN: list[tuple[dict[str, object], str]] = [
    ({"content": ""}, "content"),
    ({"content": " \n"}, "content"),
    ({"content": "x" * 32_001}, "content"),
    ({"metadata": []}, "metadata"),
    ({"excluded": "perhaps"}, "excluded"),
    ({"metadata": {"a": "x" * 70_000}}, "metadata"),
]


def test_an_edit_that_breaks_a_limit_names_its_field(service: Service) -> None:
    project_id, [chunk_id] = filled(service, [1])
    before = chunks_of(service, project_id)

    for sent, field in BROKEN:
        refused = service.call("PUT", f"/projects/{project_id}/chunks/{chunk_id}", json=sent, expect=422)
        assert [e["field"] for e in refused["errors"]] == [field]

    assert chunks_of(service, project_id) == before


def test_an_edit_of_nothing_changes_nothing_and_unknown_chunks_are_unknown(service: Service) -> None:
    project_id, [chunk_id] = filled(service, [1])
    [before] = chunks_of(service, project_id)

    assert service.call("PUT", f"/projects/{project_id}/chunks/{chunk_id}", json={}) == before
    service.call("PUT", f"/projects/{project_id}/chunks/chunk_x_000001", json={"excluded": True}, expect=404)
    service.other().call("PUT", f"/projects/{project_id}/chunks/{chunk_id}", json={"excluded": True}, expect=404)
    assert chunks_of(service, project_id) == [before]


# checklist 24
def test_an_excluded_chunk_is_never_asked_about(service: Service) -> None:
    project_id = harbour(service)
    first, *others = [str(c["chunkId"]) for c in chunks_of(service, project_id)]
    out = service.call("PUT", f"/projects/{project_id}/chunks/{first}", json={"excluded": True})

    service.generate(project_id, num_pairs=30)
    service.generate(project_id, num_pairs=5, chunk_ids=[first, others[0]])
    only = service.call(
        "POST", f"/projects/{project_id}/generate", expect=422, json={"model_id": "extractive", "chunk_ids": [first]}
    )
    pairs = service.call("GET", f"/projects/{project_id}/pairs", page_size=500)["pairs"]

    assert out["excluded"] is True
    assert pairs
    assert first not in {p["chunkId"] for p in pairs}
    assert only["code"] == "NO_CHUNKS"


# checklist 20, 24
def test_parsing_again_replaces_edits_and_says_so(service: Service) -> None:
    project_id = harbour(service)
    before = chunks_of(service, project_id)
    service.generate(project_id, num_pairs=4)
    service.call("PUT", f"/projects/{project_id}/chunks/{before[0]['chunkId']}", json={"content": "Nothing."})
    service.call("PUT", f"/projects/{project_id}/chunks/{before[1]['chunkId']}", json={"excluded": True})
    answer = {c["chunkId"]: c["pairsGenerated"] for c in chunks_of(service, project_id)}

    started = service.call("POST", f"/projects/{project_id}/parse", json={"force": True})
    service.wait(started["generation_id"])

    after = chunks_of(service, project_id)
    lines = service.call("GET", f"/generations/{started['generation_id']}/logs")["logs"]
    assert [(c["chunkId"], c["content"], c["excluded"]) for c in after] == [
        (c["chunkId"], c["content"], False) for c in before
    ]
    assert {c["chunkId"]: c["pairsGenerated"] for c in after[1:]} == {
        c["chunkId"]: answer[c["chunkId"]] for c in before[1:]
    }
    assert any("2 chunks that had been edited or excluded by hand were replaced" in line["message"] for line in lines)
    assert service.call("GET", f"/projects/{project_id}")["stats"]["total_chunks"] == len(before)


# checklist 17
def test_a_deletion_cut_off_anywhere_is_finished_by_the_next_call(service: Service) -> None:
    project_id, _ = filled(service, [4])
    for step in range(20):
        filled(service, [30], project_id=project_id)
        project = stored(service, project_id)
        document = service.call("GET", f"/projects/{project_id}/documents")[0]
        for key in (document["s3Key"], f"{project.s3_prefix}/parsed/{document['documentId']}.txt"):
            current().files.write(key, RULES)
        assert (project.documents, project.chunks) == (2, 34)

        broke = False
        with breaking_at(step):
            try:
                deletion.delete_document(project, document["documentId"])
            except Broken:
                broke = True
        if broke:
            service.call("DELETE", f"/projects/{project_id}/documents/{document['documentId']}")

        after = stored(service, project_id)
        assert (after.documents, after.chunks) == (1, 4)
        assert len(chunks_of(service, project_id)) == 4
        assert list(chunks.of_project(project_id, document["documentId"])) == []
        assert [f.key for f in current().files.list(f"{project.s3_prefix}/parsed/")] == []
        assert current().files.info(document["s3Key"]) is None
        service.call("DELETE", f"/projects/{project_id}/documents/{document['documentId']}", expect=404)
        if not broke:
            break
    assert step >= 4, "each write was cut off once"


# checklist 17
def test_a_document_is_not_deleted_under_a_run(service: Service) -> None:
    project_id, _ = filled(service, [1])
    project = stored(service, project_id)
    [document] = document_store.of_project(project_id)
    current().tables.update(
        "projects", {"org_id": project.org_id, "project_id": project_id}, set={"active_run": "gen_other"}
    )

    with pytest.raises(Exception, match="A run is using this project"):
        document_store.begin_deletion(project, document)

    assert document_store.get(project_id, document.document_id).parsing_status == "parsed"

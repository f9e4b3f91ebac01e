"""Edits that are meant for what their sender read: the second of two reviewers gets the first one's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dataforge.platform import current
from dataforge.store import chunks, documents, projects
from dataforge.store.projects import Project
from dataforge.workflows.documents import chunk_edits
from dataforge.workflows.documents.chunk_edits import ChunkEdit
from dataforge.workflows.review import edit
from tests.support import many_pairs
from tests.support.many_pairs import Shape
from tests.support.projects import harbour
from tests.support.service import BASE, Service

Json = dict[str, Any]


@pytest.fixture
def project(service: Service) -> Project:
    """Of 30 pairs in one block of the review index, the first of them pending."""
    found = projects.get(service.headers["X-Organization-ID"], service.project())
    _, made = many_pairs.fill(found, Shape(30, accepted=0.5))
    first = made[0].pair_id
    bulk(service, found, "reset", first)
    return found


def put(service: Service, path: str, body: Json, if_match: str | None = None) -> Any:
    sent = {} if if_match is None else {"If-Match": if_match}
    return service.http.put(BASE + path, json=body, headers={**service.headers, **sent})


def pairs_of(service: Service, project: Project) -> list[Json]:
    found: list[Json] = service.call("GET", f"/projects/{project.project_id}/pairs", page_size=500)["pairs"]
    return found


def first_pair(service: Service, project: Project) -> Json:
    return pairs_of(service, project)[0]


def bulk(service: Service, project: Project, action: str, *pair_ids: str) -> Json:
    path = f"/projects/{project.project_id}/pairs/bulk-action"
    done: Json = service.call("POST", path, json={"action": action, "pair_ids": list(pair_ids)})
    return done


def undo(service: Service, project: Project, token: str) -> None:
    service.call("POST", f"/projects/{project.project_id}/pairs/bulk-action/undo", json={"undo_token": token})


def chunk_of(service: Service, project_id: str) -> Json:
    found: Json = service.call("GET", f"/projects/{project_id}/chunks")["chunks"][0]
    return found


# checklist 40
def test_the_second_of_two_reviewers_gets_the_edit_of_the_first_and_loses_nothing(
    service: Service, project: Project
) -> None:
    read = first_pair(service, project)
    path = f"/pairs/{read['pairId']}"

    first = put(service, path, {"output_text": "The first answer.", "revision": read["revision"]})
    second = put(service, path, {"output_text": "The second answer.", "revision": read["revision"]})
    kept = first_pair(service, project)
    again = put(service, path, {"output_text": "Both in one.", "revision": second.json()["current"]["revision"]})

    assert (first.status_code, second.status_code, again.status_code) == (200, 409, 200)
    assert (second.json()["code"], second.json()["current"]) == ("REVISION_CONFLICT", first.json())
    assert kept == first.json()
    assert first.headers["ETag"] == second.headers["ETag"] == f'"{first.json()["revision"]}"'
    assert first_pair(service, project)["answer"] == "Both in one."


# checklist 40
@pytest.mark.parametrize(
    "meanwhile",
    [
        {"output_text": "Another answer."},
        {"input_text": "Another question?"},
        {"status": "accepted"},
        {"metadata": {"reviewer_notes": "Doubtful"}},
        {"metadata": {"seen": True}},
        "reject",
        "delete",
    ],
    ids=str,
)
def test_an_edit_is_refused_when_anything_that_its_sender_read_was_changed(
    service: Service, project: Project, meanwhile: Json | str
) -> None:
    read = first_pair(service, project)
    path = f"/pairs/{read['pairId']}"
    if isinstance(meanwhile, str):
        bulk(service, project, meanwhile, read["pairId"])
    else:
        put(service, path, meanwhile)

    answers = [
        put(service, path, {"output_text": "Mine."}, f'"{read["revision"]}"'),
        put(service, path, {"status": "accepted", "revision": read["revision"]}),
        put(service, path, {"revision": read["revision"]}),
    ]

    expected = (404, "NOT_FOUND") if meanwhile == "delete" else (409, "REVISION_CONFLICT")
    assert [(a.status_code, a.json()["code"]) for a in answers] == [expected] * 3
    assert "Mine." not in [p["answer"] for p in pairs_of(service, project)]


# checklist 40
def test_what_changes_nothing_of_the_pair_is_no_conflict(service: Service, project: Project) -> None:
    read, neighbour, *_ = pairs_of(service, project)
    path = f"/pairs/{read['pairId']}"

    put(service, f"/pairs/{neighbour['pairId']}", {"output_text": "Next door."})
    bulk(service, project, "reject", neighbour["pairId"])
    put(service, path, {"input_text": read["question"], "status": read["status"], "metadata": read["metadata"]})
    undo(service, project, bulk(service, project, "reject", read["pairId"])["undo_token"])
    done = put(service, path, {"output_text": "Mine.", "revision": read["revision"]})

    assert (done.status_code, done.json()["answer"]) == (200, "Mine.")
    assert done.json()["revision"] != read["revision"]


# checklist 40
@pytest.mark.parametrize(
    ("spelled", "status"),
    [
        ('"{0}"', 200),
        ('W/"{0}"', 200),
        ("{0}", 200),
        ("*", 200),
        ('"9-rejected", W/"{0}"', 200),
        ('"9-rejected"', 409),
        ('"*"', 409),
        ("", 409),
    ],
)
def test_if_match_is_read_in_every_spelling(service: Service, project: Project, spelled: str, status: int) -> None:
    read = first_pair(service, project)

    sent = spelled.format(read["revision"])
    answer = put(service, f"/pairs/{read['pairId']}", {"status": "accepted"}, sent)

    assert answer.status_code == status


# checklist 40
def test_header_and_body_must_both_hold(service: Service, project: Project) -> None:
    read = first_pair(service, project)
    path, body = f"/pairs/{read['pairId']}", {"status": "accepted", "revision": read["revision"]}

    assert put(service, path, body, '"9-rejected"').status_code == 409
    assert put(service, path, {**body, "revision": "9-rejected"}, f'"{read["revision"]}"').status_code == 409
    assert put(service, path, body, "*").status_code == 200


# checklist 40
def test_without_a_revision_the_later_edit_wins(service: Service, project: Project) -> None:
    read = first_pair(service, project)

    for text in ("One.", "Two."):
        assert put(service, f"/pairs/{read['pairId']}", {"output_text": text}).status_code == 200

    assert first_pair(service, project)["answer"] == "Two."


# checklist 40
def test_of_many_edits_of_one_revision_one_is_made(service: Service, project: Project) -> None:
    read, neighbour, *_ = pairs_of(service, project)
    path = f"/pairs/{read['pairId']}"

    with ThreadPoolExecutor(6) as threads:
        edits = [
            threads.submit(put, service, path, {"output_text": f"Answer {n}.", "revision": read["revision"]})
            for n in range(5)
        ]
        others = threads.submit(lambda: [bulk(service, project, a, neighbour["pairId"]) for a in ("reject", "accept")])
        answers = [e.result() for e in edits]
        others.result()

    assert Counter(a.status_code for a in answers) == {200: 1, 409: 4}
    [made] = [a.json() for a in answers if a.status_code == 200]
    assert first_pair(service, project) == made


# checklist 40
def test_a_bulk_action_between_the_check_and_the_write_is_seen(
    service: Service, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = first_pair(service, project)
    put(service, f"/pairs/{read['pairId']}", {"status": "edited"})
    read = first_pair(service, project)
    between: list[Callable[[], Json]] = [lambda: bulk(service, project, "reject", read["pairId"])]
    checked = edit._applied

    def then_somebody_comes(*args: Any) -> Any:
        after = checked(*args)
        if between:
            between.pop()()
        return after

    monkeypatch.setattr(edit, "_applied", then_somebody_comes)
    answer = put(service, f"/pairs/{read['pairId']}", {"output_text": "Mine.", "revision": read["revision"]})

    assert (answer.status_code, answer.json()["current"]["status"]) == (409, "rejected")
    assert first_pair(service, project)["status"] == "rejected"


# checklist 40
def test_an_edit_whose_answer_was_lost_can_be_sent_again(service: Service, project: Project) -> None:
    read = first_pair(service, project)
    path, body = f"/pairs/{read['pairId']}", {"output_text": "Mine.", "revision": read["revision"]}

    first, again = put(service, path, body), put(service, path, body)
    other = put(service, path, {**body, "output_text": "Not mine."})
    bulk(service, project, "accept", read["pairId"])
    late = put(service, path, body)

    assert (again.status_code, again.json()["revision"]) == (200, first.json()["revision"])
    assert (other.status_code, late.status_code) == (409, 409)


# checklist 23
def test_chunks_have_revisions_too(service: Service) -> None:
    project_id = harbour(service)
    read = chunk_of(service, project_id)
    path = f"/projects/{project_id}/chunks/{read['chunkId']}"

    first = put(service, path, {"content": "The first text."}, f'"{read["revision"]}"')
    again = put(service, path, {"content": "The first text."}, f'"{read["revision"]}"')
    stale = [
        put(service, path, {"content": "The second text."}, f'"{read["revision"]}"'),
        put(service, path, {"excluded": True, "revision": read["revision"]}),
        put(service, path, {"revision": read["revision"]}),
    ]
    noted = put(service, path, {"metadata": {"by": "Ada"}, "revision": first.json()["revision"]})
    late = put(service, path, {"excluded": True, "revision": first.json()["revision"]})
    free = put(service, path, {"content": "Whatever it was."})

    assert (first.status_code, again.json()["revision"]) == (200, first.json()["revision"])
    assert [(a.status_code, a.json()["code"]) for a in stale] == [(409, "REVISION_CONFLICT")] * 3
    assert stale[0].json()["current"]["content"] == "The first text."
    assert stale[0].headers["ETag"] == first.headers["ETag"] == f'"{first.json()["revision"]}"'
    assert (noted.status_code, late.status_code, free.status_code) == (200, 409, 200)
    assert chunk_of(service, project_id) == free.json()
    assert free.json()["metadata"] == {"by": "Ada"}


# checklist 20, 23
def test_a_chunk_that_was_parsed_again_conflicts_if_that_changed_it(service: Service) -> None:
    project_id = harbour(service)
    parsed = chunk_of(service, project_id)
    path = f"/projects/{project_id}/chunks/{parsed['chunkId']}"
    edited = put(service, path, {"content": "By hand."}).json()

    started = service.call("POST", f"/projects/{project_id}/parse", json={"force": True})
    service.wait(started["generation_id"])

    refused = put(service, path, {"content": "By hand, better.", "revision": edited["revision"]})
    assert (refused.status_code, refused.json()["current"]["content"]) == (409, parsed["content"])
    assert put(service, path, {"excluded": True, "revision": parsed["revision"]}).status_code == 200


# checklist 23
def test_an_edit_of_a_chunk_between_the_check_and_the_write_is_seen(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = harbour(service)
    read = chunk_of(service, project_id)
    path = f"/projects/{project_id}/chunks/{read['chunkId']}"
    between = [ChunkEdit(excluded=True)]
    checked = chunk_edits._values

    def then_somebody_comes(*args: Any) -> Any:
        values = checked(*args)
        if between:
            chunk_edits.edit(project_id, read["chunkId"], between.pop())
        return values

    monkeypatch.setattr(chunk_edits, "_values", then_somebody_comes)
    answer = put(service, path, {"metadata": {"by": "Ada"}, "revision": read["revision"]})

    assert (answer.status_code, answer.json()["current"]["excluded"]) == (409, True)
    assert chunk_of(service, project_id)["metadata"] == {}


# checklist 23
def test_a_chunk_of_an_earlier_release_has_a_revision(service: Service) -> None:
    project_id = harbour(service)
    document = next(documents.of_project(project_id))
    chunk_id = chunk_of(service, project_id)["chunkId"]
    key = chunks.row_key(project_id, chunk_id, document.parse)
    written = {"content": "Edited long ago.", "updated_at": "2026-01-01T00:00:00Z"}
    current().tables.update("chunks", key, set=written)
    read = chunk_of(service, project_id)

    path = f"/projects/{project_id}/chunks/{chunk_id}"
    answers = [put(service, path, {"excluded": flag, "revision": read["revision"]}) for flag in (True, False)]

    assert document.document_id == read["documentId"]
    assert [a.status_code for a in answers] == [200, 409]

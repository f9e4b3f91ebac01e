"""What a parse run counts is what it did itself: state after state in this process. Both backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataforge.errors import Unreadable
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import documents as document_store
from dataforge.store import projects, runs
from dataforge.store.documents import Document
from dataforge.store.runs import Run
from dataforge.workflows import lifecycle, run_states
from dataforge.workflows.documents import parsing
from tests.support.projects import add, chunks, parse
from tests.support.service import Service
from tests.support.table_watchers import Broken, breaking_at

Json = dict[str, Any]
Step = Callable[..., Item]


def begin(service: Service, project_id: str, monkeypatch: pytest.MonkeyPatch, **wanted: Any) -> tuple[Run, Step]:
    """A parse run without a machine, and the input of its states by document id."""
    monkeypatch.setattr(lifecycle, "start_machine", lambda run: None)
    project = projects.get(service.headers["X-Organization-ID"], project_id)
    run = parsing.start(project, **wanted)
    base: Item = {"org_id": run.org_id, "run_id": run.run_id, "project_id": project_id, "kind": "parse"}
    return run, lambda document_id="", **more: {**base, "key": document_id, **more}


def ended(service: Service, run: Run) -> tuple[Json, Json, Json]:
    found = service.call("GET", f"/generations/{run.run_id}")
    counts = found["counts"]
    assert counts["asked"] == counts["delivered"] + counts["rejected"] + counts["failed"]
    assert counts["failed"] == sum(found["reasons"]["failed"].values())
    return counts, found["reasons"]["failed"], found["results"]


# checklist 19, 35
def test_a_cancelled_parse_counts_what_it_did_and_says_why_the_rest_failed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = service.project()
    texts = [f"# Berth {n}\n\nBerth {n} costs {n}0 euros a day." for n in range(4)]
    one, two, gone, late = [str(add(service, project_id, content=t)["documentId"]) for t in texts]
    torn = str(service.upload(project_id, "torn.pdf", b"%PDF-1.7\nnothing", "application/pdf")["documentId"])
    parse(service, project_id, document_ids=[one, two])
    run, step = begin(service, project_id, monkeypatch, force=True)

    for _ in range(2):  # a state may run again
        parsing.parse_document(step(one))
        parsing.parse_document(step(torn))
    current().tables.delete("documents", {"project_id": project_id, "document_id": gone})
    parsing.parse_document(step(gone))
    lifecycle.cancel(run)
    for document_id in (one, two, late):
        parsing.parse_document(step(document_id))
    for _ in range(2):
        run_states.close_run(step())

    counts, reasons, results = ended(service, run)
    assert runs.get(run.org_id, run.run_id).status == "cancelled"
    assert (counts["asked"], counts["delivered"], counts["failed"]) == (5, 1, 4)
    assert reasons == {"cancelled": 2, "deleted": 1, "corrupted": 1}
    of_it = [c for c in chunks(service, project_id) if c["documentId"] == one]
    assert results == {"documents_processed": 1, "documents_failed": 1, "chunks_created": len(of_it)}


# checklist 19
def test_a_parse_whose_machine_fails_counts_what_it_had_done(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    project_id = service.project()
    good, dead, never = [
        str(add(service, project_id, content=f"# Pier {n}\n\nPier {n} opens at {n}.")["documentId"]) for n in range(3)
    ]
    run, step = begin(service, project_id, monkeypatch)
    failure: Item = {"Error": "States.Timeout", "Cause": ""}

    parsing.parse_document(step(good))
    parsing.record_failure(step(dead, failure=failure))
    run_states.close_run(step(failure=failure))

    counts, reasons, results = ended(service, run)
    assert (counts["asked"], counts["delivered"], counts["failed"]) == (3, 1, 2)
    assert reasons == {"too_complex": 1, "run_failed": 1}
    assert (results["documents_processed"], results["documents_failed"]) == (1, 1)
    assert service.call("GET", f"/projects/{project_id}/documents")[0]["documentId"] == never


# checklist 17, 19, 184
@pytest.mark.parametrize("readable", [True, False])
def test_a_parse_that_dies_at_any_write_counts_the_document_as_what_it_is(
    service: Service, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    project_id = service.project()
    data, name = (b"# Quay\n\nThe quay closes at six.", "quay.md") if readable else (b"%PDF-1.7\nnothing", "quay.pdf")
    mime = "text/markdown" if readable else "application/pdf"
    document_id = str(service.upload(project_id, name, data, mime)["documentId"])
    read_once(monkeypatch, document_store.get(project_id, document_id))
    seen = set[str]()

    for dies_at in range(30):
        before = document_store.get(project_id, document_id)
        run, step = begin(service, project_id, monkeypatch, force=True)
        try:
            with breaking_at(dies_at):
                parsing.parse_document(step(document_id))
        except Broken:
            pass
        else:
            break
        run_states.close_run(step(recovering="The state machine ended as ABORTED"))

        counts, reasons, _ = ended(service, run)
        after = document_store.get(project_id, document_id)
        assert after.parsing_status != "parsing"
        made = after.parse != before.parse if readable else after.parsing_status == "failed"
        assert counts["delivered"] == int(made and readable), f"killed before write {dies_at}"
        assert reasons == ({} if made and readable else {"corrupted" if made else "run_failed": 1})
        seen.add(f"{made}")
        if not readable:
            document_store.mark(after, {"parsing_status": "pending"})
    assert dies_at > 3
    assert seen == {"True", "False"}, "some died before it was decided, some after"


def read_once(monkeypatch: pytest.MonkeyPatch, document: Document) -> None:
    """Reading takes a process of its own: its result is kept."""
    kept: Any
    try:
        kept = parsing._read(document)[1:]
    except Unreadable as problem:
        kept = problem

    def again(given: Document) -> Any:
        if isinstance(kept, Unreadable):
            raise kept
        return (given, *kept)

    monkeypatch.setattr(parsing, "_read", again)


# checklist 17, 19
def test_a_document_that_changes_after_it_failed_still_counts_with_its_reason(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = service.project()
    torn = str(service.upload(project_id, "torn.pdf", b"%PDF-1.7\nnothing", "application/pdf")["documentId"])
    run, step = begin(service, project_id, monkeypatch)

    parsing.parse_document(step(torn))
    current().tables.update(  # a second, better PUT was verified
        "documents",
        {"project_id": project_id, "document_id": torn},
        set={"parsing_status": "pending", "error": None, "error_reason": None},
    )
    run_states.close_run(step())

    counts, reasons, _ = ended(service, run)
    assert (counts["delivered"], counts["failed"], reasons) == (0, 1, {"corrupted": 1})

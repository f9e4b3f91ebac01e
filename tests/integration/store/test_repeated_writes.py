"""A write is carried out, its answer is lost, and its own condition refuses the second attempt: it has succeeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from dataforge import clock, ids, platform, settings
from dataforge.errors import ConditionFailed
from dataforge.platform import current
from dataforge.platform.ports import Item, Put, Write
from dataforge.store import (
    api_keys,
    documents,
    exports,
    idempotency,
    ledger,
    members,
    projects,
    run_events,
    run_status,
    runs,
    shared_state,
    undo,
    uploads,
)
from dataforge.store.documents import Document
from dataforge.store.exports import Export
from dataforge.store.item_codec import to_item
from dataforge.store.members import Member
from dataforge.store.projects import Project
from dataforge.store.runs import Run
from dataforge.store.uploads import Upload
from tests.support.service import Service


class LostAnswers:
    """Tables that carry out the `step`-th conditional write (from 0) and then once more, as the SDK does when no answer
    came; a transaction is refused the second time, as for a caller who repeats it later."""

    def __init__(self, real: Any, step: int) -> None:
        self._real, self._left = real, step
        self.lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def put_new(self, table: str, item: Item) -> None:
        self._real.put_new(table, item)
        if self._is_lost():
            self._real.put_new(table, item)

    def update(self, table: str, key: Any, **change: Any) -> Any:
        after = self._real.update(table, key, **change)
        return self._real.update(table, key, **change) if change.get("where") and self._is_lost() else after

    def transact(self, writes: Sequence[Write]) -> None:
        self._real.transact(writes)
        if any(w.where for w in writes) and self._is_lost():
            raise ConditionFailed("the item is not what the write requires")

    def _is_lost(self) -> bool:
        self._left -= 1
        self.lost = self.lost or self._left == -1
        return self._left == -1


@contextmanager
def losing(step: int) -> Iterator[LostAnswers]:
    plugged = platform.current()
    tables = LostAnswers(plugged.tables, step)
    platform.use(replace(plugged, tables=tables))  # type: ignore[arg-type]
    try:
        yield tables
    finally:
        platform.use(plugged)


@pytest.fixture
def project(service: Service) -> Project:
    return projects.get(service.headers["X-Organization-ID"], service.project())


def new_document(project: Project, name: str = "a.md") -> Document:
    return Document(
        project_id=project.project_id,
        document_id=ids.new("doc"),
        name=name,
        mime_type="text/markdown",
        size=1,
        s3_key=f"{project.s3_prefix}/sources/{name}",
        created_at=clock.now(),
    )


def new_run(project: Project) -> Run:
    run_id = ids.new("gen")
    return Run(
        org_id=project.org_id,
        run_id=run_id,
        project_id=project.project_id,
        user_id=project.user_id,
        kind="generate",
        config={},
        files_prefix="data-forge/x",
        created_at=clock.now(),
        sequence=ids.tail(run_id),
        asked=10,
    )


def stored_run(project: Project) -> Run:
    run = new_run(project)
    current().tables.put("runs", to_item(run))
    return run


def claim(project: Project) -> None:
    key = ids.new("key")
    held = idempotency.claim(project.org_id, "POST /x", key, b"{}")
    assert isinstance(held, idempotency.Claim)
    held.keep(idempotency.StoredResponse(200, "text/plain", "done"))
    again = idempotency.claim(project.org_id, "POST /x", key, b"{}")
    assert again == idempotency.StoredResponse(200, "text/plain", "done")


def take_over(project: Project) -> None:
    key = ids.new("key")
    held = idempotency.claim(project.org_id, "POST /x", key, b"{}")
    assert isinstance(held, idempotency.Claim)
    current().tables.update(
        "idempotency", {"org_id": held.org_id, "request": held.request}, set={"seen": clock.epoch() - 3600}
    )
    assert isinstance(idempotency.claim(project.org_id, "POST /x", key, b"{}"), idempotency.Claim)


def reserve_upload(project: Project) -> None:
    key = f"{project.s3_prefix}/sources/{ids.new('up')}.md"
    upload = Upload(project.project_id, key, project.org_id, "a.md", "text/markdown", uploads.expiry())
    assert uploads.reserve(upload)
    assert not uploads.reserve(upload)


def begin(project: Project) -> None:
    run = new_run(project)
    projects.occupy(project, run.run_id, Put("runs", to_item(run)))
    assert runs.get(run.org_id, run.run_id) == run
    projects.vacate(project.org_id, project.project_id, run.run_id)
    assert projects.get(project.org_id, project.project_id).active_run is None


def finish(project: Project) -> None:
    run = stored_run(project)
    after = run_status.change(run, {"status": "failed", "completed_at": clock.now()}, where={"status": runs.ACTIVE})
    assert after.status == "failed"
    event = run_events.latest(run.run_id)
    assert event is not None
    assert event.status == "failed"
    with pytest.raises(ConditionFailed):
        run_status.change(run, {"status": "completed"}, where={"status": runs.ACTIVE})


def pay(project: Project) -> None:
    ledger.set_plan(project.org_id, "payg")
    before = ledger.top_up(project.org_id, 10_000_000)
    run = new_run(project)
    ledger.reserve(project.org_id, run.run_id, ledger.Demand(3_000_000, 1000), also=[Put("runs", to_item(run))])
    held = ledger.account_of(project.org_id)
    assert (held.balance, held.reserved) == (before.balance, 3_000_000)
    ledger.settle(project.org_id, run.run_id, amount=2_000_000, units=500)
    after = ledger.account_of(project.org_id)
    assert (after.balance, after.reserved) == (before.balance - 2_000_000, 0)


def export(project: Project) -> None:
    version = projects.next_version(project)
    made = Export(
        project_id=project.project_id,
        version=version,
        format="chatml",
        s3_key="k",
        pair_count=1,
        file_size=1,
        include_system_prompt=True,
        created_at=clock.now(),
    )
    exports.put(made)
    assert exports.get(project.project_id, version) == made
    with pytest.raises(ConditionFailed):
        exports.put(made)


def create_project(project: Project) -> None:
    made = projects.create(
        project.org_id, project.user_id, name="b", description="", source_type="documents", config={}
    )
    assert projects.get(project.org_id, made.project_id) == made


def add_document(project: Project) -> None:
    before = projects.get(project.org_id, project.project_id).documents
    document = new_document(project)
    documents.add(project, document)
    documents.mark(document, {"parsing_status": "failed"}, statuses=("pending",))
    documents.mark(document, {"parsing_status": "parsing"}, statuses=("failed",))
    assert documents.get(project.project_id, document.document_id).parsing_status == "parsing"
    assert documents.replace_chunks(project.org_id, document, [], {"parsing_status": "parsed"}) == 0
    assert documents.get(project.project_id, document.document_id).parsing_status == "parsed"
    assert projects.get(project.org_id, project.project_id).documents == before + 1


def make_key(project: Project) -> None:
    before = len(api_keys.of_organisation(project.org_id))
    made, secret = api_keys.create(
        project.org_id, project.user_id, name="k", scopes=[api_keys.ADMIN], created_by=project.user_id
    )
    holder = api_keys.holder_of(secret)
    assert holder is not None
    assert holder.key_id == made.key_id
    assert len(api_keys.of_organisation(project.org_id)) == before + 1


def add_member(project: Project) -> None:
    member = Member(project.org_id, ids.new("user"), created_at=clock.now())
    assert members.add(member) == member
    assert members.get(project.org_id, member.user_id) == member


def take_back(project: Project) -> None:
    token = ids.new("undo")
    undo.put(project.project_id, token, {"action": "accept"})
    undo.end(project.project_id, token, "undone")
    with pytest.raises(ConditionFailed):
        undo.end(project.project_id, token, "undone")


def share(project: Project) -> None:
    scope = f"budget#{project.project_id}-{ids.new('x')}"

    def decide(stored: Item) -> tuple[Item, int]:
        taken = int(str(stored.get("taken", 0))) + 1
        return {"taken": taken}, taken

    assert [shared_state.update(scope, decide) for _ in range(3)] == [1, 2, 3]


UseCase = Callable[[Project], None]
USE_CASES: list[UseCase] = [
    claim,
    take_over,
    reserve_upload,
    begin,
    finish,
    pay,
    export,
    create_project,
    add_document,
    make_key,
    add_member,
    take_back,
    share,
]


@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda u: u.__name__)
def test_a_write_whose_answer_was_lost_has_succeeded(project: Project, use_case: UseCase) -> None:
    settings.get.cache_clear()
    for step in range(20):
        with losing(step) as tables:
            use_case(project)
        if not tables.lost:
            break

    assert step >= 1

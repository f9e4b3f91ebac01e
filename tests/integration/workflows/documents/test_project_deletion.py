"""A deleted project leaves nothing behind, wherever its deletion was cut off. Both backends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from dataforge import platform
from dataforge.errors import Busy, NotFound
from dataforge.platform.ports import Item, Workflows
from dataforge.store import item_codec, projects, replies, runs
from dataforge.store.projects import Project
from dataforge.store.replies import Reply
from dataforge.workflows import erasing, lifecycle
from dataforge.workflows.review import bulk
from dataforge.workflows.review.search import PairFilter
from dataforge_infra import catalog
from tests.support import many_pairs
from tests.support.many_pairs import Shape
from tests.support.projects import harbour
from tests.support.service import Service, embedded_service
from tests.support.table_watchers import Broken, killed_until_done
from tests.support.waiting import until


@pytest.fixture
def doomed(service: Service) -> Project:
    """A project with everything that a project can have."""
    project_id = harbour(service)
    run = service.generate(project_id, num_pairs=4, config={"auto_accept_min_quality": 0})
    service.call("POST", f"/projects/{project_id}/export")
    project = projects.get(service.headers["X-Organization-ID"], project_id)
    many_pairs.fill(project, Shape(40))
    bulk.act(project, "delete", pair_ids=None, wanted=PairFilter(is_duplicate=True))
    replies.keep(Reply(run["generationId"], "000000#00", "text", "m", "stop", 1, 1, replies.expires_at()))
    return projects.get(project.org_id, project_id)


def left_of(project: Project, run_ids: list[str]) -> list[str]:
    """Every object and row that still knows the project."""
    backend = platform.current()
    found = [f.key for f in backend.files.list(project.s3_prefix)]
    keys = {"project_id": [project.project_id], "run_id": run_ids, "org_id": [project.org_id]}
    for table, shape in catalog.TABLES.items():
        for value in keys.get(shape.hash_key, []):
            rows: Iterator[Item] = item_codec.items_of(table, {shape.hash_key: value})
            found += [f"{table}: {row}" for row in rows if project.project_id in str(row) or shape.hash_key == "run_id"]
    return found


# checklist 10, 11
def test_a_deletion_killed_at_any_write_hides_the_project_and_the_next_one_ends_it(
    service: Service, doomed: Project
) -> None:
    run_ids = [r.run_id for r in runs.of_project(doomed.project_id)]
    before = left_of(doomed, run_ids)

    kills = killed_until_done(lambda: erasing.delete_project(doomed))

    assert kills >= 6
    assert len(before) > 60
    assert left_of(doomed, run_ids) == []


# checklist 10, 11
def test_a_deletion_cut_off_right_after_its_first_step_is_ended_by_its_machine(
    service: Service, doomed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "SECOND_LOOK_SECONDS", 1)
    run_ids = [r.run_id for r in runs.of_project(doomed.project_id)]

    def crash(*_: object) -> None:
        raise Broken

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "sweep_project", crash)
        with pytest.raises(Broken):
            erasing.delete_project(doomed)
    hidden = [
        service.call("GET", f"/projects/{doomed.project_id}", expect=404)["code"],
        service.call("GET", "/projects"),
    ]

    until(lambda: not left_of(doomed, run_ids), "something is left")
    assert hidden == ["NOT_FOUND", []]
    assert left_of(doomed, run_ids) == []


# checklist 10, 11
def test_what_comes_through_an_upload_url_after_the_deletion_is_swept_too(
    service: Service, doomed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "SECOND_LOOK_SECONDS", 1)
    monkeypatch.setattr(erasing, "LATE_SECONDS", 2)
    answer = {"filename": "late.md", "content_type": "text/markdown", "file_size": 4}
    url = service.call("POST", f"/projects/{doomed.project_id}/upload-url", json=answer)["upload_url"]

    service.call("DELETE", f"/projects/{doomed.project_id}")
    left_over = f"{doomed.s3_prefix}/left-over"
    current_files = platform.current().files
    current_files.write(left_over, b"x")
    until(lambda: current_files.info(left_over) is None, "the second look does not come")
    assert service.put(url, b"late", "text/markdown") == 200

    until(lambda: not left_of(doomed, []), "something is left")
    assert left_of(doomed, []) == []


# checklist 10, 11
def test_what_a_batch_writes_after_the_deletion_is_swept_by_the_second_look(service: Service, doomed: Project) -> None:
    erasing.delete_project(doomed)
    late = f"{doomed.s3_prefix}/runs/gen_x/round-0/part-0000.json"
    platform.current().files.write(late, b"{}")

    erasing.erase(
        {
            "org_id": doomed.org_id,
            "project_id": doomed.project_id,
            "s3_prefix": doomed.s3_prefix,
            "token": "",
            "late_seconds": 0,
        },
        seconds=60,
    )

    assert left_of(doomed, []) == []


def test_an_erasure_that_runs_out_of_time_says_so_and_goes_on(service: Service, doomed: Project) -> None:
    event: Item = {
        "org_id": doomed.org_id,
        "project_id": doomed.project_id,
        "s3_prefix": doomed.s3_prefix,
        "token": "",
        "late_seconds": 0,
    }
    projects.mark_deleted(doomed)

    with pytest.raises(erasing.EraseUnfinished):
        erasing.erase(event, seconds=-1)
    erasing.erase(event, seconds=60)

    assert left_of(doomed, []) == []


class NeverStarts:
    """Workflows that are out of reach."""

    def __getattr__(self, name: str) -> object:
        def call(*_: object, **__: object) -> object:
            raise Busy("Step Functions is out of reach")

        return call


# checklist 10, 11
def test_a_deletion_that_cannot_be_promised_is_refused_and_deletes_nothing(service: Service, doomed: Project) -> None:
    before = left_of(doomed, [])
    plugged = platform.current()

    platform.use(replace(plugged, workflows=cast(Workflows, NeverStarts())))
    refused = service.call("DELETE", f"/projects/{doomed.project_id}", expect=503)
    platform.use(plugged)

    assert refused["code"] == "BUSY"
    assert left_of(doomed, []) == before
    service.call("DELETE", f"/projects/{doomed.project_id}")
    assert left_of(doomed, []) == []


# checklist 10, 11
def test_a_deletion_that_begun_answers_so_whatever_fails_after_it(
    service: Service, doomed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "SECOND_LOOK_SECONDS", 1)
    run_ids = [r.run_id for r in runs.of_project(doomed.project_id)]

    def busy(*_: object) -> None:
        raise Busy("The tables are out of reach")

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "sweep_project", busy)
        answer = service.call("DELETE", f"/projects/{doomed.project_id}")

    assert answer["deleted"] is True
    until(lambda: not left_of(doomed, run_ids), "something is left")
    assert left_of(doomed, run_ids) == []


# checklist 10, 11
def test_a_run_that_ends_while_its_project_is_deleted_does_not_stop_the_deletion(
    service: Service, doomed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = next(runs.of_project(doomed.project_id))
    tables = platform.current().tables
    tables.update("runs", {"org_id": run.org_id, "run_id": run.run_id}, set={"status": "validating"})
    tables.update("projects", {"org_id": run.org_id, "project_id": run.project_id}, set={"active_run": run.run_id})
    cancel = lifecycle.cancel

    def too_late(run: runs.Run) -> runs.Run:
        tables.update("runs", {"org_id": run.org_id, "run_id": run.run_id}, set={"status": "completed"})
        return cancel(run)

    monkeypatch.setattr(lifecycle, "cancel", too_late)
    answer = service.call("DELETE", f"/projects/{doomed.project_id}")

    assert answer["deleted"] is True
    assert left_of(doomed, [run.run_id]) == []


# checklist 10, 11
def test_of_two_deletions_at_once_the_second_finds_no_project(service: Service, doomed: Project) -> None:
    erasing.delete_project(doomed)

    with pytest.raises(NotFound):
        erasing.delete_project(doomed)


# checklist 10, 11
def test_a_machine_whose_deletion_was_never_begun_erases_nothing(service: Service, doomed: Project) -> None:
    before = left_of(doomed, [])
    event: Item = {
        "org_id": doomed.org_id,
        "project_id": doomed.project_id,
        "s3_prefix": doomed.s3_prefix,
        "token": "",
        "late_seconds": 5,
    }

    answer = erasing.erase(event, seconds=60)

    assert answer["again"] is False
    assert left_of(doomed, []) == before


# checklist 10, 42
def test_many_deletions_that_may_still_be_taken_back_hold_up_no_run(tmp_path: Path) -> None:
    for service in embedded_service(tmp_path):
        project_id = harbour(service)
        org_id = service.headers["X-Organization-ID"]
        _, made = many_pairs.fill(projects.get(org_id, project_id), Shape(80))
        for one in made:
            service.call(
                "POST",
                f"/projects/{project_id}/pairs/bulk-action",
                json={"action": "delete", "pair_ids": [one.pair_id]},
            )

        run = service.generate(project_id, num_pairs=2)

        assert run["status"] == "completed"

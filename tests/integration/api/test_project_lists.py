"""What a list of projects costs: the same requests to the tables for one as for fifty."""

from __future__ import annotations

from collections import Counter

import pytest

from dataforge.store import exports, projects
from dataforge.store.exports import Export
from tests.support.service import Service
from tests.support.table_watchers import counted


def exported(service: Service, *versions: int, lost: tuple[int, ...] = ()) -> str:
    """A project with these exports. lost: versions that were given out and never written, as by a crash."""
    project_id = service.project()
    for version in sorted((*versions, *lost)):
        project = projects.get(service.headers["X-Organization-ID"], project_id)
        assert projects.next_version(project) == version
        if version in versions:
            exports.put(Export(project_id, version, "chatml", f"k{version}", 3, 90, True, "2026-01-01T00:00:00Z"))
    return project_id


def listed(service: Service, **params: int) -> tuple[dict[str, list[int]], Counter[str]]:
    """Project id -> its versions, and what the tables were asked."""
    with counted() as requests:
        found = service.call("GET", "/projects", **params)
    return {p["projectId"]: [v["version"] for v in p["versions"]] for p in found}, requests


def test_a_page_of_fifty_projects_asks_the_tables_as_often_as_a_page_of_one(service: Service) -> None:
    ids = [exported(service, 1) for _ in range(50)]
    service.call("GET", "/projects")  # the use of the key is noted once a minute

    one, of_one = listed(service, page=1, page_size=1)
    fifty, of_fifty = listed(service, page=1, page_size=50)

    assert one == {ids[-1]: [1]}
    assert fifty == {project_id: [1] for project_id in ids}
    assert of_fifty == of_one
    assert of_fifty["batch_get"] == 1


def test_a_page_without_exports_reads_none(service: Service) -> None:
    service.project()
    service.call("GET", "/projects")

    _, requests = listed(service)

    assert requests["batch_get"] == 0


def test_every_project_shows_its_own_exports_whatever_was_lost(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "FEW", 3)
    wanted = {
        service.project(): [],
        exported(service, 1, 3, lost=(2,)): [1, 3],
        exported(service, lost=(1,)): [],
        exported(service, 1, 2, 3, 4, 5): [1, 2, 3, 4, 5],
    }

    found, _ = listed(service)

    assert found == wanted
    for project_id, versions in wanted.items():
        alone = service.call("GET", f"/projects/{project_id}")
        assert [v["version"] for v in alone["versions"]] == versions

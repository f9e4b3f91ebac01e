"""Acting on the pairs of a project, and whether its lists, counters and analytics agree."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dataforge.store import pairs, projects
from dataforge.store.pairs import Pair
from dataforge.store.projects import Project
from tests.support.service import Service


def project_of(service: Service) -> Project:
    return projects.get(service.headers["X-Organization-ID"], service.project())


def pairs_path(project: Project, more: str = "") -> str:
    return f"/projects/{project.project_id}/pairs{more}"


def act(service: Service, project: Project, action: str, **target: Any) -> dict[str, Any]:
    return service.call("POST", pairs_path(project, "/bulk-action"), json={"action": action, **target})


def statuses(service: Service, project: Project) -> Counter[str]:
    """By walking every page."""
    found: Counter[str] = Counter()
    page, total = 0, 1
    while page * 500 < total:
        page += 1
        listed = service.call("GET", pairs_path(project), page=page, page_size=500)
        total = listed["total"]
        found.update(p["status"] for p in listed["pairs"])
    assert found.total() == total
    return found


def assert_all_agree(service: Service, project: Project) -> Counter[str]:
    """Lists, totals per status, the project's counters and its analytics say the same."""
    walked = statuses(service, project)
    stats = service.call("GET", f"/projects/{project.project_id}")["stats"]
    numbers = service.call("GET", f"/projects/{project.project_id}/analytics")
    for status in pairs.STATUSES:
        assert service.call("GET", pairs_path(project), status=status, page_size=1)["total"] == walked[status]
    answer = {
        "total": walked.total(),
        "accepted": walked["accepted"] + walked["edited"],
        "rejected": walked["rejected"],
        "pending": walked["pending"],
    }
    assert {k: stats[f"{k}_pairs"] for k in answer} == answer
    assert {k: numbers["pairs"][k] for k in answer} == answer
    assert sum(b["count"] for b in numbers["qualityDistribution"]) == walked.total()
    assert numbers["pairs"]["avg_quality_score"] == stats["avg_quality_score"]
    listed = {"flagged": {"flagged": True}, "flagged_pending": {"flagged": True, "status": "pending"}}
    for name, wanted in listed.items():
        assert service.call("GET", pairs_path(project), page_size=1, **wanted)["total"] == numbers["pairs"][name]
    for check, n in numbers["pairs"]["by_flag"].items():
        assert service.call("GET", pairs_path(project), page_size=1, flag=check)["total"] == n > 0
    return walked


def checks_of(pair: Pair) -> list[str]:
    return [str(flag["check"]) for flag in pair.flags]

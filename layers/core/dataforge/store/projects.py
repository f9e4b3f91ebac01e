"""Projects.

| question                         | access                                                             |
|---|---|
| a project, if it is the caller's | get projects (org_id, project_id)                                  |
| an organisation's projects       | query projects (org_id), newest first                              |
| one run at a time                | transact: the run's row, and active_run where there is none        |
| the next export's number         | update projects, add 1 to version                                  |
| out of sight                     | update projects, status `deleted`; every reader skips it           |

Counters live on the project and move in the same transaction as the thing they count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dataforge import clock, ids
from dataforge.errors import ConditionFailed, Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Put, Update
from dataforge.store import item_codec, own_writes
from dataforge.store.item_codec import from_item, to_item

DELETED = "deleted"
"""Status of a project whose rows and objects are being erased."""


@dataclass(frozen=True, slots=True)
class Project:
    org_id: str
    project_id: str
    user_id: str
    name: str
    description: str
    source_type: str
    config: Item
    s3_prefix: str
    """Where its files lie. Projects of before user ids were escaped keep the one that they have."""
    created_at: str
    updated_at: str
    status: str = "active"
    version: int = 0
    documents: int = 0
    chunks: int = 0
    pending: int = 0
    accepted: int = 0
    edited: int = 0
    rejected: int = 0
    score_sum: int = 0
    """Quality scores of all pairs, in ten-thousandths: whole numbers add up without drift."""
    scored: int = 0
    active_run: str | None = None

    @property
    def pairs(self) -> int:
        """All that are not deleted."""
        return self.pending + self.approved + self.rejected

    @property
    def approved(self) -> int:
        """An edited pair counts as accepted."""
        return self.accepted + self.edited


def create(org_id: str, user_id: str, *, name: str, description: str, source_type: str, config: Item) -> Project:
    project_id, now = ids.new("proj"), clock.now()
    project = Project(
        org_id=org_id,
        project_id=project_id,
        user_id=user_id,
        name=name,
        description=description,
        source_type=source_type,
        config=config,
        s3_prefix=f"data-forge/{ids.file_segment(user_id)}/{project_id}",
        created_at=now,
        updated_at=now,
    )
    own_writes.put_new("projects", {"org_id": org_id, "project_id": project_id}, to_item(project))
    return project


def get(org_id: str, project_id: str) -> Project:
    """Raises NotFound, also for a project of another organisation, and one that is being erased."""
    item = current().tables.get("projects", {"org_id": org_id, "project_id": project_id})
    if item is None or item.get("status") == DELETED:
        raise NotFound(f"Project {project_id} not found")
    return from_item(Project, item)


def of_organisation(org_id: str, *, user_id: str | None = None) -> Iterator[Project]:
    """Newest first; only those that this user made, if one is named. One page in memory."""
    found = (from_item(Project, i) for i in item_codec.items_of("projects", {"org_id": org_id}, descending=True))
    return (p for p in found if p.status != DELETED and user_id in (None, p.user_id))


def change(project: Project, values: Item) -> Project:
    key = {"org_id": project.org_id, "project_id": project.project_id}
    item = current().tables.update("projects", key, set={**values, "updated_at": clock.now()})
    return from_item(Project, item)


def occupy(project: Project, run_id: str, put_run: Put) -> None:
    """Write the run and make it the project's only active one, or raise Conflict."""
    key = {"org_id": project.org_id, "project_id": project.project_id}
    take = Update("projects", key, set={"active_run": run_id}, where={"active_run": ABSENT, "status": "active"})
    try:
        current().tables.transact([put_run, take])
    except ConditionFailed:
        if get(project.org_id, project.project_id).active_run == run_id:  # done by an attempt whose answer was lost
            return
        raise Conflict(
            f"Project {project.project_id} already has a running job; wait for it or cancel it first",
            code="JOB_ALREADY_RUNNING",
        ) from None


def vacate(org_id: str, project_id: str, run_id: str) -> None:
    """Let the next run in; harmless when another run, or none, holds the project."""
    key = {"org_id": org_id, "project_id": project_id}
    try:
        current().tables.update("projects", key, remove=["active_run"], where={"active_run": run_id})
    except ConditionFailed:
        return


def next_version(project: Project) -> int:
    """Export versions count 1, 2, 3 ... whoever asks at the same time."""
    key = {"org_id": project.org_id, "project_id": project.project_id}
    item = current().tables.update("projects", key, add={"version": 1}, set={"updated_at": clock.now()})
    return int(str(item["version"]))


def mark_deleted(project: Project) -> Project:
    """From now on nobody finds it, and no run begins on it. As it is then; raises NotFound when its row is gone."""
    key = {"org_id": project.org_id, "project_id": project.project_id}
    try:
        return from_item(Project, current().tables.update("projects", key, set={"status": DELETED}))
    except ConditionFailed:
        raise NotFound(f"Project {project.project_id} not found") from None


def row(org_id: str, project_id: str) -> Project | None:
    """Also one that is being erased."""
    item = current().tables.get("projects", {"org_id": org_id, "project_id": project_id})
    return from_item(Project, item) if item else None


def delete_row(project: Project) -> None:
    current().tables.delete("projects", {"org_id": project.org_id, "project_id": project.project_id})

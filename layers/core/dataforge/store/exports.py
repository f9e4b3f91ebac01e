"""Exports: frozen dataset versions of a project.

| question                            | access                                                       |
|---|---|
| an export                           | get exports (project_id, version)                            |
| a project's exports                 | query exports (project_id)                                   |
| those of a page of projects         | batch_get exports: a project's number of exports names them  |
| a new one                           | put_new exports, with a number from `projects.next_version`  |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dataforge.errors import NotFound
from dataforge.platform import current
from dataforge.platform.ports import Item, Key
from dataforge.store import item_codec, own_writes
from dataforge.store.item_codec import from_item, to_item
from dataforge.store.projects import Project

FEW = 100
"""Up to so many exports of a project are read by their keys; more by a query."""


@dataclass(frozen=True, slots=True)
class Export:
    project_id: str
    version: int
    format: str
    s3_key: str
    pair_count: int
    file_size: int
    include_system_prompt: bool
    created_at: str
    min_quality_score: float | None = None
    escaped_count: int = 0
    """Pairs with control tokens of a chat template, which the file holds escaped (`text.control_tokens`)."""
    flagged_count: int = 0
    """Of the pairs: those that a check flags, and that a person accepted."""
    duplicate_count: int = 0
    """Of the pairs: those that repeat an earlier one, and that a person accepted."""
    splits: Item = field(default_factory=dict)
    """`workflows.exporting.parts.write`: the parts of the file; empty: none were asked for."""
    left_out: Item = field(default_factory=dict)
    """Approved pairs that are not in the file: flagged, duplicates, below_min_quality; empty in early releases."""


def put(export: Export) -> None:
    """Raises ConditionFailed when this version is there already: a version never changes."""
    own_writes.put_new("exports", {"project_id": export.project_id, "version": export.version}, to_item(export))


def get(project_id: str, version: int) -> Export:
    item = current().tables.get("exports", {"project_id": project_id, "version": version})
    if item is None:
        raise NotFound(f"Export version {version} not found")
    return from_item(Export, item)


def of_project(project_id: str) -> list[Export]:
    return [from_item(Export, i) for i in item_codec.items_of("exports", {"project_id": project_id})]


def of_projects(several: Sequence[Project]) -> dict[str, list[Export]]:
    """By project id. Versions count from 1, so the project's number names the keys and one read is enough for a page
    of projects; one with very many exports has a query of its own. A version whose export broke off is left out.
    """
    few = [p for p in several if p.version <= FEW]
    keys: list[Key] = [{"project_id": p.project_id, "version": v} for p in few for v in range(1, p.version + 1)]
    found: dict[str, list[Export]] = {p.project_id: [] for p in few}
    for item in current().tables.batch_get("exports", keys) if keys else []:
        made = from_item(Export, item)
        found[made.project_id].append(made)
    return found | {p.project_id: of_project(p.project_id) for p in several if p.version > FEW}

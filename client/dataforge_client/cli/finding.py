"""Projects and trained models by name or id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dataforge_client.cli.exit_codes import WrongUse
from dataforge_client.cli.formatting import time_text
from dataforge_client.cli.hints import same_server
from dataforge_client.cli.jobs import is_job

if TYPE_CHECKING:
    from dataforge_client.client import DataForge

_ID = re.compile(r"proj_[0-9a-z]+")


class UnknownProject(WrongUse):
    """No project, or more than one, has the name."""


def refuse_job(identifier: str) -> None:
    """Raises WrongUse for the id of a synthetic job, where a project or one of its runs is meant."""
    if is_job(identifier):
        raise WrongUse(f"{identifier} is a synthetic job: see `{same_server('jobs', 'status', identifier)}`")


def find_project(forge: DataForge, name_or_id: str) -> str:
    """The id of the project. Raises UnknownProject; an id is not checked."""
    if _ID.fullmatch(name_or_id):
        return name_or_id
    refuse_job(name_or_id)
    found = [p for p in forge.iter_projects() if p.name == name_or_id]
    if not found:
        raise UnknownProject(f"No project has the name or id {name_or_id!r}; `{same_server('projects')}` lists yours")
    if len(found) > 1:
        ids = ", ".join(f"{p.project_id} ({time_text(p.created_at)[:16]})" for p in found)
        raise UnknownProject(f"{len(found)} projects are called {name_or_id!r}; use an id: {ids}")
    return found[0].project_id


def find_model(forge: DataForge, name_or_id: str) -> int:
    """The number of a trained model. Raises WrongUse where none, or more than one, has the name."""
    if name_or_id.isdecimal() and name_or_id.isascii():
        return int(name_or_id)
    found = [m for m in forge.list_models() if m.name == name_or_id]
    if not found:
        raise WrongUse(f"No model has the name or number {name_or_id!r}; `{same_server('models')}` lists yours")
    if len(found) > 1:
        numbers = ", ".join(f"{m.id} ({time_text(m.created_at)[:16]})" for m in found)
        raise WrongUse(f"{len(found)} models are called {name_or_id!r}; use a number: {numbers}")
    return found[0].id

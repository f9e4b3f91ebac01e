from __future__ import annotations

from fastapi import APIRouter

from dataforge.store import projects
from dataforge.workflows import erasing
from dataforge_functions.api.callers import CallerDep, ProjectDep
from dataforge_functions.api.paging import PagingDep
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import data_forge as wire
from dataforge_functions.api.wire import views

router = APIRouter(prefix="/projects", tags=["projects"], route_class=Route)


@router.post("", status_code=201, operation_id="create_project")
def create_project(who: CallerDep, body: wire.CreateProject) -> wire.Project:
    """It belongs to the organisation; lists show it to its creator."""
    made = projects.create(
        who.org_id,
        who.user_id,
        name=body.name,
        description=body.description,
        source_type=body.source_type,
        config=body.config,
    )
    return views.project(made)


@router.get("", operation_id="list_projects")
def list_projects(who: CallerDep, paging: PagingDep) -> list[wire.Project]:
    """The caller's own, newest first; projects of other members are accessible by id."""
    return views.projects(paging.cut(projects.of_organisation(who.org_id, user_id=who.user_id)))


@router.get("/{project_id}", operation_id="get_project")
def get_project(project: ProjectDep) -> wire.Project:
    """With its counts and its exports."""
    return views.project(project)


@router.put("/{project_id}", operation_id="update_project")
def update_project(project: ProjectDep, body: wire.UpdateProject) -> wire.Project:
    """Only the fields that are sent change."""
    return views.project(projects.change(project, body.model_dump(exclude_none=True)))


@router.delete("/{project_id}", operation_id="delete_project")
def delete_project(project: ProjectDep) -> wire.Deleted:
    """Deletes its documents, chunks, pairs, exports and every stored object, too; cancels its run."""
    erasing.delete_project(project)
    return wire.Deleted(message=f"Project {project.project_id} deleted successfully")

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataforge_client.calls import Calls, every, given, params, project_path
from dataforge_client.models import Project
from dataforge_client.reading import read, read_list


class Projects(Calls):
    def create_project(
        self,
        name: str,
        *,
        description: str | None = None,
        source_type: str | None = None,
        config: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
    ) -> Project:
        """source_type: documents (default), urls or raw_text."""
        body = given(name=name, description=description, source_type=source_type, config=config)
        return read(Project, self._post("/projects", body, key=idempotency_key))

    def list_projects(self, *, page: int | None = None, page_size: int | None = None) -> list[Project]:
        """Newest first; all of them unless a page is asked for."""
        return read_list(Project, self._get("/projects", params(page=page, page_size=page_size)))

    def iter_projects(self) -> Iterator[Project]:
        return every(lambda n: self._array_page(Project, "/projects", n))

    def get_project(self, project_id: str) -> Project:
        return read(Project, self._get(project_path(project_id)))

    def update_project(
        self,
        project_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        config: Mapping[str, object] | None = None,
    ) -> Project:
        body = given(name=name, description=description, config=config)
        return read(Project, self._put(project_path(project_id), body))

    def delete_project(self, project_id: str) -> str:
        """What the server says; documents, chunks, pairs and files go too."""
        return str(self._delete(project_path(project_id)).get("message", ""))

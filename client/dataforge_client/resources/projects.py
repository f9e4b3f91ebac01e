"""Projects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataforge_client.api_resource import ApiResource, iterate_pages, project_path, query_params, without_none
from dataforge_client.decoding import decode, decode_list
from dataforge_client.models import Project


class Projects(ApiResource):
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
        body = without_none(name=name, description=description, source_type=source_type, config=config)
        return decode(Project, self._post("/projects", body, key=idempotency_key))

    def list_projects(self, *, page: int | None = None, page_size: int | None = None) -> list[Project]:
        """Newest first; all of them unless `page` is given."""
        return decode_list(Project, self._get("/projects", query_params(page=page, page_size=page_size)))

    def iter_projects(self) -> Iterator[Project]:
        return iterate_pages(lambda n: self._array_page(Project, "/projects", n))

    def get_project(self, project_id: str) -> Project:
        return decode(Project, self._get(project_path(project_id)))

    def update_project(
        self,
        project_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        config: Mapping[str, object] | None = None,
    ) -> Project:
        body = without_none(name=name, description=description, config=config)
        return decode(Project, self._put(project_path(project_id), body))

    def delete_project(self, project_id: str) -> str:
        """Delete a project with its documents, chunks, pairs and files. Returns the server's message."""
        return str(self._delete(project_path(project_id)).get("message", ""))

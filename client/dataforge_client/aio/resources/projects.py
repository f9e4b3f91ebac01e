"""Projects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from dataforge_client.aio.api_resource import ApiResource, iterate_pages
from dataforge_client.api_request import project_path, query_params, without_none
from dataforge_client.decoding import decode, decode_list
from dataforge_client.literals import SourceType
from dataforge_client.models import Project


class Projects(ApiResource):
    async def create_project(
        self,
        name: str,
        *,
        description: str | None = None,
        source_type: SourceType | None = None,
        config: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
    ) -> Project:
        """source_type: documents (default), urls or raw_text."""
        body = without_none(name=name, description=description, source_type=source_type, config=config)
        return decode(Project, await self._post("/projects", body, key=idempotency_key))

    async def list_projects(self, *, page: int | None = None, page_size: int | None = None) -> list[Project]:
        """Newest first; all of them unless `page` is given."""
        return decode_list(Project, await self._get("/projects", query_params(page=page, page_size=page_size)))

    def iter_projects(self) -> AsyncIterator[Project]:
        return iterate_pages(lambda n: self._array_page(Project, "/projects", n))

    async def get_project(self, project_id: str) -> Project:
        return decode(Project, await self._get(project_path(project_id)))

    async def update_project(
        self,
        project_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        config: Mapping[str, object] | None = None,
    ) -> Project:
        body = without_none(name=name, description=description, config=config)
        return decode(Project, await self._put(project_path(project_id), body))

    async def delete_project(self, project_id: str) -> str:
        """Delete a project with its documents, chunks, pairs and files. Returns the server's message."""
        return str((await self._delete(project_path(project_id))).get("message", ""))

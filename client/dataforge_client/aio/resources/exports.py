"""Exports (dataset files) and the analytics of a project."""

from __future__ import annotations

from pathlib import Path

from dataforge_client.aio import files
from dataforge_client.aio.api_resource import ApiResource
from dataforge_client.api_request import project_path, without_none
from dataforge_client.decoding import decode
from dataforge_client.errors import UnexpectedAnswer
from dataforge_client.file_types import OnBytes
from dataforge_client.literals import ExportFormat
from dataforge_client.models import Analytics, Export


class Exports(ApiResource):
    async def export(
        self,
        project_id: str,
        *,
        format: ExportFormat | None = None,
        include_system_prompt: bool | None = None,
        min_quality_score: float | None = None,
        include_flagged: bool | None = None,
        include_duplicates: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Export:
        """Export accepted and edited pairs as a new version. format: chatml (default) or alpaca.

        include_flagged, include_duplicates: False leaves such pairs out, though a person accepted them.
        """
        body = without_none(
            format=format,
            include_system_prompt=include_system_prompt,
            min_quality_score=min_quality_score,
            include_flagged=include_flagged,
            include_duplicates=include_duplicates,
        )
        return decode(Export, await self._post(f"{project_path(project_id)}/export", body, key=idempotency_key))

    async def get_export(self, project_id: str, version: int) -> Export:
        return decode(Export, await self._get(f"{project_path(project_id)}/export/{version}"))

    async def get_export_report(self, project_id: str, version: int) -> str:
        """The quality report of an export, as an HTML page without scripts."""
        return await self._get_text(f"{project_path(project_id)}/export/{version}/report")

    async def download_export(
        self, project_id: str, version: int, path: str | Path, *, on_bytes: OnBytes | None = None
    ) -> Export:
        """Write the dataset to `path`, atomically."""
        export = await self.get_export(project_id, version)

        async def get_url() -> str:
            url = (await self.get_export(project_id, version)).download_url
            if url is None:
                raise UnexpectedAnswer(f"Export {version} of {project_id} has no download URL")
            return url

        await files.download(self._transport, get_url, Path(path), size=export.file_size, on_bytes=on_bytes)
        return export

    async def analytics(self, project_id: str) -> Analytics:
        return decode(Analytics, await self._get(f"{project_path(project_id)}/analytics"))

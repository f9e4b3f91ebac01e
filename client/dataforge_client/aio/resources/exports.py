"""Exports (dataset files) and the analytics of a project."""

from __future__ import annotations

from collections.abc import Mapping
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
        split: Mapping[str, int] | None = None,
        idempotency_key: str | None = None,
    ) -> Export:
        """Export accepted and edited pairs as a new version. format: chatml (default) or alpaca.

        include_flagged, include_duplicates: False leaves such pairs out, though a person accepted them. split: parts in
        percent, {"train": 90, "validation": 10}, each with a file of its own beside the whole.
        """
        body = without_none(
            format=format,
            include_system_prompt=include_system_prompt,
            min_quality_score=min_quality_score,
            include_flagged=include_flagged,
            include_duplicates=include_duplicates,
            split=split,
        )
        return decode(Export, await self._post(f"{project_path(project_id)}/export", body, key=idempotency_key))

    async def get_export(self, project_id: str, version: int) -> Export:
        return decode(Export, await self._get(f"{project_path(project_id)}/export/{version}"))

    async def get_export_report(self, project_id: str, version: int) -> str:
        """The quality report of an export, as an HTML page without scripts."""
        return await self._get_text(f"{project_path(project_id)}/export/{version}/report")

    async def download_export(
        self,
        project_id: str,
        version: int,
        path: str | Path,
        *,
        part: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> Export:
        """Write the dataset to `path`, atomically. part: the name of one of its splits, instead of the whole."""
        export = await self.get_export(project_id, version)

        async def get_url() -> str:
            url, _ = _file(await self.get_export(project_id, version), part)
            if url is None:
                raise UnexpectedAnswer(f"Export {version} of {project_id} has no download URL for {part or 'its file'}")
            return url

        _, size = _file(export, part)
        await files.download(self._transport, get_url, Path(path), size=size, on_bytes=on_bytes)
        return export

    async def analytics(self, project_id: str) -> Analytics:
        return decode(Analytics, await self._get(f"{project_path(project_id)}/analytics"))


def _file(export: Export, part: str | None) -> tuple[str | None, int]:
    """URL and size; (None, 0) for a part that the export does not have."""
    if part is None:
        return export.download_url, export.file_size
    found = (export.splits or {}).get("files", {}).get(part, {})
    return found.get("downloadUrl"), found.get("fileSize", 0)

"""Finished datasets, and the numbers of a project."""

from __future__ import annotations

from pathlib import Path

from dataforge_client import files
from dataforge_client.calls import Calls, given, project_path
from dataforge_client.errors import UnexpectedAnswer
from dataforge_client.models import Analytics, Export
from dataforge_client.reading import read


class Exports(Calls):
    def export(
        self,
        project_id: str,
        *,
        format: str | None = None,
        include_system_prompt: bool | None = None,
        min_quality_score: float | None = None,
        idempotency_key: str | None = None,
    ) -> Export:
        """Accepted and edited pairs as a new numbered file. format: chatml (default) or alpaca."""
        body = given(format=format, include_system_prompt=include_system_prompt, min_quality_score=min_quality_score)
        return read(Export, self._post(f"{project_path(project_id)}/export", body, key=idempotency_key))

    def get_export(self, project_id: str, version: int) -> Export:
        return read(Export, self._get(f"{project_path(project_id)}/export/{version}"))

    def download_export(
        self, project_id: str, version: int, path: str | Path, *, on_bytes: files.OnBytes | None = None
    ) -> Export:
        """Write the dataset to `path`: whole or not at all."""
        found = self.get_export(project_id, version)

        def fresh_url() -> str:
            url = self.get_export(project_id, version).download_url
            if url is None:
                raise UnexpectedAnswer(f"Export {version} of {project_id} has no download address")
            return url

        files.download(self._transport, fresh_url, Path(path), size=found.file_size, on_bytes=on_bytes)
        return found

    def analytics(self, project_id: str) -> Analytics:
        return read(Analytics, self._get(f"{project_path(project_id)}/analytics"))

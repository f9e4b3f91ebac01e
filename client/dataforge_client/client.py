"""`DataForge`: one method per operation of `/api/v1/data-forge`, named after it. `docs/sdk.md` lists them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar
from urllib.parse import quote

from dataforge_client import files
from dataforge_client.accounts import Accounts
from dataforge_client.errors import ConfigError, GenerationFailed, UnexpectedAnswer, WaitTimeout
from dataforge_client.models import (
    Analytics,
    BulkResult,
    Chunk,
    Document,
    Export,
    Generation,
    LogLine,
    Model,
    Page,
    Pair,
    Project,
    Started,
    UploadTarget,
    WhoAmI,
    read,
    read_list,
)
from dataforge_client.profiles import Wanted, resolve
from dataforge_client.synthetic import Synthetic
from dataforge_client.transport import Call, Retry, Transport

BASE = "/api/v1/data-forge"
PAGE = 200
"""Items that the iterators ask for at a time."""
Entry = TypeVar("Entry", Chunk, Pair)


class DataForge(Accounts, Synthetic):
    """Arguments left out come from the environment or a profile (see `profiles`). Safe to share between threads.

    timeout: seconds that a server may stay silent. Raises ConfigError when no server or key is known.
    """

    def __init__(
        self, base_url: str | None = None, api_key: str | None = None, organization_id: str | None = None, *,
        profile: str | None = None, timeout: float = 60.0, retry: Retry | None = None,
    ) -> None:
        connection = resolve(Wanted(base_url, api_key, organization_id, profile))
        if connection is None:
            raise ConfigError("No server: pass base_url, or set DATAFORGE_URL, or write a profile")
        self._retry = retry or Retry()
        self._transport = Transport(
            connection.base_url, api_key=connection.api_key, organization_id=connection.organization_id,
            timeout=timeout, retry=self._retry,
        )

    def __enter__(self) -> DataForge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def base_url(self) -> str:
        return self._transport.base_url

    # -- who and whether ------------------------------------------------------------------------------------------

    def health(self) -> Mapping[str, object]:
        """`{"status": "ok", ...}`; needs no key."""
        return _object(self._transport.json(Call("GET", "/health")))

    def whoami(self) -> WhoAmI:
        return read(WhoAmI, self._transport.json(Call("GET", "/api/v1/auth/whoami")))

    def available_models(self) -> list[Model]:
        return read_list(Model, self._get("/available-models"))

    # -- projects -------------------------------------------------------------------------------------------------

    def create_project(
        self, name: str, *, description: str | None = None, source_type: str | None = None,
        config: Mapping[str, object] | None = None,
    ) -> Project:
        body = _given(name=name, description=description, source_type=source_type, config=config)
        return read(Project, self._post("/projects", body, key=_key()))

    def list_projects(self) -> list[Project]:
        return read_list(Project, self._get("/projects"))

    def get_project(self, project_id: str) -> Project:
        return read(Project, self._get(_project(project_id)))

    def update_project(
        self, project_id: str, *, name: str | None = None, description: str | None = None,
        config: Mapping[str, object] | None = None,
    ) -> Project:
        body = _given(name=name, description=description, config=config)
        return read(Project, self._put(_project(project_id), body))

    def delete_project(self, project_id: str) -> str:
        """What the server says; documents, chunks, pairs and files go too."""
        return self._delete(_project(project_id))

    # -- documents ------------------------------------------------------------------------------------------------

    def create_upload_url(
        self, project_id: str, filename: str, *, content_type: str | None = None, file_size: int | None = None
    ) -> UploadTarget:
        body = _given(filename=filename, content_type=content_type, file_size=file_size)
        # Asking twice only signs twice, so it may be retried.
        return read(UploadTarget, self._post(f"{_project(project_id)}/upload-url", body, key=_key()))

    def register_document(
        self, project_id: str, filename: str, s3_key: str, file_size: int, *, content_type: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> Document:
        body = _given(
            filename=filename, s3_key=s3_key, file_size=file_size, content_type=content_type, metadata=metadata
        )
        return read(Document, self._post(f"{_project(project_id)}/documents", body, key=_key()))

    def register_url(
        self, project_id: str, url: str, *, filename: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> Document:
        """A public page or file; the server fetches it at every parse."""
        body = _given(url=url, filename=filename, metadata=metadata)
        return read(Document, self._post(f"{_project(project_id)}/documents", body, key=_key()))

    def register_text(
        self, project_id: str, content: str, *, filename: str | None = None, content_type: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> Document:
        """Text as a document of its own: plain, unless filename or content_type say Markdown, HTML or CSV."""
        body = _given(content=content, filename=filename, content_type=content_type, metadata=metadata)
        return read(Document, self._post(f"{_project(project_id)}/documents", body, key=_key()))

    def upload_file(
        self, project_id: str, path: str | Path, *, name: str | None = None, content_type: str | None = None,
        metadata: Mapping[str, object] | None = None, on_bytes: files.OnBytes | None = None,
    ) -> Document:
        """Sign, stream from disk, register. `name`: what the document is called there (default: the file's name)."""
        path = Path(path)
        name, size = name or path.name, path.stat().st_size
        kind = content_type or files.content_type(name)
        target = self.create_upload_url(project_id, name, content_type=kind, file_size=size)
        files.upload(self._transport, target.upload_url, path, size=size, content_type=kind, on_bytes=on_bytes)
        return self.register_document(project_id, name, target.s3_key, size, content_type=kind, metadata=metadata)

    def list_documents(self, project_id: str) -> list[Document]:
        return read_list(Document, self._get(f"{_project(project_id)}/documents"))

    def delete_document(self, project_id: str, document_id: str) -> str:
        return self._delete(f"{_project(project_id)}/documents/{_part(document_id)}")

    # -- chunks ---------------------------------------------------------------------------------------------------

    def list_chunks(
        self, project_id: str, *, page: int = 1, page_size: int = 50, document_id: str | None = None
    ) -> Page[Chunk]:
        params = _params(page=page, page_size=page_size, document_id=document_id)
        return _page(Chunk, "chunks", self._get(f"{_project(project_id)}/chunks", params))

    def iter_chunks(self, project_id: str, *, document_id: str | None = None) -> Iterator[Chunk]:
        return _every(lambda n: self.list_chunks(project_id, page=n, page_size=PAGE, document_id=document_id))

    def update_chunk(
        self, project_id: str, chunk_id: str, *, content: str | None = None,
        metadata: Mapping[str, object] | None = None, excluded: bool | None = None,
    ) -> Chunk:
        body = _given(content=content, metadata=metadata, excluded=excluded)
        return read(Chunk, self._put(f"{_project(project_id)}/chunks/{_part(chunk_id)}", body))

    # -- jobs -----------------------------------------------------------------------------------------------------

    def parse(self, project_id: str) -> Started:
        """Start reading the project's new documents; give `generation_id` to `wait`."""
        return read(Started, self._post(f"{_project(project_id)}/parse", None, key=_key()))

    def generate(
        self, project_id: str, model_id: str, *, num_pairs: int | None = None, generation_type: str | None = None,
        temperature: float | None = None, max_tokens: int | None = None, system_prompt: str | None = None,
        chunk_ids: Sequence[str] | None = None, config: Mapping[str, object] | None = None,
    ) -> Generation:
        """Start making pairs. `config` also takes `auto_accept_min_quality` (0-1), `seed`, `pairs_per_chunk` ..."""
        body = _given(
            model_id=model_id, num_pairs=num_pairs, generation_type=generation_type, temperature=temperature,
            max_tokens=max_tokens, system_prompt=system_prompt, config=config,
            chunk_ids=None if chunk_ids is None else list(chunk_ids),
        )
        return read(Generation, self._post(f"{_project(project_id)}/generate", body, key=_key()))

    def cancel_generation(self, generation_id: str) -> Started:
        return read(Started, self._post(f"{_generation(generation_id)}/cancel", None, key=_key()))

    def list_generations(self, project_id: str) -> list[Generation]:
        return read_list(Generation, self._get(f"{_project(project_id)}/generations"))

    def get_generation(self, generation_id: str) -> Generation:
        return read(Generation, self._get(_generation(generation_id)))

    def get_generation_logs(self, generation_id: str, *, tail: int | None = None) -> list[LogLine]:
        """Oldest first, also while the job runs."""
        found = _object(self._get(f"{_generation(generation_id)}/logs", _params(tail=tail)))
        return read_list(LogLine, found.get("logs"))

    def wait(
        self, generation_id: str, on_event: Callable[[Generation], None] | None = None, *, poll: float = 1.0,
        timeout: float | None = None,
    ) -> Generation:
        """The job once it is completed or cancelled; on_event gets every state seen on the way, the last included.

        poll: the longest pause between two looks, in seconds; the first ones are shorter. Raises GenerationFailed,
        and WaitTimeout after `timeout` seconds.
        """
        pause, until = min(0.05, poll), None if timeout is None else time.monotonic() + timeout
        while True:
            generation = self.get_generation(generation_id)
            if on_event:
                on_event(generation)
            if generation.status == "failed":
                raise GenerationFailed(generation)
            if generation.closed:
                return generation
            if until is not None and time.monotonic() + pause > until:
                raise WaitTimeout(f"{generation_id} is still {generation.status} after {timeout:g} s")
            self._retry.sleep(pause)
            pause = min(poll, pause * 1.5)

    # -- pairs ----------------------------------------------------------------------------------------------------

    def list_pairs(
        self, project_id: str, *, page: int = 1, page_size: int = 50, status: str | None = None,
        generation_id: str | None = None, search: str | None = None,
    ) -> Page[Pair]:
        params = _params(page=page, page_size=page_size, status=status, generation_id=generation_id, search=search)
        return _page(Pair, "pairs", self._get(f"{_project(project_id)}/pairs", params))

    def iter_pairs(
        self, project_id: str, *, status: str | None = None, generation_id: str | None = None,
        search: str | None = None,
    ) -> Iterator[Pair]:
        return _every(lambda n: self.list_pairs(
            project_id, page=n, page_size=PAGE, status=status, generation_id=generation_id, search=search
        ))

    def update_pair(
        self, pair_id: str, *, input_text: str | None = None, output_text: str | None = None,
        status: str | None = None, metadata: Mapping[str, object] | None = None,
    ) -> Pair:
        body = _given(input_text=input_text, output_text=output_text, status=status, metadata=metadata)
        return read(Pair, self._put(f"/pairs/{_part(pair_id)}", body))

    def bulk_action(
        self, project_id: str, action: str, *, pair_ids: Sequence[str] | None = None,
        filters: Mapping[str, object] | None = None,
    ) -> BulkResult:
        """accept, reject, delete or reset the named pairs, or those that the filters find (one of the two)."""
        body = _given(action=action, pair_ids=None if pair_ids is None else list(pair_ids), filters=filters)
        return read(BulkResult, self._post(f"{_project(project_id)}/pairs/bulk-action", body, key=_key()))

    # -- exports and numbers --------------------------------------------------------------------------------------

    def export(
        self, project_id: str, *, format: str | None = None, include_system_prompt: bool | None = None,
        min_quality_score: float | None = None,
    ) -> Export:
        body = _given(
            format=format, include_system_prompt=include_system_prompt, min_quality_score=min_quality_score
        )
        return read(Export, self._post(f"{_project(project_id)}/export", body, key=_key()))

    def get_export(self, project_id: str, version: int) -> Export:
        return read(Export, self._get(f"{_project(project_id)}/export/{version}"))

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
        return read(Analytics, self._get(f"{_project(project_id)}/analytics"))

    # -- the wire -------------------------------------------------------------------------------------------------

    def _get(self, path: str, params: Mapping[str, str | int] | None = None) -> object:
        return self._transport.json(Call("GET", BASE + path, params=params))

    def _put(self, path: str, body: object) -> object:
        return self._transport.json(Call("PUT", BASE + path, body=body))

    def _post(self, path: str, body: object, *, key: str) -> object:
        return self._transport.json(Call("POST", BASE + path, body=body, key=key))

    def _delete(self, path: str) -> str:
        return str(_object(self._transport.json(Call("DELETE", BASE + path))).get("message", ""))


def _key() -> str:
    """One per call, so a retry of the call repeats it."""
    return uuid.uuid4().hex


def _part(identifier: str) -> str:
    return quote(identifier, safe="")


def _project(project_id: str) -> str:
    return f"/projects/{_part(project_id)}"


def _generation(generation_id: str) -> str:
    return f"/generations/{_part(generation_id)}"


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _params(**values: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in values.items() if value is not None}


def _object(wire: object) -> Mapping[str, object]:
    if not isinstance(wire, dict):
        raise UnexpectedAnswer(f"Expected an object, got {type(wire).__name__}")
    return wire


def _page(kind: type[Entry], key: str, wire: object) -> Page[Entry]:
    found = _object(wire)
    numbers = [found.get(name) for name in ("total", "page", "page_size")]
    total, page, size = (n if isinstance(n, int) else 0 for n in numbers)
    return Page(tuple(read_list(kind, found.get(key))), total, page, size)


def _every(page: Callable[[int], Page[Entry]]) -> Iterator[Entry]:
    number = 1
    while True:
        found = page(number)
        yield from found.items
        if not found.items or number * (found.page_size or PAGE) >= found.total:
            return
        number += 1

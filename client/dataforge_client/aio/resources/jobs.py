"""Parse and generate jobs: start, wait, follow, cancel."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from dataforge_client.aio import files
from dataforge_client.aio.api_resource import ApiResource, iterate_pages
from dataforge_client.api_request import expect_object, path_segment, project_path, query_params, without_none
from dataforge_client.decoding import decode, decode_list
from dataforge_client.errors import GenerationFailed, WaitTimeout
from dataforge_client.events import Events, RunEvent
from dataforge_client.literals import GenerationType, Outcome
from dataforge_client.models import Generation, LogLine, Model, Started
from dataforge_client.outcomes import OutcomeFile, Outcomes

LONG_POLL_SECONDS = 20
"""The longest time that the server holds one request for events."""


class Jobs(ApiResource):
    async def available_models(self) -> list[Model]:
        """The teachers that the server can use now."""
        return decode_list(Model, await self._get("/available-models"))

    async def parse(
        self,
        project_id: str,
        *,
        document_ids: Sequence[str] | None = None,
        force: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Started:
        """Start parsing the project's new documents; pass `generation_id` to `wait`.

        document_ids: only these. force: also documents that are already parsed; their chunks are replaced.
        """
        body = without_none(document_ids=None if document_ids is None else list(document_ids), force=force)
        return decode(Started, await self._post(f"{project_path(project_id)}/parse", body or None, key=idempotency_key))

    async def generate(
        self,
        project_id: str,
        model_id: str,
        *,
        num_pairs: int | None = None,
        generation_type: GenerationType | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        system_prompt: str | None = None,
        chunk_ids: Sequence[str] | None = None,
        max_cost_usd: float | None = None,
        estimate: bool | None = None,
        config: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
    ) -> Generation:
        """Start generating pairs. `config` also takes `auto_accept_min_quality` (0-1), `seed`, `pairs_per_chunk` ...

        max_cost_usd: the job ends before it costs more and keeps its pairs. estimate: no job is started; the result has
        the status `estimated`, no id, and in `estimate` the calls, tokens and dollars as ranges.
        """
        body = without_none(
            model_id=model_id,
            num_pairs=num_pairs,
            generation_type=generation_type,
            temperature=temperature,
            max_tokens=max_tokens,
            system_prompt=system_prompt,
            config=config,
            max_cost_usd=max_cost_usd,
            estimate=estimate,
            chunk_ids=None if chunk_ids is None else list(chunk_ids),
        )
        return decode(Generation, await self._post(f"{project_path(project_id)}/generate", body, key=idempotency_key))

    async def cancel_generation(self, generation_id: str, *, idempotency_key: str | None = None) -> Started:
        """Stop a job before its next call; its pairs are kept."""
        return decode(Started, await self._post(f"{_path(generation_id)}/cancel", None, key=idempotency_key))

    async def list_generations(
        self, project_id: str, *, page: int | None = None, page_size: int | None = None
    ) -> list[Generation]:
        """Newest first; all of them unless `page` is given."""
        query = query_params(page=page, page_size=page_size)
        return decode_list(Generation, await self._get(f"{project_path(project_id)}/generations", query))

    def iter_generations(self, project_id: str) -> AsyncIterator[Generation]:
        return iterate_pages(lambda n: self._array_page(Generation, f"{project_path(project_id)}/generations", n))

    async def get_generation(self, generation_id: str) -> Generation:
        return decode(Generation, await self._get(_path(generation_id)))

    async def get_generation_logs(self, generation_id: str, *, tail: int | None = None) -> list[LogLine]:
        """Oldest first; also while the job is running."""
        response = expect_object(await self._get(f"{_path(generation_id)}/logs", query_params(tail=tail)))
        return decode_list(LogLine, response.get("logs"))

    async def get_generation_events(
        self, generation_id: str, *, after: str | None = None, wait: int | None = None, limit: int | None = None
    ) -> Events:
        """Log lines after a cursor, and the latest progress. The server waits up to `wait` seconds (20) for events."""
        query = query_params(after=after, wait=wait, limit=limit)
        return decode(Events, await self._get(f"{_path(generation_id)}/events", query))

    async def get_generation_outcomes(self, generation_id: str) -> Outcomes:
        """Signed URLs of the delivered, rejected and failed slots as JSON lines, once the job has ended."""
        return decode(Outcomes, await self._get(f"{_path(generation_id)}/outcomes"))

    async def download_outcome(self, generation_id: str, outcome: Outcome, path: str | Path) -> int:
        """Write the `delivered`, `rejected` or `failed` slots to `path`, atomically. Returns the number of lines.

        Raises ClientError when the job has no such outcome.
        """

        async def get_files() -> Mapping[str, OutcomeFile]:
            return (await self.get_generation_outcomes(generation_id)).files

        return await files.download_outcome(self._transport, generation_id, get_files, outcome, Path(path))

    async def get_generation_report(self, generation_id: str) -> str:
        """The quality report of a generation that has ended, as an HTML page without scripts."""
        return await self._get_text(f"{_path(generation_id)}/report")

    async def follow(self, generation_id: str, *, after: str | None = None) -> AsyncIterator[RunEvent]:
        """Every log line, and progress at most twice a second, until the job has ended."""
        while True:
            page = await self.get_generation_events(generation_id, after=after, wait=LONG_POLL_SECONDS)
            for event in page.events:
                yield event
            if page.closed:
                return
            after = page.cursor
            if page.retry_after:
                await self._retry.sleep(page.retry_after)

    async def wait(
        self,
        generation_id: str,
        on_event: Callable[[Generation], None] | None = None,
        *,
        poll: float = 1.0,
        timeout: float | None = None,
    ) -> Generation:
        """Poll a job until it is completed or cancelled. on_event is called with every state, the last one included.

        poll: the longest pause between two requests, in seconds; the first pauses are shorter. Raises GenerationFailed,
        and WaitTimeout after `timeout` seconds.
        """
        pause, deadline = min(0.05, poll), None if timeout is None else time.monotonic() + timeout
        while True:
            generation = await self.get_generation(generation_id)
            if on_event:
                on_event(generation)
            if generation.status == "failed":
                raise GenerationFailed(generation)
            if generation.closed:
                return generation
            if deadline is not None and time.monotonic() + pause > deadline:
                raise WaitTimeout(f"{generation_id} is still {generation.status} after {timeout:g} s")
            await self._retry.sleep(pause)
            pause = min(poll, pause * 1.5)


def _path(generation_id: str) -> str:
    return f"/generations/{path_segment(generation_id)}"

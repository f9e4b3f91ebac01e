"""Runs: those that parse, those that make pairs, and how to follow them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from dataforge_client import files
from dataforge_client.calls import Calls, as_object, every, given, params, part, project_path
from dataforge_client.errors import ClientError, GenerationFailed, WaitTimeout
from dataforge_client.events import Events, RunEvent
from dataforge_client.models import Generation, LogLine, Model, Started
from dataforge_client.outcomes import OutcomeFile, Outcomes
from dataforge_client.reading import read, read_list

LONGEST_WAIT = 20
"""Seconds that the server lets one look for news wait."""


class Jobs(Calls):
    def available_models(self) -> list[Model]:
        """The teachers that the server can run now."""
        return read_list(Model, self._get("/available-models"))

    def parse(
        self,
        project_id: str,
        *,
        document_ids: Sequence[str] | None = None,
        force: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Started:
        """Start reading the project's new documents; give `generation_id` to `wait`.

        document_ids: only these. force: also those that were read before; their chunks are made anew.
        """
        body = given(document_ids=None if document_ids is None else list(document_ids), force=force)
        return read(Started, self._post(f"{project_path(project_id)}/parse", body or None, key=idempotency_key))

    def generate(
        self,
        project_id: str,
        model_id: str,
        *,
        num_pairs: int | None = None,
        generation_type: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        system_prompt: str | None = None,
        chunk_ids: Sequence[str] | None = None,
        max_cost_usd: float | None = None,
        estimate: bool | None = None,
        config: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
    ) -> Generation:
        """Start making pairs. `config` also takes `auto_accept_min_quality` (0-1), `seed`, `pairs_per_chunk` ...

        max_cost_usd: the run ends there and keeps what it made. estimate: nothing is started; the answer has the
        status `estimated`, no id, and its `estimate` says calls, tokens and dollars as ranges.
        """
        body = given(
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
        return read(Generation, self._post(f"{project_path(project_id)}/generate", body, key=idempotency_key))

    def cancel_generation(self, generation_id: str, *, idempotency_key: str | None = None) -> Started:
        """Stops within a batch; what was made stays."""
        return read(Started, self._post(f"{_path(generation_id)}/cancel", None, key=idempotency_key))

    def list_generations(
        self, project_id: str, *, page: int | None = None, page_size: int | None = None
    ) -> list[Generation]:
        """Newest first; all of them unless a page is asked for."""
        wanted = params(page=page, page_size=page_size)
        return read_list(Generation, self._get(f"{project_path(project_id)}/generations", wanted))

    def iter_generations(self, project_id: str) -> Iterator[Generation]:
        return every(lambda n: self._array_page(Generation, f"{project_path(project_id)}/generations", n))

    def get_generation(self, generation_id: str) -> Generation:
        return read(Generation, self._get(_path(generation_id)))

    def get_generation_logs(self, generation_id: str, *, tail: int | None = None) -> list[LogLine]:
        """Oldest first, also while the job runs."""
        found = as_object(self._get(f"{_path(generation_id)}/logs", params(tail=tail)))
        return read_list(LogLine, found.get("logs"))

    def get_generation_events(
        self, generation_id: str, *, after: str | None = None, wait: int | None = None, limit: int | None = None
    ) -> Events:
        """Log lines after a cursor, and the newest progress; the answer waits up to `wait` seconds (20) for news."""
        wanted = params(after=after, wait=wait, limit=limit)
        return read(Events, self._get(f"{_path(generation_id)}/events", wanted))

    def get_generation_outcomes(self, generation_id: str) -> Outcomes:
        """Signed addresses of what was delivered, rejected and failed, as JSON lines; once the job has ended."""
        return read(Outcomes, self._get(f"{_path(generation_id)}/outcomes"))

    def download_outcome(self, generation_id: str, outcome: str, path: str | Path) -> int:
        """Write the lines of `delivered`, `rejected` or `failed` to `path`, whole or not at all; how many there are.

        Raises ClientError when the job has no such outcome.
        """

        def found() -> OutcomeFile:
            told = self.get_generation_outcomes(generation_id).files
            if outcome not in told:
                raise ClientError(f"{generation_id} has no {outcome!r}: it has {', '.join(told) or 'no outcomes'}")
            return told[outcome]

        lines = found().lines
        files.download(self._transport, lambda: found().url, Path(path))
        return lines

    def follow(self, generation_id: str, *, after: str | None = None) -> Iterator[RunEvent]:
        """Every log line, and progress at most twice a second, until the job has ended."""
        while True:
            found = self.get_generation_events(generation_id, after=after, wait=LONGEST_WAIT)
            yield from found.events
            if found.closed:
                return
            after = found.cursor

    def wait(
        self,
        generation_id: str,
        on_event: Callable[[Generation], None] | None = None,
        *,
        poll: float = 1.0,
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


def _path(generation_id: str) -> str:
    return f"/generations/{part(generation_id)}"

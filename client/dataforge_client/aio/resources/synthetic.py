"""Synthetic datasets from a description, and the ledger. Request fields are named as in the API."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from dataforge_client.aio import files
from dataforge_client.aio.api_resource import ApiResource
from dataforge_client.api_request import ApiRequest, expect_object, path_segment, query_params, without_none
from dataforge_client.decoding import decode
from dataforge_client.errors import WaitTimeout
from dataforge_client.file_types import safe_name
from dataforge_client.literals import (
    Mode,
    Outcome,
    ResultsFormat,
    SyntheticSchema,
    SyntheticStatus,
    SyntheticTier,
    SyntheticView,
)
from dataforge_client.models import Json
from dataforge_client.outcomes import OutcomeFile, SyntheticOutcomes
from dataforge_client.synthetic_models import (
    LedgerEntry,
    LedgerPage,
    SyntheticJob,
    SyntheticJobPage,
    SyntheticSplits,
    SyntheticStarted,
    SyntheticUrl,
)

BATCH_POLL_FACTOR = 15
"""The pause between two polls is this many times longer while a job waits for batch jobs of a provider."""
JOBS_PATH, LEDGER_PATH = "/v1/synthetic/jobs", "/v1/ledger"


class Synthetic(ApiResource):
    async def synthetic_generate(
        self,
        schema: SyntheticSchema,
        domain: str,
        count: int,
        *,
        model: SyntheticTier | None = None,
        models: Mapping[str, object] | None = None,
        system_prompt: str | None = None,
        verified: bool | None = None,
        constraints: Mapping[str, object] | None = None,
        advanced: Mapping[str, object] | None = None,
        conflict_config: Mapping[str, object] | None = None,
        license: str | None = None,
        max_cost_usd: float | None = None,
        mode: Mode | None = None,
        concurrency: int | None = None,
        estimate: bool | None = None,
        dry_run: bool | None = None,
        domain_confirmed: bool = False,
        idempotency_key: str | None = None,
    ) -> SyntheticStarted:
        """Start a job; pass its `job_id` to `wait_synthetic`.

        mode: `batch` uses batch jobs of the models' providers, at half the price, within a day each. Raises ApiError,
        for example with the code DOMAIN_SPELL_CHECK (`domain_confirmed=True` skips that check) or INSUFFICIENT_BALANCE.
        """
        body = without_none(schema=schema, domain=domain, count=count, model=model, models=models)
        body |= without_none(system_prompt=system_prompt, verified=verified, constraints=constraints, advanced=advanced)
        body |= without_none(conflict_config=conflict_config, license=license, max_cost_usd=max_cost_usd)
        body |= without_none(mode=mode, concurrency=concurrency, estimate=estimate, dry_run=dry_run)
        return await self.synthetic_start(body, domain_confirmed=domain_confirmed, idempotency_key=idempotency_key)

    async def synthetic_start(
        self, request: Json, *, domain_confirmed: bool = False, idempotency_key: str | None = None
    ) -> SyntheticStarted:
        """Start a job from a whole request, as docs/synthetic.md describes it; the server refuses unknown fields."""
        headers = {"X-Domain-Confirmed": "true"} if domain_confirmed else None
        key = idempotency_key or uuid.uuid4().hex
        call = ApiRequest("POST", "/v1/synthetic/generate", body=dict(request), key=key, headers=headers)
        return decode(SyntheticStarted, await self._transport.json(call))

    async def synthetic_estimate(self, request: Json, *, domain_confirmed: bool = False) -> SyntheticStarted:
        """Estimate the cost of a request; no job is started."""
        return await self.synthetic_start({**request, "estimate": True}, domain_confirmed=domain_confirmed)

    async def synthetic_get_job(self, job_id: str) -> SyntheticJob:
        return decode(SyntheticJob, await self._get(_job(job_id), base=""))

    async def synthetic_list_jobs(
        self, *, status: SyntheticStatus | None = None, limit: int | None = None, cursor: str | None = None
    ) -> SyntheticJobPage:
        """Newest first; `next_cursor` is the argument for the next page."""
        return decode(
            SyntheticJobPage,
            await self._get(JOBS_PATH, query_params(status=status, limit=limit, cursor=cursor), base=""),
        )

    async def iter_synthetic_jobs(self, *, status: SyntheticStatus | None = None) -> AsyncIterator[SyntheticJob]:
        """Newest first; pages are requested as they are needed."""
        page = await self.synthetic_list_jobs(status=status, limit=100)
        while True:
            for job in page.jobs:
                yield job
            if page.next_cursor is None:
                return
            page = await self.synthetic_list_jobs(status=status, limit=100, cursor=page.next_cursor)

    async def synthetic_cancel_job(self, job_id: str, *, idempotency_key: str | None = None) -> SyntheticJob:
        return decode(SyntheticJob, await self._post(f"{_job(job_id)}/cancel", None, key=idempotency_key, base=""))

    async def wait_synthetic(
        self,
        job_id: str,
        on_event: Callable[[SyntheticJob], None] | None = None,
        *,
        poll: float = 2.0,
        timeout: float | None = None,
    ) -> SyntheticJob:
        """Poll a job until it has succeeded or failed. on_event is called with every state.

        poll: the longest pause in seconds, since the API allows 60 requests a minute; 15 times longer while the job
        waits for batch jobs, which take hours. Raises WaitTimeout after `timeout` seconds.
        """
        pause, deadline = min(0.5, poll), None if timeout is None else time.monotonic() + timeout
        while True:
            job = await self.synthetic_get_job(job_id)
            if on_event:
                on_event(job)
            if job.closed:
                return job
            if deadline is not None and time.monotonic() + pause > deadline:
                raise WaitTimeout(f"{job_id} is still {job.status} after {timeout:g} s")
            await self._retry.sleep(pause)
            pause = min(poll * (BATCH_POLL_FACTOR if job.stage == "waiting" else 1), pause * 1.5)

    async def synthetic_results(
        self, job_id: str, *, format: ResultsFormat = "url", view: SyntheticView | None = None
    ) -> SyntheticUrl:
        """Signed URL of the records; `download_synthetic` saves them. view: `canonical` or `legacy`."""
        return decode(
            SyntheticUrl, await self._get(f"{_job(job_id)}/results", query_params(format=format, view=view), base="")
        )

    async def synthetic_results_url(self, job_id: str, *, view: SyntheticView | None = None) -> SyntheticUrl:
        return decode(SyntheticUrl, await self._get(f"{_job(job_id)}/results/url", query_params(view=view), base=""))

    async def synthetic_quality_report(self, job_id: str) -> SyntheticUrl:
        return decode(SyntheticUrl, await self._get(f"{_job(job_id)}/quality-report", base=""))

    async def synthetic_report(self, job_id: str) -> str:
        """The quality report as an HTML page without scripts."""
        return await self._get_text(f"{_job(job_id)}/report", base="")

    async def synthetic_manifest(self, job_id: str) -> SyntheticUrl:
        return decode(SyntheticUrl, await self._get(f"{_job(job_id)}/manifest", base=""))

    async def synthetic_splits(self, job_id: str) -> SyntheticSplits:
        """Raises NotFound when the job has none."""
        return decode(SyntheticSplits, await self._get(f"{_job(job_id)}/splits", base=""))

    async def synthetic_outcomes(self, job_id: str) -> SyntheticOutcomes:
        """Signed URLs of the delivered, rejected and failed slots as JSON lines, once the job has ended."""
        return decode(SyntheticOutcomes, await self._get(f"{_job(job_id)}/outcomes", base=""))

    async def download_synthetic_outcome(self, job_id: str, outcome: Outcome, path: str | Path) -> int:
        """Write the `delivered`, `rejected` or `failed` slots to `path`, atomically. Returns the number of lines.

        Raises ClientError when the job has no such outcome.
        """

        async def get_files() -> Mapping[str, OutcomeFile]:
            return (await self.synthetic_outcomes(job_id)).files

        return await files.download_outcome(self._transport, job_id, get_files, outcome, Path(path))

    async def download_synthetic(self, job_id: str, path: str | Path, *, view: SyntheticView | None = None) -> None:
        """Write the records to `path`, atomically. view: `canonical` or `legacy`."""
        await self._save(partial(self.synthetic_results, job_id, view=view), path)

    async def download_synthetic_report(self, job_id: str, path: str | Path) -> None:
        await self._save(partial(self.synthetic_quality_report, job_id), path)

    async def download_synthetic_manifest(self, job_id: str, path: str | Path) -> None:
        await self._save(partial(self.synthetic_manifest, job_id), path)

    async def download_synthetic_splits(self, job_id: str, folder: str | Path) -> dict[str, Path]:
        """Write one `<name>.jsonl` for each split. Raises NotFound when the job has none.

        Raises UnexpectedAnswer, before anything is written, for a name that is no plain file name.
        """
        names = (await self.synthetic_splits(job_id)).splits
        saved = {name: Path(folder, f"{safe_name(name)}.jsonl") for name in names}
        for name, path in saved.items():
            await files.download(self._transport, partial(self._split_url, job_id, name), path)
        return saved

    async def _split_url(self, job_id: str, name: str) -> str:
        return str((await self.synthetic_splits(job_id)).splits[name])

    async def _save(self, get_file: Callable[[], Awaitable[SyntheticUrl]], path: str | Path) -> None:
        async def get_url() -> str:
            return (await get_file()).url

        await files.download(self._transport, get_url, Path(path))

    async def synthetic_pricing(self) -> Json:
        """Prices by schema and tier; needs no API key."""
        return expect_object(await self._get_public("/v1/synthetic/pricing"))

    async def ledger_balance(self) -> Json:
        """The plan (unlimited, payg or quota) and its balance in US dollars or records."""
        return expect_object(await self._get(LEDGER_PATH, base=""))

    async def get_limits(self) -> Json:
        """The models that the organisation may use and its monthly budget over all runs; the operator sets them."""
        return expect_object(await self._get(f"{LEDGER_PATH}/limits", base=""))

    async def ledger_entries(self, *, limit: int | None = None, cursor: str | None = None) -> LedgerPage:
        """Newest first; `next_cursor` is the argument for the next page."""
        return decode(
            LedgerPage, await self._get(f"{LEDGER_PATH}/entries", query_params(limit=limit, cursor=cursor), base="")
        )

    async def iter_ledger_entries(self) -> AsyncIterator[LedgerEntry]:
        """Newest first; pages are requested as they are needed."""
        page = await self.ledger_entries(limit=100)
        while True:
            for entry in page.entries:
                yield entry
            if page.next_cursor is None:
                return
            page = await self.ledger_entries(limit=100, cursor=page.next_cursor)


def _job(job_id: str) -> str:
    return f"{JOBS_PATH}/{path_segment(job_id)}"

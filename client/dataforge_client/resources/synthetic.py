"""Synthetic datasets from a description, and the ledger. Request fields are named as in the API."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dataforge_client import files
from dataforge_client.api_resource import ApiResource, expect_object, path_segment, query_params, without_none
from dataforge_client.decoding import decode, nested_list
from dataforge_client.errors import WaitTimeout
from dataforge_client.models import Json
from dataforge_client.transport import ApiRequest

BATCH_POLL_FACTOR = 15
"""The pause between two polls is this many times longer while a job waits for batch jobs of a provider."""
JOBS_PATH, LEDGER_PATH = "/v1/synthetic/jobs", "/v1/ledger"


@dataclass(frozen=True, slots=True)
class SyntheticStarted:
    """status: queued, or estimated (then there is no job_id)."""

    status: str
    schema: str
    domain: str
    count: int
    model: str
    generator: str
    estimated_cost_usd: float
    price_per_1000_usd: float
    most_generated: int
    limited_to: int | None = None
    """Records that `max_cost_usd` pays for, if fewer than `count`."""
    job_id: str | None = None
    created_at: str | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SyntheticJob:
    """status: queued, running, succeeded, failed."""

    job_id: str
    status: str
    schema: str
    domain: str
    count: int
    model: str = ""
    estimated_cost_usd: float = 0.0
    count_requested: int = 0
    count_generated: int = 0
    count_accepted: int = 0
    count_rejected: int = 0
    count_failed: int = 0
    progress: int = 0
    stage: str = ""
    limited_to: int | None = None
    """Records that `max_cost_usd` pays for, if fewer than `count`."""
    stop_reason: str | None = None
    """Why it ended with fewer records than `count`: budget_reached or monthly_budget_reached."""
    quality_grade: str | None = None
    summary: Json | None = None
    models: Json = field(default_factory=dict)
    mode: str = "realtime"
    cost_usd: float | None = None
    created_at: str = ""
    started_at: str | None = None
    completed_at: str | None = None
    expires_at: str | None = None
    error: str | None = None
    paused_reason: str | None = None
    """Why an unfinished job stands still, such as a full disk; it goes on by itself."""
    raw: Json = field(default_factory=dict, repr=False)

    @property
    def closed(self) -> bool:
        return self.status in ("succeeded", "failed")


@dataclass(frozen=True, slots=True)
class SyntheticJobPage:
    jobs: tuple[SyntheticJob, ...] = field(default=(), metadata={"decode": nested_list(SyntheticJob)})
    next_cursor: str | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SyntheticUrl:
    url: str
    expires_in: int = 3600
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SyntheticSplits:
    """splits: name -> signed URL. counts: name -> number of records."""

    splits: Json = field(default_factory=dict)
    counts: Json = field(default_factory=dict)
    expires_in: int = 3600
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    entry_id: str
    kind: str
    amount_usd: float
    records: float = 0.0
    job_id: str | None = None
    note: str | None = None
    created_at: str = ""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LedgerPage:
    entries: tuple[LedgerEntry, ...] = field(default=(), metadata={"decode": nested_list(LedgerEntry)})
    next_cursor: str | None = None
    raw: Json = field(default_factory=dict, repr=False)


class Synthetic(ApiResource):
    def synthetic_generate(
        self,
        schema: str,
        domain: str,
        count: int,
        *,
        model: str | None = None,
        models: Mapping[str, object] | None = None,
        system_prompt: str | None = None,
        verified: bool | None = None,
        constraints: Mapping[str, object] | None = None,
        advanced: Mapping[str, object] | None = None,
        conflict_config: Mapping[str, object] | None = None,
        license: str | None = None,
        max_cost_usd: float | None = None,
        mode: str | None = None,
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
        body |= without_none(mode=mode, estimate=estimate, dry_run=dry_run)
        return self.synthetic_start(body, domain_confirmed=domain_confirmed, idempotency_key=idempotency_key)

    def synthetic_start(
        self, request: Json, *, domain_confirmed: bool = False, idempotency_key: str | None = None
    ) -> SyntheticStarted:
        """Start a job from a whole request, as docs/synthetic.md describes it; the server refuses unknown fields."""
        headers = {"X-Domain-Confirmed": "true"} if domain_confirmed else None
        key = idempotency_key or uuid.uuid4().hex
        call = ApiRequest("POST", "/v1/synthetic/generate", body=dict(request), key=key, headers=headers)
        return decode(SyntheticStarted, self._transport.json(call))

    def synthetic_estimate(self, request: Json, *, domain_confirmed: bool = False) -> SyntheticStarted:
        """Estimate the cost of a request; no job is started."""
        return self.synthetic_start({**request, "estimate": True}, domain_confirmed=domain_confirmed)

    def synthetic_get_job(self, job_id: str) -> SyntheticJob:
        return decode(SyntheticJob, self._get(_job(job_id), base=""))

    def synthetic_list_jobs(
        self, *, status: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> SyntheticJobPage:
        """Newest first; `next_cursor` is the argument for the next page."""
        return decode(
            SyntheticJobPage, self._get(JOBS_PATH, query_params(status=status, limit=limit, cursor=cursor), base="")
        )

    def iter_synthetic_jobs(self, *, status: str | None = None) -> Iterator[SyntheticJob]:
        """Newest first; pages are requested as they are needed."""
        page = self.synthetic_list_jobs(status=status, limit=100)
        while True:
            yield from page.jobs
            if page.next_cursor is None:
                return
            page = self.synthetic_list_jobs(status=status, limit=100, cursor=page.next_cursor)

    def synthetic_cancel_job(self, job_id: str, *, idempotency_key: str | None = None) -> SyntheticJob:
        return decode(SyntheticJob, self._post(f"{_job(job_id)}/cancel", None, key=idempotency_key, base=""))

    def wait_synthetic(
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
            job = self.synthetic_get_job(job_id)
            if on_event:
                on_event(job)
            if job.closed:
                return job
            if deadline is not None and time.monotonic() + pause > deadline:
                raise WaitTimeout(f"{job_id} is still {job.status} after {timeout:g} s")
            self._retry.sleep(pause)
            pause = min(poll * (BATCH_POLL_FACTOR if job.stage == "waiting" else 1), pause * 1.5)

    def synthetic_results(self, job_id: str, *, format: str = "url", view: str | None = None) -> SyntheticUrl:
        """Signed URL of the records; `download_synthetic` saves them. view: `canonical` or `legacy`."""
        return decode(
            SyntheticUrl, self._get(f"{_job(job_id)}/results", query_params(format=format, view=view), base="")
        )

    def synthetic_results_url(self, job_id: str, *, view: str | None = None) -> SyntheticUrl:
        return decode(SyntheticUrl, self._get(f"{_job(job_id)}/results/url", query_params(view=view), base=""))

    def synthetic_quality_report(self, job_id: str) -> SyntheticUrl:
        return decode(SyntheticUrl, self._get(f"{_job(job_id)}/quality-report", base=""))

    def synthetic_manifest(self, job_id: str) -> SyntheticUrl:
        return decode(SyntheticUrl, self._get(f"{_job(job_id)}/manifest", base=""))

    def synthetic_splits(self, job_id: str) -> SyntheticSplits:
        """Raises NotFound when the job has none."""
        return decode(SyntheticSplits, self._get(f"{_job(job_id)}/splits", base=""))

    def download_synthetic(self, job_id: str, path: str | Path, *, view: str | None = None) -> None:
        """Write the records to `path`, atomically. view: `canonical` or `legacy`."""
        files.download(self._transport, lambda: self.synthetic_results(job_id, view=view).url, Path(path))

    def download_synthetic_report(self, job_id: str, path: str | Path) -> None:
        files.download(self._transport, lambda: self.synthetic_quality_report(job_id).url, Path(path))

    def download_synthetic_manifest(self, job_id: str, path: str | Path) -> None:
        files.download(self._transport, lambda: self.synthetic_manifest(job_id).url, Path(path))

    def download_synthetic_splits(self, job_id: str, folder: str | Path) -> dict[str, Path]:
        """Write one `<name>.jsonl` for each split. Raises NotFound when the job has none.

        Raises UnexpectedAnswer, before anything is written, for a name that is no plain file name.
        """
        saved = {name: Path(folder, f"{files.safe_name(name)}.jsonl") for name in self.synthetic_splits(job_id).splits}
        for name, path in saved.items():
            files.download(self._transport, partial(self._split_url, job_id, name), path)
        return saved

    def _split_url(self, job_id: str, name: str) -> str:
        return str(self.synthetic_splits(job_id).splits[name])

    def synthetic_pricing(self) -> Json:
        """Prices by schema and tier; needs no API key."""
        return expect_object(self._get("/v1/synthetic/pricing", base=""))

    def ledger_balance(self) -> Json:
        """The plan (unlimited, payg or quota) and its balance in US dollars or records."""
        return expect_object(self._get(LEDGER_PATH, base=""))

    def get_limits(self) -> Json:
        """The models that the organisation may use and its monthly budget over all runs; the operator sets them."""
        return expect_object(self._get(f"{LEDGER_PATH}/limits", base=""))

    def ledger_entries(self, *, limit: int | None = None, cursor: str | None = None) -> LedgerPage:
        """Newest first; `next_cursor` is the argument for the next page."""
        return decode(
            LedgerPage, self._get(f"{LEDGER_PATH}/entries", query_params(limit=limit, cursor=cursor), base="")
        )

    def iter_ledger_entries(self) -> Iterator[LedgerEntry]:
        """Newest first; pages are requested as they are needed."""
        page = self.ledger_entries(limit=100)
        while True:
            yield from page.entries
            if page.next_cursor is None:
                return
            page = self.ledger_entries(limit=100, cursor=page.next_cursor)


def _job(job_id: str) -> str:
    return f"{JOBS_PATH}/{path_segment(job_id)}"

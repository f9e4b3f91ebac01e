"""Datasets from a description, and what they cost: `/v1/synthetic` and `/v1/ledger`. A part of `DataForge`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote

from dataforge_client import files
from dataforge_client.errors import ClientError, UnexpectedAnswer, WaitTimeout
from dataforge_client.models import Json, T, read, read_list
from dataforge_client.transport import Call, Retry, Transport

JOBS, LEDGER = "/v1/synthetic/jobs", "/v1/ledger"


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
    count_generated: int = 0
    count_accepted: int = 0
    count_rejected: int = 0
    count_failed: int = 0
    progress: int = 0
    stage: str = ""
    quality_grade: str | None = None
    summary: Json | None = None
    models: Json = field(default_factory=dict)
    cost_usd: float | None = None
    created_at: str = ""
    completed_at: str | None = None
    error: str | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @property
    def closed(self) -> bool:
        return self.status in ("succeeded", "failed")


@dataclass(frozen=True, slots=True)
class Estimate:
    schema: str
    count: int
    model: str
    generator: str
    price_per_1000_usd: float
    estimated_cost_usd: float
    most_generated: int = 0
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


class Synthetic:
    """What `DataForge` can do with synthetic jobs. A request is the API's own JSON, as its documents spell it."""

    _transport: Transport
    _retry: Retry

    def synthetic_generate(self, request: Json, *, domain_confirmed: bool = False) -> SyntheticJob:
        """Start a job; give its `job_id` to `wait_synthetic`. Raises ApiError, with the codes DOMAIN_SPELL_CHECK (then
        `domain_confirmed` lets the words pass) and INSUFFICIENT_BALANCE among others."""
        return read(SyntheticJob, self._generate(request, domain_confirmed))

    def synthetic_estimate(self, request: Json, *, domain_confirmed: bool = False) -> Estimate:
        """What it would cost; nothing is started."""
        return read(Estimate, self._generate({**request, "estimate": True}, domain_confirmed))

    def _generate(self, request: Json, domain_confirmed: bool) -> object:
        headers = {"X-Domain-Confirmed": "true"} if domain_confirmed else None
        return self._transport.json(
            Call("POST", "/v1/synthetic/generate", body=dict(request), key=uuid.uuid4().hex, headers=headers))

    def synthetic_get_job(self, job_id: str) -> SyntheticJob:
        return read(SyntheticJob, self._transport.json(Call("GET", _job(job_id))))

    def synthetic_list_jobs(self, *, status: str | None = None) -> Iterator[SyntheticJob]:
        """Newest first, page by page as they are needed."""
        yield from self._pages(SyntheticJob, JOBS, "jobs", {"status": status} if status else {})

    def synthetic_cancel_job(self, job_id: str) -> SyntheticJob:
        return read(SyntheticJob, self._transport.json(Call("POST", f"{_job(job_id)}/cancel", key=uuid.uuid4().hex)))

    def wait_synthetic(
        self, job_id: str, on_event: Callable[[SyntheticJob], None] | None = None, *, poll: float = 2.0,
        timeout: float | None = None,
    ) -> SyntheticJob:
        """The job once it has succeeded or failed; the API allows 60 calls a minute, hence the pauses."""
        pause, until = min(0.5, poll), None if timeout is None else time.monotonic() + timeout
        while True:
            job = self.synthetic_get_job(job_id)
            if on_event:
                on_event(job)
            if job.closed:
                return job
            if until is not None and time.monotonic() + pause > until:
                raise WaitTimeout(f"{job_id} is still {job.status} after {timeout:g} s")
            self._retry.sleep(pause)
            pause = min(poll, pause * 1.5)

    def download_synthetic(self, job_id: str, target: str | Path, *, view: str | None = None) -> Path:
        """results.jsonl; view: `canonical` or `legacy`."""
        params = {"format": "url", **({"view": view} if view else {})}
        return self._save(lambda: self._url(f"{_job(job_id)}/results", params), target)

    def download_synthetic_report(self, job_id: str, target: str | Path) -> Path:
        return self._save(lambda: self._url(f"{_job(job_id)}/quality-report"), target)

    def download_synthetic_manifest(self, job_id: str, target: str | Path) -> Path:
        return self._save(lambda: self._url(f"{_job(job_id)}/manifest"), target)

    def download_synthetic_splits(self, job_id: str, folder: str | Path) -> dict[str, Path]:
        """One `<name>.jsonl` for each split. Raises NotFound when the job has none."""
        path = f"{_job(job_id)}/splits"

        def urls() -> Json:
            return _mapping(_mapping(self._transport.json(Call("GET", path))).get("splits"))

        return {name: self._save(partial(_one_of, urls, name), Path(folder, f"{name}.jsonl")) for name in urls()}

    def synthetic_pricing(self) -> Json:
        return _mapping(self._transport.json(Call("GET", "/v1/synthetic/pricing")))

    def ledger_balance(self) -> Json:
        """plan (unlimited, payg, quota), and the dollars or records that go with it."""
        return _mapping(self._transport.json(Call("GET", LEDGER)))

    def ledger_entries(self) -> Iterator[LedgerEntry]:
        """Newest first, page by page as they are needed."""
        yield from self._pages(LedgerEntry, f"{LEDGER}/entries", "entries", {})

    def _pages(self, kind: type[T], path: str, name: str, params: Mapping[str, str]) -> Iterator[T]:
        cursor: object = None
        while True:
            asked = {**params, "limit": "100", **({"cursor": str(cursor)} if cursor else {})}
            page = _mapping(self._transport.json(Call("GET", path, params=asked)))
            yield from read_list(kind, page.get(name))
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def _url(self, path: str, params: Mapping[str, str] | None = None) -> str:
        return str(_mapping(self._transport.json(Call("GET", path, params=params))).get("url"))

    def _save(self, fresh_url: Callable[[], str], target: str | Path) -> Path:
        files.download(self._transport, fresh_url, Path(target))
        return Path(target)


class SyntheticFailed(ClientError):
    """The job ended without an accepted record."""

    def __init__(self, job: SyntheticJob) -> None:
        super().__init__(job.error or f"{job.job_id} failed")
        self.job = job


def _one_of(urls: Callable[[], Json], name: str) -> str:
    return str(urls()[name])


def _job(job_id: str) -> str:
    return f"{JOBS}/{quote(job_id, safe='')}"


def _mapping(wire: object) -> Json:
    if not isinstance(wire, Mapping):
        raise UnexpectedAnswer(f"Expected an object, got {type(wire).__name__}")
    return wire

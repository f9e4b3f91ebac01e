"""What the fake answers about synthetic jobs. A job ends at its third look, unless `hold` is `synthetic`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.fake_api_routes import NOW, refusal

if TYPE_CHECKING:
    from tests.support.fake_api import FakeApi

MANIFEST = {"schema": "instruction_v1", "domain": "harbours", "count_accepted": 2}
MANIFEST |= {"job_id": "x", "splits": {}, "count_requested": 2, "completed_at": NOW}


def start(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    if "domian" in sent:
        return refusal(422, "VALIDATION_ERROR", "domian: is unknown; did you mean domain?")
    named = {"schema": sent["schema"], "domain": sent["domain"], "count": sent["count"], "model": "balanced"}
    price = {"generator": "templated", "price_per_1000_usd": 3.0, "estimated_cost_usd": 0.0, "most_generated": 3}
    if sent.get("estimate"):
        return 200, {**named, **price, "status": "estimated", "job_id": None, "created_at": None}
    job_id = api.new_id("syn_job")
    api.jobs[job_id] = {
        **named,
        "job_id": job_id,
        "status": "queued",
        "created_at": NOW,
        "estimated_cost_usd": 0.0,
        "cost_usd": None,
        "count_requested": sent["count"],
        "count_accepted": 0,
        "progress": 0,
        "stage": "planning",
        "quality_grade": None,
        "error": None,
    }
    return 202, {**named, **price, "status": "queued", "job_id": job_id, "created_at": NOW}


def get_job(api: FakeApi, job_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    if job_id not in api.jobs:
        return refusal(404, "NOT_FOUND", f"Job {job_id} not found")
    job = api.jobs[job_id]
    if job["status"] == "queued":
        job |= {"status": "running", "stage": "generating", "progress": 40}
    elif job["status"] == "running" and not api.held("synthetic"):
        job |= {"status": "succeeded", "stage": "done", "progress": 100, "cost_usd": 0.0, "quality_grade": "A"}
        if api.nothing_is_accepted:
            job |= {"status": "failed", "error": "No record was accepted", "count_failed": job["count"]}
        else:
            job["count_accepted"] = job["count"]
    return 200, job


def list_jobs(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    found = [j for j in reversed(api.jobs.values()) if query.get("status") in (None, j["status"])]
    return 200, {"jobs": found, "next_cursor": None}


def cancel(api: FakeApi, job_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    api.jobs[job_id] |= {"status": "failed", "error": "cancelled by user"}
    return 200, api.jobs[job_id]


def address(api: FakeApi, job_id: str, name: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    if name == "results" and api.jobs[job_id].get("count_failed") == api.jobs[job_id]["count"]:
        return refusal(404, "NO_RESULTS", f"Job {job_id} has no accepted records")
    if name == "splits":
        return refusal(404, "SPLITS_NOT_CONFIGURED", "The job has no splits")
    return 200, {"url": f"{api.url}/files/synthetic/{job_id}/{name}"}


def outcomes(api: FakeApi, job_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    counts = {"delivered": api.jobs[job_id]["count_accepted"], "failed": api.jobs[job_id].get("count_failed", 0)}
    files = {
        name: {"url": f"{api.url}/files/synthetic/{job_id}/{name}", "lines": count}
        for name, count in counts.items()
        if count
    }
    return 200, {"job_id": job_id, "files": files, "expires_in": 3600}


def get_file(api: FakeApi, job_id: str, name: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    lines = [json.dumps({"instruction": f"Say {n}", "output": str(n)}) for n in range(api.jobs[job_id]["count"])]
    failed = json.dumps({"slot": 0, "reason": "unreadable_reply", "detail": "no JSON", "reply": "I cannot."})
    files = {"failed": f"{failed}\n", "delivered": "".join(f"{line}\n" for line in lines)}
    files |= {"results": "".join(f"{line}\n" for line in lines), "manifest": json.dumps(MANIFEST)}
    return 200, files.get(name, "{}").encode()


JOB = r"/v1/synthetic/jobs/([^/]+)"
SYNTHETIC_ROUTES = [
    ("POST", "/v1/synthetic/generate", start),
    ("GET", "/v1/synthetic/jobs", list_jobs),
    ("GET", JOB, get_job),
    ("POST", JOB + "/cancel", cancel),
    ("GET", JOB + "/(results|quality-report|manifest|splits)", address),
    ("GET", JOB + "/outcomes", outcomes),
    ("GET", r"/files/synthetic/([^/]+)/([^/]+)", get_file),
]

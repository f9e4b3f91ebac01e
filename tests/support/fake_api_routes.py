"""What the fake answers: a function for every route, over the projects and jobs that a `FakeApi` holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.fake_api import FakeApi

ORGANIZATION = "org_fake"
BASE = "/api/v1/data-forge"
NOW = "2025-06-15T10:00:00Z"
ESTIMATE = {
    "pairs": 6,
    "calls": {"low": 2, "high": 3},
    "input_tokens": {"low": 900, "high": 1500},
    "output_tokens": {"low": 240, "high": 2100},
    "cost_usd": {"low": 0.004, "high": 0.03},
}


def refusal(status: int, code: str, message: str) -> tuple[int, dict[str, Any]]:
    return status, {
        "error": code,
        "message": message,
        "detail": message,
        "code": code,
        "status_code": status,
        "request_id": "req_1",
        **({"errors": [{"field": "model_id", "message": "unknown"}]} if status == 422 else {}),
    }


def create_project(api: FakeApi, *, query: Any, sent: Any) -> tuple[int, Any]:
    project_id = api.new_id("proj")
    api.projects[project_id] = {
        "projectId": project_id,
        "name": sent["name"],
        "description": "",
        "defaultConfig": sent.get("config", {}),
        "stats": {"total_documents": 0},
        "currentVersion": 0,
        "versions": [],
        "createdAt": NOW,
        "updatedAt": NOW,
        "somethingNew": 1,
    }
    api.documents[project_id], api.pairs[project_id] = [], []
    return 201, api.projects[project_id]


def get_project(api: FakeApi, project_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    if project_id not in api.projects:
        return refusal(404, "NOT_FOUND", f"Project {project_id} not found")
    return 200, api.projects[project_id]


def delete_project(api: FakeApi, project_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    del api.projects[project_id], api.documents[project_id], api.pairs[project_id]
    return 200, {"message": f"Project {project_id} deleted successfully"}


def upload_url(api: FakeApi, project_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    if sent["file_size"] > 1_000_000:
        return refusal(413, "TOO_LARGE", "The file is larger than 1,000,000 bytes; split it")
    key = f"{project_id}/sources/{sent['filename']}"
    return 200, {"upload_url": f"{api.url}/files/{key.replace(' ', '%20')}", "s3_key": key}


def put_file(api: FakeApi, key: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    api.files[key] = sent
    return 200, {}


def register(api: FakeApi, project_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    if "url" in sent:
        page = {
            "documentId": api.new_id("doc"),
            "projectId": project_id,
            "name": "page.html",
            "mimeType": "text/html",
            "fileSize": 0,
            "s3Key": "",
            "source": "url",
            "url": sent["url"] + "/",
            "parsingStatus": "pending",
            "chunkCount": 0,
            "error": None,
            "warnings": [],
            "createdAt": NOW,
        }
        api.documents[project_id].append(page)
        return 201, page
    stored = api.files.get(sent["s3_key"])
    if stored is None or len(stored) != sent["file_size"]:
        return refusal(422, "VALIDATION_ERROR", "There is no such object")
    document = {
        "documentId": api.new_id("doc"),
        "projectId": project_id,
        "name": sent["filename"],
        "mimeType": sent["content_type"],
        "fileSize": sent["file_size"],
        "s3Key": sent["s3_key"],
        "parsingStatus": "pending",
        "chunkCount": 0,
        "error": None,
        "warnings": [],
        "createdAt": NOW,
    }
    api.documents[project_id].append(document)
    return 201, document


def start(api: FakeApi, project_id: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    generation_id = api.new_id("gen_parse" if kind == "parse" else "gen")
    asked = config.get("num_pairs") or 6
    api.generations[generation_id] = {
        "generationId": generation_id,
        "projectId": project_id,
        "kind": kind,
        "config": config,
        "status": "pending",
        "stage": "planning",
        "progress": 0,
        "results": {},
        "error": None,
        "report": None,
        "createdAt": NOW,
        "counts": {"requested": asked, "asked": asked, "delivered": 0, "rejected": 0, "failed": 0},
        "reasons": {"rejected": {}, "failed": {}},
        "costUsd": api.cost,
        "tokens": {"input": 0, "output": 0},
        "estimate": ESTIMATE,
        "stopReason": None,
        "progressDetail": {"stage": "planning", "done": 0, "total": asked, "ratePerSecond": None},
    }
    return api.generations[generation_id]


def parse(api: FakeApi, project_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    job = start(api, project_id, "parse", {})
    return 200, {"generation_id": job["generationId"], "status": "pending", "message": "Parse job started"}


def generate(api: FakeApi, project_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    if sent["model_id"] == "openai:nokey":
        return refusal(422, "TEACHER_NOT_CONFIGURED", "openai:nokey needs a key: set OPENAI_API_KEY")
    if sent["model_id"] == "nobody":
        return refusal(422, "UNKNOWN_TEACHER", "There is no teacher 'nobody'")
    if sent["model_id"] == "extractive" and sent.get("config", {}).get("mode") == "batch":
        return refusal(422, "TEACHER_CANNOT", "mode: the teacher extractive has no batch API")
    config = {**sent.pop("config", {}), **sent}
    if config.pop("estimate", False):
        if not api.documents[project_id]:
            return refusal(422, "NO_CHUNKS", "There is no chunk to generate from")
        return 200, {"projectId": project_id, "config": config, "model": sent["model_id"], "estimate": ESTIMATE}
    job = start(api, project_id, "generate", config)
    return 200, {k: job[k] for k in ("generationId", "projectId", "config", "status", "progress", "createdAt")}


def get_generation(api: FakeApi, generation_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    job = api.generations.get(generation_id)
    if job is None:
        return refusal(404, "NOT_FOUND", f"Generation {generation_id} not found")
    ADVANCE[job["kind"]](api, job)
    return 200, job


def advance_parse(api: FakeApi, job: dict[str, Any]) -> None:
    documents = api.documents[job["projectId"]]
    if job["status"] == "pending":
        job |= {"status": "parsing", "stage": "parsing"}
        job["progressDetail"] = {"stage": "parsing", "done": 0, "total": len(documents), "ratePerSecond": None}
    elif job["status"] == "parsing" and not api.held("parsing"):
        for document in documents:
            bad = document["name"] in api.unreadable
            error = {"reason": "encrypted", "message": "It has a password; save it without one."} if bad else None
            document |= {"parsingStatus": "failed" if bad else "parsed", "chunkCount": 0 if bad else 4, "error": error}
        failed = sum(d["parsingStatus"] == "failed" for d in documents)
        job["results"] = {"documents_processed": len(documents) - failed, "documents_failed": failed}
        everything_failed = failed == len(documents)
        job |= {
            "status": "failed" if everything_failed else "completed",
            "progress": 100,
            "error": "No document could be read" if everything_failed else None,
        }


def advance_generate(api: FakeApi, job: dict[str, Any]) -> None:
    asked = job["counts"]["asked"]
    if job["status"] == "pending":
        job |= {"status": "generating", "stage": "generating", "costUsd": None if api.cost is None else api.cost / 2}
        job["progressDetail"] = {"stage": "generating", "done": asked // 2, "total": asked, "ratePerSecond": 40.0}
    elif job["status"] == "generating" and not api.held("generating"):
        job |= {"status": "validating", "stage": "validating", "progress": 90}
        job["progressDetail"] = {"stage": "validating", "done": 1, "total": asked, "ratePerSecond": None}
    elif job["status"] == "validating":
        close(api, job)


def close(api: FakeApi, job: dict[str, Any]) -> None:
    asked = job["counts"]["asked"]
    delivered = asked - api.rejected - api.failed
    project_id = job["projectId"]
    low = 1 if job["config"].get("auto_accept_min_quality", 0) > 0.9 else 0
    for n in range(delivered):
        api.pairs[project_id].append(
            {
                "pairId": f"pair_{n:04d}",
                "projectId": project_id,
                "generationId": job["generationId"],
                "question": f"What is [bold]item[/bold] {n}?",
                "answer": f"Item {n} is number {n}.",
                "status": "pending" if low or n < api.flagged else "accepted",
                "flags": [{"check": "vague", "words": ["it"], "detail": "What is it?"}] if n < api.flagged else [],
                "qualityScore": 0.85,
                "messages": [],
                "createdAt": NOW,
            }
        )
    job["counts"] |= {"flagged": api.flagged, "delivered": delivered, "rejected": api.rejected, "failed": api.failed}
    job["reasons"] = {
        "rejected": {"near_duplicate": api.rejected} if api.rejected else {},
        "failed": {api.failed_for: api.failed} if api.failed else {},
    }
    job["report"] = {
        "histogram": [
            {"range": bucket, "count": delivered if bucket == "0.8-0.9" else 0}
            for bucket in ("0.9-1.0", "0.8-0.9", "0.7-0.8", "0.0-0.7")
        ],
        "quality": {"mean": 0.85},
        "flagged_by_check": {"vague": api.flagged} if api.flagged else {},
        "question_types": {"factual": delivered},
        "difficulties": {"easy": delivered},
        **api.report,
    }
    job |= {
        "status": "completed" if delivered else "failed",
        "error": None if delivered else f"No pair was delivered: {api.failed_for}",
        "progress": 100,
        "costUsd": api.cost,
        "stopReason": api.stop_reason,
        "tokens": {"input": 1200, "output": 300},
    }


ADVANCE = {"parse": advance_parse, "generate": advance_generate}


def cancel(api: FakeApi, generation_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    api.generations[generation_id]["status"] = "cancelled"
    return 200, {"generation_id": generation_id, "status": "cancelled", "message": "Generation cancelled"}


def list_pairs(api: FakeApi, project_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    page, size = int(query.get("page", 1)), int(query.get("page_size", 50))
    found = [
        p
        for p in api.pairs[project_id]
        if query.get("status") in (None, p["status"]) and query.get("search", "") in p["question"]
        if query.get("flagged") in (None, str(bool(p.get("flags"))).lower())
        if query.get("flag") in (None, *(f["check"] for f in p.get("flags", [])))
    ]
    return 200, {
        "pairs": found[(page - 1) * size : page * size],
        "total": len(found),
        "page": page,
        "page_size": size,
    }


def export(api: FakeApi, project_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    lines = [
        json.dumps({"messages": [{"role": "user", "content": p["question"]}]})
        for p in api.pairs[project_id]
        if p["status"] == "accepted"
    ]
    if not lines:
        return refusal(422, "NO_EXPORTABLE_PAIRS", "No pair can be exported")
    version = api.projects[project_id]["currentVersion"] = api.projects[project_id]["currentVersion"] + 1
    api.exports[project_id, version] = ("\n".join(lines) + "\n").encode()
    return get_export(api, project_id, str(version), query=query, sent=sent)


def get_export(api: FakeApi, project_id: str, version: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    content = api.exports[project_id, int(version)]
    return 200, {
        "version": int(version),
        "format": "chatml",
        "s3Key": "k",
        "pairCount": content.count(b"\n"),
        "fileSize": len(content),
        "downloadUrl": f"{api.url}/files/exports/{project_id}/{version}",
        "includeSystemPrompt": True,
        "minQualityScore": None,
        "flaggedCount": sum(p["status"] == "accepted" and bool(p.get("flags")) for p in api.pairs[project_id]),
        "duplicateCount": 0,
        "leftOut": {"flagged": 0, "duplicates": 1, "below_min_quality": 0},
    }


def get_file(api: FakeApi, project_id: str, version: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    return 200, api.exports[project_id, int(version)]


def logs(api: FakeApi, generation_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    lines = [{"timestamp": NOW, "level": "info", "stage": "generating", "message": f"line {n}"} for n in range(5)]
    return 200, {"generation_id": generation_id, "logs": lines[-int(query.get("tail", 1000)) :]}


def outcomes(api: FakeApi, generation_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    counts = api.generations[generation_id]["counts"]
    return 200, {
        "generation_id": generation_id,
        "expires_in": 3600,
        "files": {
            name: {"url": f"{api.url}/files/outcomes/{generation_id}/{name}", "lines": counts[name]}
            for name in ("delivered", "rejected", "failed")
        },
    }


def get_outcome(api: FakeApi, generation_id: str, name: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    count = api.generations[generation_id]["counts"][name]
    lines = [{"slot": n, "reasons": [f"{name} on purpose"]} for n in range(count)]
    return 200, "".join(json.dumps(line) + "\n" for line in lines).encode()


def events(api: FakeApi, generation_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    """Each look moves the job on, as `get_generation` does; the log lines come with the first."""
    status, job = get_generation(api, generation_id, query=query, sent=sent)
    if status != 200:
        return status, job
    said = logs(api, generation_id, query={}, sent=None)[1]["logs"] if "after" not in query else []
    ended = {"done": job["counts"]["asked"], "total": job["counts"]["asked"]} if job["status"] == "completed" else {}
    detail = {**job["progressDetail"], **ended}
    progress = {
        "id": api.new_id("event"),
        "type": "progress",
        "timestamp": NOW,
        "stage": job["stage"],
        "status": job["status"],
        "done": detail["done"],
        "total": detail["total"],
        "cost_usd": job["costUsd"],
        "rate_per_second": detail["ratePerSecond"],
        "counts": job["counts"],
    }
    return 200, {
        "generation_id": generation_id,
        "cursor": progress["id"],
        "closed": job["status"] == "completed",
        "events": [*({"id": api.new_id("event"), "type": "log", **line} for line in said), progress],
    }


Route = Callable[..., tuple[int, Any]]
ROUTES: list[tuple[str, str, Route]] = [
    ("GET", "/health", lambda api, **_: (200, {"status": "ok"})),
    (
        "GET",
        "/api/v1/auth/whoami",
        lambda api, **_: (
            200,
            {"organizationId": ORGANIZATION, "userId": "user_1", "keyId": "key_1", "scopes": ["all"]},
        ),
    ),
    (
        "GET",
        f"{BASE}/available-models",
        lambda api, **_: (200, [{"id": "extractive", "name": "Extractive", "provider": "built-in"}]),
    ),
    ("POST", f"{BASE}/projects", create_project),
    ("GET", f"{BASE}/projects", lambda api, **_: (200, list(api.projects.values()))),
    ("GET", f"{BASE}/projects/([^/]+)", get_project),
    ("DELETE", f"{BASE}/projects/([^/]+)", delete_project),
    ("POST", f"{BASE}/projects/([^/]+)/upload-url", upload_url),
    ("PUT", "/files/(.+)", put_file),
    ("GET", "/files/exports/([^/]+)/([0-9]+)", get_file),
    ("POST", f"{BASE}/projects/([^/]+)/documents", register),
    ("GET", f"{BASE}/projects/([^/]+)/documents", lambda api, p, **_: (200, api.documents[p])),
    ("POST", f"{BASE}/projects/([^/]+)/parse", parse),
    ("POST", f"{BASE}/projects/([^/]+)/generate", generate),
    (
        "GET",
        f"{BASE}/projects/([^/]+)/generations",
        lambda api, p, **_: (200, [g for g in api.generations.values() if g["projectId"] == p]),
    ),
    ("GET", f"{BASE}/generations/([^/]+)", get_generation),
    ("POST", f"{BASE}/generations/([^/]+)/cancel", cancel),
    ("GET", f"{BASE}/generations/([^/]+)/logs", logs),
    ("GET", f"{BASE}/generations/([^/]+)/events", events),
    ("GET", f"{BASE}/generations/([^/]+)/outcomes", outcomes),
    ("GET", "/files/outcomes/([^/]+)/([a-z]+)", get_outcome),
    ("GET", f"{BASE}/projects/([^/]+)/pairs", list_pairs),
    ("POST", f"{BASE}/projects/([^/]+)/export", export),
    ("GET", f"{BASE}/projects/([^/]+)/export/([0-9]+)", get_export),
]

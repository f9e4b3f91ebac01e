"""What the fake answers about accounts and single pairs and chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.fake_api_routes import BASE, NOW, refusal

if TYPE_CHECKING:
    from tests.support.fake_api import FakeApi

KEY_ROW = {"id": "key_1", "name": "ci", "prefix": "sk_fake12", "scopes": ["admin"], "user_id": "user_1"}
MEMBER = {"user_id": "user_1", "name": "Ann", "email": None, "role": "owner", "created_at": NOW}
PLAN = {"plan": "payg", "currency": "USD", "balance_usd": 2.5}


def chunks(api: FakeApi, project_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    chunk = {"chunkId": "chunk_1_000000", "projectId": project_id, "documentId": "doc_1", "content": "Trains only."}
    return 200, {"chunks": [chunk], "total": 1, "page": 1, "page_size": 200}


def update_pair(api: FakeApi, pair_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    pair = next((p for of in api.pairs.values() for p in of if p["pairId"] == pair_id), None)
    if pair is None:
        return refusal(404, "NOT_FOUND", f"Pair {pair_id} not found")
    names = {"input_text": "question", "output_text": "answer", "status": "status"}
    pair |= {names[name]: value for name, value in sent.items() if name in names}
    return 200, pair


def bulk(api: FakeApi, project_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    if sent["action"] == "accept" and not sent.get("pair_ids"):
        return _accept_all(api, project_id, include_flagged=bool(sent.get("include_flagged")))
    chosen = sent.get("pair_ids") or [p["pairId"] for p in api.pairs[project_id]]
    if sent["action"] == "delete":
        api.pairs[project_id] = [p for p in api.pairs[project_id] if p["pairId"] not in chosen]
    return 200, {
        "action": sent["action"],
        "affected_count": len(chosen),
        "undo_token": "undo_1",
        "undo_expires_at": NOW,
    }


def _accept_all(api: FakeApi, project_id: str, *, include_flagged: bool) -> tuple[int, Any]:
    """Two duplicates are left out in any case."""
    waiting = [p for p in api.pairs[project_id] if p["status"] == "pending"]
    left = [p for p in waiting if p.get("flags") and not include_flagged]
    for pair in waiting:
        pair["status"] = "pending" if pair in left else "accepted"
    return 200, {
        "action": "accept",
        "affected_count": len(waiting) - len(left),
        "message": "Bulk action completed",
        "undo_token": None,
        "undo_expires_at": None,
        "left_out": {"flagged": len(left), "rejected": 0, "duplicates": 2},
    }


def trace(api: FakeApi, pair_id: str, *, query: Any, sent: Any) -> tuple[int, Any]:
    found = next((p for of in api.pairs.values() for p in of if p["pairId"] == pair_id), None)
    if found is None:
        return refusal(404, "NOT_FOUND", f"Pair {pair_id} not found")
    return 200, {
        **{n: found[n] for n in ("pairId", "projectId", "generationId", "question", "answer", "status", "createdAt")},
        "modelId": "gpt-4o",
        "notes": ["The raw reply is no longer kept."],
        "lineage": {
            "teacher": "gpt-4o-2024-08-06",
            "reply": "000000#01",
            "attempt": 2,
            "promptHash": "ab" * 32,
            "answeredAt": NOW,
            "inputTokens": 362,
            "outputTokens": 78,
            "costUsd": 0.001685,
            "chunkSha256": "cd" * 32,
            "call": {"slots": 3, "attempts": 2, "inputTokens": 1088, "outputTokens": 236, "costUsd": 0.005055},
        },
        "evidence": [
            {
                "start": 4,
                "end": 20,
                "text": "Item 0 is number",
                "page": 3,
                "document_start": 104,
                "document_end": 120,
                "holds": True,
            }
        ],
        "reply": {"key": "000000#01", "kept": False, "text": None, "finishReason": None, "expiresAt": None},
        "chunk": {
            "chunkId": "chunk_1",
            "state": "parsed_again",
            "content": "...",
            "headingPath": ["Items", "Numbers"],
            "pageNumber": 3,
            "position": 0,
            "startOffset": 100,
            "endOffset": 400,
        },
        "document": {
            "documentId": "doc_1",
            "state": "present",
            "name": "items.pdf",
            "checksum": "ef" * 32,
            "source": "url",
            "url": "https://example.com/items.pdf",
            "parsedAt": NOW,
            "textUrl": None,
        },
    }


ACCOUNT_ROUTES = [
    ("GET", f"{BASE}/pairs/([^/]+)/trace", trace),
    ("GET", f"{BASE}/projects/([^/]+)/chunks", chunks),
    ("PUT", f"{BASE}/pairs/([^/]+)", update_pair),
    ("POST", f"{BASE}/projects/([^/]+)/pairs/bulk-action", bulk),
    ("POST", f"{BASE}/projects/([^/]+)/pairs/bulk-action/undo", lambda api, _, **__: (200, {"restored_count": 1})),
    ("GET", "/v1/api-keys", lambda api, **_: (200, [KEY_ROW])),
    ("POST", "/v1/api-keys", lambda api, **_: (201, {**KEY_ROW, "key": "sk_new"})),
    ("DELETE", "/v1/api-keys/([^/]+)", lambda api, _, **__: (200, {"message": "revoked"})),
    ("GET", "/v1/members", lambda api, **_: (200, [MEMBER])),
    ("POST", "/v1/members", lambda api, **_: (201, MEMBER)),
    ("DELETE", "/v1/members/([^/]+)", lambda api, _, **__: (200, {"revoked_keys": 2})),
    ("GET", "/v1/ledger", lambda api, **_: (200, PLAN)),
    ("GET", "/v1/ledger/entries", lambda api, **_: (200, {"entries": [], "next_cursor": None})),
]

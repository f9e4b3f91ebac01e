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


ACCOUNT_ROUTES = [
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

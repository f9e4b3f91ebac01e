"""What answers look like, one example per body: the figures of the public document, our own fields added.

A request body shows its example itself (`model_config = example(...)`), and so may an answer; this table is for those
that are long. `description` puts them into the OpenAPI document wherever the body stands.
"""

from __future__ import annotations

from typing import Any

from functions.api.wire.synthetic_examples import SYNTHETIC

Json = dict[str, Any]

PREFIX = "data-forge/user_456/proj_abc123"
SIGNED = "https://s3.amazonaws.com/bucket/data-forge/..."
CREATED = "2025-06-15T10:00:00Z"
PROMPT = "You are a helpful customer support assistant."
QUESTION = "How do I reset my password?"
ANSWER = "To reset your password, navigate to Settings > Security..."

VERSION: Json = {
    "version": 2, "format": "chatml", "s3Key": f"{PREFIX}/exports/v2/dataset.jsonl", "pairCount": 850,
    "fileSize": 4521890, "includeSystemPrompt": True, "minQualityScore": 0.8, "createdAt": "2025-06-15T14:30:00Z",
}
CHUNK: Json = {
    "chunkId": "chunk_001", "projectId": "proj_abc123", "documentId": "doc_xyz789", "content": ANSWER,
    "heading": "Password Reset", "headingPath": ["Account Management", "Password Reset"], "pageNumber": 3,
    "position": 12, "contentType": "paragraph", "topic": "account-management", "difficulty": "easy",
    "pairsGenerated": 3, "excluded": False, "metadata": {}, "tokenCount": 12, "startOffset": 0,
    "endOffset": len(ANSWER), "createdAt": "2025-06-15T10:10:00Z", "updatedAt": None,
}
EVIDENCE: Json = {
    "start": 0, "end": len(ANSWER), "text": ANSWER, "page": 3, "document_start": 4120,
    "document_end": 4120 + len(ANSWER),
}
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
LINEAGE: Json = {
    "teacher": "gpt-4o-2024-08-06", "reply": "000000#00", "attempt": 1, "promptHash": SHA,
    "answeredAt": "2025-06-15T11:00:58Z", "job": None, "inputTokens": 362, "outputTokens": 78, "costUsd": 0.001685,
    "chunkSha256": SHA,
    "call": {"slots": 3, "attempts": 1, "inputTokens": 1088, "outputTokens": 236, "costUsd": 0.005055},
}
PAIR: Json = {
    "pairId": "pair_001", "projectId": "proj_abc123", "chunkId": "chunk_001", "documentId": "doc_xyz789",
    "generationId": "gen_abc123", "type": "single_turn", "systemPrompt": PROMPT,
    "messages": [
        {"role": "system", "content": PROMPT}, {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": ANSWER},
    ],
    "question": QUESTION, "answer": ANSWER, "qualityScore": 0.92, "groundingScore": 0.95,
    "complexityLevel": "easy", "questionType": "how-to", "isDuplicate": False, "status": "accepted",
    "reviewerNotes": None, "evidence": [EVIDENCE], "metadata": {}, "lineage": LINEAGE,
    "createdAt": "2025-06-15T11:01:05Z", "updatedAt": None,
}
GENERATION: Json = {
    "generationId": "gen_abc123", "projectId": "proj_abc123", "kind": "generate",
    "config": {"model_id": "gpt-4o", "generation_type": "qa", "temperature": 0.7, "pairs_per_chunk": 3},
    "status": "completed", "stage": "finalizing", "progress": 100,
    "progressDetail": {"stage": "finalizing", "done": 1020, "total": 1020, "ratePerSecond": None,
                       "etaSeconds": None, "costUsd": 1.725},
    "jobName": "df-generate-gen_abc1",
    "results": {
        "chunks_processed": 340, "pairs_generated": 1020, "pairs_valid": 980, "avg_quality_score": 0.87,
        "tokens_used": 450000,
    },
    "counts": {"requested": 1020, "asked": 1020, "delivered": 980, "rejected": 38, "failed": 2},
    "reasons": {"rejected": {"near_duplicate": 21, "ungrounded": 17}, "failed": {"unreadable_reply": 2}},
    "tokens": {"input": 370000, "output": 80000, "cached": 0}, "costUsd": 1.725,
    "estimate": {
        "pairs": 1020, "calls": {"low": 340, "high": 459}, "input_tokens": {"low": 310000, "high": 560000},
        "output_tokens": {"low": 71000, "high": 358000}, "cost_usd": {"low": 1.485, "high": 4.98},
    },
    "stopReason": None, "report": None, "error": None,
    "startedAt": "2025-06-15T11:00:30Z", "completedAt": "2025-06-15T11:45:00Z", "createdAt": "2025-06-15T11:00:00Z",
}

KEY: Json = {
    "id": "key_01", "name": "nightly export", "prefix": "sk_live_abcd",
    "scopes": ["data-forge:read", "data-forge:write"], "user_id": "user_456", "created_at": CREATED,
    "last_used_at": None,
}

EXAMPLES: dict[str, Json] = {
    **SYNTHETIC,
    "Health": {
        "status": "ok", "api": "ok", "database": "ok", "platform": "aws",
        "services": {"api": "ok", "database": "ok", "queue": "ok", "email": "disabled"},
    },
    "WhoAmI": {
        "organizationId": "org_xyz", "organizationName": "Example Ltd", "userId": "user_456", "role": "owner",
        "emailVerified": True, "keyId": "key_01", "keyName": "nightly export", "scopes": KEY["scopes"],
    },
    "ApiKey": KEY,
    "NewApiKey": {**KEY, "key": "sk_live_..."},
    "Revoked": {"message": "API key key_01 revoked", "id": "key_01", "revoked": True},
    "Member": {
        "user_id": "user_789", "name": "Ada", "email": "ada@example.com", "email_verified": True, "role": "member",
        "created_at": CREATED,
    },
    "Removed": {"message": "Member user_789 removed", "user_id": "user_789", "revoked_keys": 1},
    "Project": {
        "projectId": "proj_abc123", "name": "Customer Support FAQ",
        "description": "Generate training data from support documentation", "status": "active",
        "sourceType": "documents", "userId": "user_456", "organizationId": "org_xyz", "s3Prefix": PREFIX,
        "stats": {
            "total_documents": 12, "total_chunks": 340, "total_pairs": 1020, "accepted_pairs": 850,
            "rejected_pairs": 45, "pending_pairs": 125, "avg_quality_score": 0.87,
        },
        "defaultConfig": {}, "currentVersion": 2, "versions": [VERSION], "createdAt": CREATED,
        "updatedAt": "2025-06-15T14:30:00Z",
    },
    "Deleted": {"message": "Project proj_abc123 deleted successfully", "deleted": True},
    "Told": {"message": "Document doc_xyz789 deleted successfully"},
    "UploadUrl": {"upload_url": SIGNED, "s3_key": f"{PREFIX}/sources/product-manual.pdf", "expires_in": 3600},
    "Document": {
        "documentId": "doc_xyz789", "projectId": "proj_abc123", "name": "product-manual.pdf",
        "mimeType": "application/pdf", "fileSize": 2048576, "s3Key": f"{PREFIX}/sources/product-manual.pdf",
        "parsingStatus": "pending", "chunkCount": 0, "createdAt": "2025-06-15T10:05:00Z", "metadata": {},
        "source": "upload", "url": None, "fetched": None, "checksum": None, "verified": False, "detectedType": None,
        "chunkTypes": {}, "pages": None, "warnings": [], "error": None, "parsedAt": None,
    },
    "Chunk": CHUNK,
    "ChunkPage": {"chunks": [CHUNK], "total": 340, "page": 1, "page_size": 50},
    "ParseRequest": {"document_ids": ["doc_xyz789"], "force": False},
    "ParseStarted": {
        "generation_id": "gen_parse_001", "generationId": "gen_parse_001", "status": "pending",
        "message": "Parse job started",
    },
    "GenerationStarted": {
        "generationId": "gen_abc123", "generation_id": "gen_abc123", "projectId": "proj_abc123",
        "config": GENERATION["config"], "status": "pending", "progress": 0, "createdAt": "2025-06-15T11:00:00Z",
    },
    "Generation": GENERATION,
    "Cancelled": {
        "generation_id": "gen_abc123", "generationId": "gen_abc123", "status": "cancelled",
        "message": "Generation cancelled",
    },
    "Logs": {
        "generation_id": "gen_abc123",
        "logs": [
            {"timestamp": "2025-06-15T11:00:30Z", "level": "info", "stage": "generation",
             "message": "Starting generation for 340 chunks"},
            {"timestamp": "2025-06-15T11:01:05Z", "level": "info", "stage": "generation",
             "message": "Generated 3 pairs for chunk 1 (avg quality: 0.92)"},
        ],
    },
    "Outcomes": {
        "generation_id": "gen_abc123", "expires_in": 3600,
        "files": {
            "delivered": {"url": "https://files.example.com/gen_abc123-delivered.jsonl?signature=...", "lines": 1005},
            "rejected": {"url": "https://files.example.com/gen_abc123-rejected.jsonl?signature=...", "lines": 12},
            "failed": {"url": "https://files.example.com/gen_abc123-failed.jsonl?signature=...", "lines": 3},
        },
    },
    "Events": {
        "generation_id": "gen_abc123", "closed": False,
        "cursor": "01jz8x3v5qk2m4n6p8r0t1v3w5.01jz8x3v9ak2m4n6p8r0t1v3w5",
        "events": [
            {"id": "01jz8x3v5qk2m4n6p8r0t1v3w5", "type": "log", "timestamp": "2025-06-15T11:00:30Z", "level": "info",
             "stage": "planning", "message": "Asking gpt-4o for 1020 pairs from 340 chunks"},
            {"id": "01jz8x3v9ak2m4n6p8r0t1v3w5", "type": "progress", "timestamp": "2025-06-15T11:20:30Z",
             "stage": "generating", "status": "generating", "done": 510, "total": 1020, "failed": 1,
             "rate_per_second": 0.42, "eta_seconds": 1214.3, "cost_usd": 0.8625, "input_tokens": 185000,
             "output_tokens": 40000, "counts": {
                 "requested": 1020, "asked": 1020, "delivered": 0, "rejected": 0, "failed": 0}},
        ],
    },
    "Pair": PAIR,
    "Trace": {
        "pairId": "pair_001", "projectId": "proj_abc123", "generationId": "gen_abc123", "modelId": "gpt-4o",
        "status": "accepted", "question": QUESTION, "answer": ANSWER, "createdAt": "2025-06-15T11:01:05Z",
        "lineage": LINEAGE, "further": [], "evidence": [{**EVIDENCE, "holds": True}],
        "notes": ["The raw reply is no longer kept."],
        "reply": {"key": "000000#00", "kept": False, "text": None, "finishReason": None, "expiresAt": None},
        "chunk": {
            "chunkId": "chunk_001", "state": "unchanged", "content": ANSWER, "headingPath": CHUNK["headingPath"],
            "pageNumber": 3, "position": 12, "startOffset": 4120, "endOffset": 4120 + len(ANSWER),
        },
        "document": {
            "documentId": "doc_xyz789", "state": "present", "name": "product-manual.pdf", "checksum": SHA,
            "source": "upload", "url": None, "parsedAt": "2025-06-15T10:10:00Z", "textUrl": SIGNED,
        },
    },
    "PairPage": {"pairs": [PAIR], "total": 1020, "page": 1, "page_size": 50},
    "BulkResult": {
        "action": "accept", "affected_count": 3, "message": "Bulk action completed",
        "undo_token": "undo_01jz8x3v5q", "undo_expires_at": "2025-06-16T11:01:05Z",
    },
    "UndoRequest": {"undo_token": "undo_01jz8x3v5q"},
    "Undone": {"restored_count": 3, "skipped_count": 0, "message": "Bulk action undone"},
    "Analytics": {
        "projectId": "proj_abc123", "projectName": "Customer Support FAQ",
        "documents": {"total": 12, "parsed": 12, "failed": 0},
        "chunks": {"total": 340, "by_type": {"paragraph": 280, "heading": 60}},
        "pairs": {"total": 1020, "accepted": 850, "rejected": 45, "pending": 125, "avg_quality_score": 0.87},
        "qualityDistribution": [
            {"range": "0.9-1.0", "count": 420}, {"range": "0.8-0.9", "count": 380},
            {"range": "0.7-0.8", "count": 150}, {"range": "0.0-0.7", "count": 70},
        ],
        "generations": {"total": 3, "completed": 2, "running": 1, "failed": 0}, "exportsCount": 2,
    },
    "Export": {**VERSION, "version": 3, "s3Key": f"{PREFIX}/exports/v3/dataset.jsonl", "downloadUrl": SIGNED,
               "expires_in": 3600},
    "AvailableModel": {"id": "gpt-4o", "name": "GPT-4o", "provider": "openai"},
    "Error": {
        "error": "Not Found", "message": "Project proj_x not found", "detail": "Project proj_x not found",
        "code": "NOT_FOUND", "status_code": 404, "request_id": "6f1c0a5d2b8e4a7f9c3d1e0b5a4f8d27",
    },
}

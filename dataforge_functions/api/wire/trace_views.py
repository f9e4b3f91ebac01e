"""Lineage and traces as wire bodies."""

from __future__ import annotations

from typing import Any, cast

from dataforge.platform.ports import Item
from dataforge.workflows import tracing
from dataforge_functions.api.wire import trace as wire


def lineage(stored: Item) -> dict[str, Any] | None:
    """Plain, for a page of pairs that is validated in one go; None for a pair of before there was any."""
    if not stored:
        return None
    further = cast("list[Item]", stored.get("further", []))
    return {
        **_camel(
            stored,
            "teacher",
            "reply",
            "attempt",
            "prompt_hash",
            "answered_at",
            "input_tokens",
            "output_tokens",
            "cost_usd",
            "chunk_sha256",
            "job",
        ),
        "call": _camel(stored["call"], "slots", "attempts", "input_tokens", "output_tokens", "cost_usd"),
        "further": [_camel(chunk, "chunk_id", "document_id", "page", "chunk_sha256") for chunk in further],
    }


def trace(found: tracing.Trace) -> wire.Trace:
    pair = found.pair
    return wire.Trace.model_validate(
        {
            "pairId": pair.pair_id,
            "projectId": pair.project_id,
            "generationId": pair.run_id,
            "modelId": found.run.config.get("model_id") if found.run else None,
            "status": pair.status,
            "question": pair.question,
            "answer": pair.answer,
            "flags": pair.flags,
            "rejectedBy": pair.rejected_by,
            "createdAt": pair.created_at,
            "lineage": lineage(found.lineage),
            "evidence": found.evidence,
            "notes": found.notes,
            "reply": wire.TraceReply(
                key=found.reply.key,
                kept=found.reply.kept,
                text=found.reply.text,
                finishReason=found.reply.finish_reason,
                expiresAt=found.reply.expires_at,
            ),
            "chunk": _chunk(found.origin),
            "document": _document(found.origin),
            "further": [wire.TraceOrigin(chunk=_chunk(o), document=_document(o)) for o in found.further],
        }
    )


def _chunk(origin: tracing.Origin) -> wire.TraceChunk:
    c = origin.chunk
    return wire.TraceChunk(
        chunkId=origin.chunk_id,
        state=origin.chunk_state,
        content=c.content if c else None,
        headingPath=c.heading_path if c else [],
        pageNumber=c.page if c else None,
        position=c.position if c else None,
        startOffset=c.start if c else None,
        endOffset=c.end if c else None,
    )


def _document(origin: tracing.Origin) -> wire.TraceDocument:
    """As it was when the pair was made, as far as that was written down."""
    d, then = origin.document, origin.source
    now: Item = (
        {"name": d.name, "checksum": d.checksum, "source": d.source, "url": d.url, "parsed_at": d.parsed_at}
        if d
        else {}
    )
    return wire.TraceDocument.model_validate(
        {
            "documentId": origin.document_id,
            "state": origin.document_state,
            "textUrl": origin.text_url,
            **_camel({**now, **then}, "name", "checksum", "source", "url", "parsed_at"),
        }
    )


def _camel(stored: Any, *names: str) -> dict[str, Any]:
    return {
        first + "".join(map(str.title, rest)): stored.get("_".join((first, *rest)))
        for first, *rest in (name.split("_") for name in names)
    }

"""Where a record comes from: the call that wrote it, what it cost, and the very text it was written from.

Costs and tokens of a call, all its attempts together, are shared out over the slots it was asked for: the shares of all
slots of a run, delivered, rejected and failed, add up to what the run spent.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import cast

import orjson

from dataforge.platform.ports import Item
from dataforge.records import Question, Slot, Span
from dataforge.store import projects
from dataforge.store.projects import StoredChunk
from dataforge.store.runs import Reply, Run
from dataforge.workflows import runs as flow

SOURCES_FILE = "sources.json"
"""Of a run: the documents of its project as they were when it was planned."""


def content_hash(text: str) -> str:
    """SHA-256, hex, of a passage: whether it is still the text that somebody read."""
    return hashlib.sha256(text.encode()).hexdigest()


def prompt_hash(question: Question) -> str:
    """SHA-256, hex, of all that a teacher was given: equal hashes were equal requests."""
    sent = {
        "messages": [asdict(m) for m in question.messages],
        "kind": question.kind,
        "temperature": question.temperature,
        "max_tokens": question.max_tokens,
        "json_schema": question.json_schema,
        "seed": question.seed,
    }
    return hashlib.sha256(orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)).hexdigest()


def attempt_of(reply_key: str) -> int:
    """1: the first reply, 2: its correction, from 3: fresh tries."""
    return int(reply_key.rsplit("#", 1)[1]) + 1


def traced(outcomes: Iterable[Item], calls: Sequence[Sequence[Slot]], replies: Iterable[Reply]) -> list[Item]:
    """The outcomes with their `lineage`; one of a slot whose call has no reply stays as it is."""
    by_call: dict[int, dict[str, Reply]] = {}
    for reply in replies:
        by_call.setdefault(int(reply.slot.split("#")[0]), {})[reply.slot] = reply
    place = {slot.index: (call, n) for call in calls for n, slot in enumerate(call)}
    found: list[Item] = []
    for outcome in outcomes:
        call, n = place[cast(int, outcome["slot"])]
        paid = by_call.get(call[0].index)
        found.append({**outcome, "lineage": _lineage(outcome, paid, n, len(call))} if paid else outcome)
    return found


def _lineage(outcome: Item, paid: dict[str, Reply], n: int, slots: int) -> Item:
    """Of the n-th slot of a call; a failed slot is told about by the last reply."""
    reply = paid.get(str(outcome.get("reply"))) or paid[max(paid)]
    costs = [r.cost_usd for r in paid.values()]
    # A stored 0.0 comes back as 0: the part file of a batch that runs again must be the same.
    cost = None if any(c is None for c in costs) else math.fsum(c for c in costs if c is not None)
    tokens_in, tokens_out = sum(r.input_tokens for r in paid.values()), sum(r.output_tokens for r in paid.values())
    return {
        "teacher": reply.model,
        "reply": reply.slot,
        "attempt": attempt_of(reply.slot),
        "prompt_hash": reply.prompt_hash,
        "answered_at": reply.answered_at,
        "job": reply.job or None,
        "input_tokens": _share(tokens_in, n, slots),
        "output_tokens": _share(tokens_out, n, slots),
        "cost_usd": None if cost is None else round(cost / slots, 12),
        "call": {
            "slots": slots,
            "attempts": len(paid),
            "input_tokens": tokens_in,
            "output_tokens": tokens_out,
            "cost_usd": None if cost is None else round(cost, 10),
        },
    }


def _share(total: int, n: int, parts: int) -> int:
    """The n-th of `parts` whole numbers that sum to `total` and differ by at most one."""
    return total * (n + 1) // parts - total * n // parts


def of_record(outcome: Item, chunks: Sequence[StoredChunk | None]) -> Item:
    """The lineage of a draft when it is assessed; empty when its batch was written before there was any.

    `chunk_sha256` is the text that the evidence points into, `asked_sha256` the one that the teacher read; `further`
    has both for every further chunk of a multi-hop record. chunks: as they are now, the slot's own first.
    """
    known = outcome.get("lineage")
    if not isinstance(known, dict):
        return {}
    now = [content_hash(c.content) if c else None for c in chunks]
    made: Item = {**known, "asked_sha256": outcome.get("chunk_sha256"), "chunk_sha256": now[0]}
    if more := further(outcome):
        made["further"] = [
            {
                "chunk_id": f["chunk_id"],
                "document_id": f["document_id"],
                "page": f["page"],
                "asked_sha256": f["chunk_sha256"],
                "chunk_sha256": sha,
            }
            for f, sha in zip(more, now[1:], strict=True)
        ]
    return made


def further(told: Item) -> list[Item]:
    """The further chunks of a multi-hop outcome, or of its lineage."""
    return cast("list[Item]", told.get("further") or [])


def spans(found: Sequence[Span], chunks: Sequence[StoredChunk | None]) -> list[Item]:
    """Evidence in its chunk and, unless a person rewrote the chunk, in the parsed text of the document, whose
    characters [document_start:document_end] it is. Of several chunks, each says which one it is in."""
    return [_span(s, chunks[s.source], named=len(chunks) > 1) for s in found]


def _span(s: Span, chunk: StoredChunk | None, *, named: bool) -> Item:
    base = None if chunk is None or chunk.rewritten else chunk.start
    told: Item = {
        "start": s.start,
        "end": s.end,
        "text": s.text,
        "document_start": None if base is None else base + s.start,
        "document_end": None if base is None else base + s.end,
    }
    if named and chunk is not None:
        told |= {"chunk_id": chunk.chunk_id, "document_id": chunk.document_id, "page": chunk.page}
    return told


def keep_sources(run: Run) -> None:
    """So that a trace can still name a document that was deleted, and see that one was replaced."""
    flow.write_json(
        run,
        SOURCES_FILE,
        {
            d.document_id: {
                "name": d.name,
                "checksum": d.checksum,
                "source": d.source,
                "url": d.url,
                "parsed_at": d.parsed_at,
            }
            for d in projects.documents_of(run.project_id)
        },
    )


def source_of(run: Run, document_id: str) -> Item:
    """The document as it was then; empty when the run kept no sources."""
    kept = flow.read_json(run, SOURCES_FILE)
    found = kept.get(document_id) if isinstance(kept, dict) else None
    return found if isinstance(found, dict) else {}

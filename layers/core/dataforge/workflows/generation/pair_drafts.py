"""What a batch over documents keeps of each draft: the content of a drafted outcome in its part file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from dataforge.platform.ports import Item
from dataforge.quality.findings import Finding
from dataforge.quality.record_scoring import RecordScore
from dataforge.quality.verification import Verification
from dataforge.recipes import drafts
from dataforge.records import Draft, Grounding, Slot, Span
from dataforge.store.chunks import StoredChunk
from dataforge.store.replies import Reply
from dataforge.workflows.engine.outcomes import Drafted, Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChunk:
    """A chunk that a draft was written from. sha256: of the text that the teacher read; None in early releases."""

    chunk_id: str
    document_id: str
    page: int | None
    sha256: str | None


@dataclass(slots=True, kw_only=True)
class PairDraft:
    """A draft of a pair with its sources, as the teacher wrote it.

    In the part file: chunk_id, document_id, page, chunk_sha256 (of the slot's own chunk), finish_reason, draft, asked,
    `further` (the other chunks of a multi-hop record, each with the same four fields) and `verdict` (the score)."""

    sources: Sequence[SourceChunk]
    """The slot's own chunk first."""
    finish_reason: str
    draft: Draft
    asked: Mapping[str, str]
    """What the plan spread over the slots: question type, difficulty, persona, style, passages."""
    score: RecordScore | None = None
    """As the batch scored it between two replies; None: not yet."""

    @property
    def chunk_ids(self) -> list[str]:
        return [source.chunk_id for source in self.sources]

    def to_fields(self) -> Item:
        own, *further = (_source_fields(s) for s in self.sources)
        fields: Item = {
            **own,
            "finish_reason": self.finish_reason,
            "draft": drafts.to_json(self.draft),
            "asked": {**self.asked},
        }
        if further:
            fields["further"] = [*further]
        if self.score is not None:
            fields["verdict"] = cast(Item, asdict(self.score))
        return fields


PairOutcome = Drafted[PairDraft] | Failed


def of_fields(fields: Item) -> PairDraft:
    """Reads `PairDraft.to_fields`; what an earlier release did not write takes its default."""
    further = cast("list[Item]", fields.get("further") or [])
    known = fields.get("verdict")
    return PairDraft(
        sources=[_source(fields), *map(_source, further)],
        finish_reason=str(fields["finish_reason"]),
        draft=drafts.from_json(cast("dict[str, object]", fields["draft"])),
        asked=cast("dict[str, str]", fields.get("asked") or {}),
        score=_score(known) if isinstance(known, dict) else None,
    )


def content_hash(text: str) -> str:
    """SHA-256, hex, of a passage: whether it is still the text that a teacher read."""
    return hashlib.sha256(text.encode()).hexdigest()


def drafted(slot: Slot, draft: Draft, reply: Reply, chunks: Mapping[str, StoredChunk]) -> Drafted[PairDraft]:
    """The outcome of a slot that the reply holds a draft for. chunks: by id, at least those of the slot."""
    sources = [
        SourceChunk(chunk_id=c.chunk_id, document_id=c.document_id, page=c.page, sha256=content_hash(c.content))
        for c in map(chunks.__getitem__, slot.chunk_ids)
    ]
    content = PairDraft(sources=sources, finish_reason=reply.finish_reason, draft=draft, asked=slot.asked)
    return Drafted(slot=slot.index, reply=reply.slot, teacher=reply.model, content=content)


def _source_fields(source: SourceChunk) -> Item:
    return {
        "chunk_id": source.chunk_id,
        "document_id": source.document_id,
        "page": source.page,
        "chunk_sha256": source.sha256,
    }


def _source(fields: Item) -> SourceChunk:
    return SourceChunk(
        chunk_id=str(fields["chunk_id"]),
        document_id=str(fields["document_id"]),
        page=cast("int | None", fields["page"]),
        sha256=cast("str | None", fields.get("chunk_sha256")),
    )


def _score(fields: Item) -> RecordScore:
    g = cast("dict[str, Any]", fields["grounding"])
    grounding = Grounding(g["score"], tuple(Span(**s) for s in g["spans"]), tuple(g["unsupported"]))
    findings = tuple(map(Finding.from_json, cast("list[Item]", fields.get("findings") or [])))
    reasons = tuple(cast("list[str]", fields["reasons"]))
    said = fields.get("verification")
    verification = Verification.from_json(said) if isinstance(said, dict) else None
    return RecordScore(grounding, cast(float, fields["score"]), reasons, findings, verification)

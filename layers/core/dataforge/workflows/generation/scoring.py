"""From an outcome of a batch to a judged record, and from that to the line of a file and to a pair under review.

A batch judges its own drafts while it waits for replies; the assessment takes that over, unless the chunk was edited
meanwhile: what a pair is judged by is the text as it is then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from dataforge import clock, ids
from dataforge.platform.ports import Item
from dataforge.quality import record_scoring
from dataforge.quality.record_scoring import RecordScore, ScoringCase
from dataforge.recipes import RECIPES, drafts
from dataforge.records import Draft, Grounding, Span
from dataforge.store import chunks as chunk_store
from dataforge.store.chunks import StoredChunk
from dataforge.store.pairs import Pair
from dataforge.store.runs import Run
from dataforge.workflows.generation import lineage as generation_lineage

Chunks = Mapping[str, StoredChunk]
"""By their ids."""
MOST_SHOWN = 50
"""Spans and unsupported words that a pair carries; `records.jsonl` has them all."""


@dataclass(frozen=True, slots=True)
class ScoredRecord:
    """A draft with everything quality found out about it."""

    slot: int
    chunk_id: str
    document_id: str
    page: int | None
    reply: str
    teacher: str
    draft: Draft
    grounding: Grounding
    score: float
    reasons: tuple[str, ...]
    """Empty: delivered."""
    duplicate_of: int | None = None
    similarity: float | None = None
    evidence: list[Item] = field(default_factory=list)
    """The spans of `grounding`, with their place in the document."""
    lineage: Item = field(default_factory=dict)
    asked: Item = field(default_factory=dict)
    """What the plan spread over the slots: question type, difficulty, persona, style."""


def score_all(run: Run, outcomes: Sequence[Item]) -> list[ScoredRecord]:
    """The outcomes that hold a draft, as they are judged; repeats are `repeats.py`'s."""
    made = [o for o in outcomes if "draft" in o]
    wanted = list({chunk_id: None for o in made for chunk_id in _chunk_ids(o)})
    chunks = {c.chunk_id: c for c in chunk_store.get_many(run.project_id, wanted)}
    return [_record(run, o, chunks) for o in made]


def _chunk_ids(outcome: Item) -> list[str]:
    """The first is the slot's own; a multi-hop record has more."""
    return [str(outcome["chunk_id"]), *(str(f["chunk_id"]) for f in generation_lineage.further(outcome))]


def kind_of(run: Run) -> str:
    return str(run.config["generation_type"])


def with_score(run: Run, outcome: Item, chunks: Chunks) -> Item:
    """The outcome of a batch with what the checks say of its draft, if it has one."""
    if "draft" not in outcome:
        return outcome
    return {**outcome, "verdict": _score_to_json(_score(run, outcome, [chunks.get(c) for c in _chunk_ids(outcome)]))}


def _record(run: Run, outcome: Item, chunks: Chunks) -> ScoredRecord:
    of = [chunks.get(c) for c in _chunk_ids(outcome)]
    read = [outcome.get("chunk_sha256"), *(f["chunk_sha256"] for f in generation_lineage.further(outcome))]
    same = read == [generation_lineage.content_hash(c.content) if c else None for c in of]
    known = outcome.get("verdict")
    found = _score_from_json(known) if same and isinstance(known, dict) else _score(run, outcome, of)
    return ScoredRecord(
        cast(int, outcome["slot"]),
        str(outcome["chunk_id"]),
        str(outcome["document_id"]),
        cast("int | None", outcome["page"]),
        str(outcome["reply"]),
        str(outcome["teacher"]),
        _draft(outcome),
        found.grounding,
        found.score,
        found.reasons,
        evidence=generation_lineage.spans(found.grounding.spans, of),
        lineage=generation_lineage.of_record(outcome, of),
        asked=cast(Item, outcome.get("asked") or {}),
    )


def _draft(outcome: Item) -> Draft:
    return drafts.from_json(cast("dict[str, object]", outcome["draft"]))


def _score(run: Run, outcome: Item, chunks: Sequence[StoredChunk | None]) -> RecordScore:
    labels, chunk = run.config.get("labels"), chunks[0]
    return record_scoring.score(
        RECIPES[kind_of(run)].score,
        ScoringCase(
            draft=_draft(outcome),
            passage=chunk.content if chunk else "",
            headings=chunk.heading_path if chunk else (),
            system_prompt=str(run.config.get("system_prompt") or ""),
            finish_reason=str(outcome["finish_reason"]),
            labels=[str(label) for label in labels] if isinstance(labels, list) else (),
            further=[c.content if c else "" for c in chunks[1:]],
        ),
    )


def _score_to_json(found: RecordScore) -> Item:
    return cast(Item, asdict(found))


def _score_from_json(told: Item) -> RecordScore:
    """What `_told` wrote, after JSON."""
    g = cast("dict[str, Any]", told["grounding"])
    grounding = Grounding(g["score"], tuple(Span(**s) for s in g["spans"]), tuple(g["unsupported"]))
    return RecordScore(grounding, cast(float, told["score"]), tuple(cast("list[str]", told["reasons"])))


def line(r: ScoredRecord) -> dict[str, object]:
    """Of records.jsonl; of rejected.jsonl with its `reasons`."""
    return {
        "slot": r.slot,
        "question": r.draft.question,
        "answer": r.draft.answer,
        "question_type": r.draft.question_type,
        "difficulty": r.draft.difficulty,
        "quality_score": r.score,
        "grounding_score": r.grounding.score,
        "evidence": r.evidence,
        "unsupported": r.grounding.unsupported,
        "chunk_id": r.chunk_id,
        "document_id": r.document_id,
        "page": r.page,
        "teacher": r.teacher,
        "reply": r.reply,
        "duplicate_of": r.duplicate_of,
        "similarity": r.similarity,
        "turns": drafts.turns_of(r.draft),
        "material_at": r.draft.material_at,
        "lineage": r.lineage,
        "asked": r.asked,
    }


def pair(run: Run, r: ScoredRecord) -> Pair:
    floor = run.config.get("auto_accept_min_quality")
    good = isinstance(floor, int | float) and r.score >= floor
    status = "rejected" if r.reasons else "accepted" if good else "pending"
    metadata: Item = {"slot": r.slot, "teacher": r.teacher, "reply": r.reply}
    metadata |= {name: r.asked[name] for name in ("persona", "style") if name in r.asked}
    if r.reasons:
        metadata["reasons"] = list(r.reasons)
    if r.duplicate_of is not None:
        metadata["duplicate_of"] = ids.pair_id(run.project_id, run.run_id, r.duplicate_of)
    if r.grounding.unsupported:
        metadata["unsupported"] = list(r.grounding.unsupported[:MOST_SHOWN])
    prompt = run.config.get("pair_system_prompt")
    return Pair(
        run.project_id,
        ids.pair_id(run.project_id, run.run_id, r.slot),
        run.run_id,
        r.chunk_id,
        r.document_id,
        r.draft.question,
        r.draft.answer,
        r.score,
        round(r.grounding.score, 4),
        r.draft.difficulty,
        r.draft.question_type,
        clock.now(),
        system_prompt=str(prompt) if prompt else None,
        is_duplicate="near_duplicate" in r.reasons,
        evidence=[{"page": r.page, **span} for span in r.evidence[:MOST_SHOWN]],
        lineage=r.lineage,
        metadata=metadata,
        status=status,
        type="multi_turn" if r.draft.turns else "single_turn",
        between=[{**message} for message in drafts.turns_of(r.draft)[1:-1]],
        material_at=r.draft.material_at,
    )

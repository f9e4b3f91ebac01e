"""From a draft to a scored record, and from that to the line of a file and to a pair under review.

A batch scores its own drafts while it waits for replies; the assessment takes that over, unless the chunk was edited
meanwhile: what a pair is scored by is the text as it is then.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from dataforge import clock, ids
from dataforge.platform.ports import Item
from dataforge.quality import check_names, findings, record_scoring, rulings
from dataforge.quality.findings import Finding
from dataforge.quality.policy import Policy
from dataforge.quality.record_scoring import RecordScore, ScoringCase
from dataforge.recipes import classification, drafts
from dataforge.records import Draft, Grounding
from dataforge.store import chunks as chunk_store
from dataforge.store.chunks import StoredChunk
from dataforge.store.pairs import Pair
from dataforge.store.runs import Run
from dataforge.workflows.engine.context import DEFECTS, INTERNAL
from dataforge.workflows.engine.outcomes import Drafted
from dataforge.workflows.generation import lineage as generation_lineage
from dataforge.workflows.generation import redacting
from dataforge.workflows.generation.config import GenerationConfig
from dataforge.workflows.generation.pair_drafts import PairDraft, content_hash
from dataforge.workflows.generation.redacting import Redactor

logger = logging.getLogger(__name__)

_NOT_ASKED = "the passage was changed, or the batch was cut off, after the record was written"
MAX_SHOWN = 50
"""Spans, findings and unsupported words that a pair carries; `records.jsonl` has them all."""
MAX_WORDS, MAX_WORD = 20, 200
"""Words of a finding, and characters of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRecord:
    """A draft with everything quality found out about it."""

    slot: int
    reply: str
    teacher: str
    content: PairDraft
    score: RecordScore
    reasons: tuple[str, ...]
    """Why it is rejected; empty: delivered."""
    evidence: list[Item]
    """The spans of the grounding, with their place in the document."""
    lineage: Item
    duplicate_of: int | None = None
    similarity: float | None = None
    flags: tuple[Finding, ...] = ()
    """Why a person should look at it; found by the checks of the record, and by those over several records."""

    @property
    def against(self) -> tuple[Finding, ...]:
        """All that speaks against it: what rejects it first."""
        known = {f.check: f for f in self.score.findings}
        rejecting = tuple(known.get(name) or Finding(name, "reject") for name in self.reasons)
        return (*rejecting, *(f for f in self.flags if f.check not in self.reasons))

    @property
    def draft(self) -> Draft:
        return self.content.draft

    @property
    def chunk_id(self) -> str:
        return self.content.sources[0].chunk_id


def score_all(run: Run, config: GenerationConfig, drafted: Sequence[Drafted[PairDraft]]) -> list[ScoredRecord]:
    """Drafts as they are scored against the chunks of now; near-duplicates are found later, over the whole run."""
    wanted = list({chunk_id: None for one in drafted for chunk_id in one.content.chunk_ids})
    chunks = {c.chunk_id: c for c in chunk_store.get_many(run.project_id, wanted)}
    redactor = redacting.of_run(run, config)
    return [_record(config, one, [chunks.get(c) for c in one.content.chunk_ids], redactor) for one in drafted]


def _record(
    config: GenerationConfig,
    drafted: Drafted[PairDraft],
    sources: Sequence[StoredChunk | None],
    redactor: Redactor,
) -> ScoredRecord:
    content = drafted.content
    unchanged = [s.sha256 for s in content.sources] == [content_hash(c.content) if c else None for c in sources]
    score = content.score if unchanged and content.score else _scored_anew(config, content, sources, redactor)
    return ScoredRecord(
        slot=drafted.slot,
        reply=drafted.reply,
        teacher=drafted.teacher,
        content=content,
        score=score,
        reasons=score.reasons,
        flags=score.flags,
        evidence=generation_lineage.spans(score.grounding.spans, sources),
        lineage=generation_lineage.of_record(drafted, sources),
    )


def _scored_anew(
    config: GenerationConfig, content: PairDraft, sources: Sequence[StoredChunk | None], redactor: Redactor
) -> RecordScore:
    """What a verifier said was about another text, or was lost with the batch."""
    score = score_of(config, content, sources, redactor)
    return rulings.unverified(score, _NOT_ASKED) if rulings.is_asked(score, config.verify) else score


def score_of(
    config: GenerationConfig, content: PairDraft, sources: Sequence[StoredChunk | None], redactor: Redactor
) -> RecordScore:
    """What the checks say of a draft; rejected for `internal_error` where one of them fails on it. sources: its chunks
    as they are now, None for one that is gone."""
    try:
        read = [redactor.chunk(c) if c else None for c in sources]
        found = record_scoring.score(_case(config, content, read), config.recipe.ground, config.policy)
        return redactor.located(found, list(sources))
    except DEFECTS:
        logger.exception("a draft could not be scored")
        return RecordScore(Grounding(0.0), 0.0, (INTERNAL,))


def _case(config: GenerationConfig, content: PairDraft, sources: Sequence[StoredChunk | None]) -> ScoringCase:
    chunk = sources[0]
    return ScoringCase(
        draft=content.draft,
        kind=config.recipe.name,
        passage=chunk.content if chunk else "",
        headings=chunk.heading_path if chunk else (),
        system_prompt=config.system_prompt or "",
        finish_reason=content.finish_reason,
        labels=classification.LABELS.of(config),
        further=[c.content if c else "" for c in sources[1:]],
        wanted_language=config.language,
    )


def settled(r: ScoredRecord, policy: Policy) -> ScoredRecord:
    """As `config.checks` wants findings to count that no check of one record makes."""
    names = check_names.OTHERS.keys() & policy.single.keys()
    found = [f for f in r.against if f.check in names]
    if not found:
        return r
    kept = [f for one in found if (f := policy.settled(one)) is not None]
    return replace(
        r,
        reasons=(*(n for n in r.reasons if n not in names), *findings.reasons(kept)),
        flags=(*(f for f in r.flags if f.check not in names), *findings.flags(kept)),
    )


def line(r: ScoredRecord) -> dict[str, object]:
    """Of records.jsonl."""
    grounding, source = r.score.grounding, r.content.sources[0]
    return {
        "slot": r.slot,
        "question": r.draft.question,
        "answer": r.draft.answer,
        "question_type": r.draft.question_type,
        "difficulty": r.draft.difficulty,
        "quality_score": r.score.score,
        "grounding_score": grounding.score,
        "evidence": r.evidence,
        "unsupported": grounding.unsupported,
        "flags": [f.to_json() for f in r.flags],
        **_verification(r.score),
        "chunk_id": source.chunk_id,
        "document_id": source.document_id,
        "page": source.page,
        "teacher": r.teacher,
        "reply": r.reply,
        "duplicate_of": r.duplicate_of,
        "similarity": r.similarity,
        "turns": drafts.turns_of(r.draft),
        "material_at": r.draft.material_at,
        "lineage": r.lineage,
        "asked": r.content.asked,
    }


def rejected_line(r: ScoredRecord) -> dict[str, object]:
    """Of rejected.jsonl."""
    return {**line(r), "flags": [], "reasons": r.reasons, "rejected_by": [f.to_json() for f in r.against]}


def _shown(found: Sequence[Finding]) -> list[Item]:
    """As a pair carries them, so that its item stays small."""
    short = (replace(f, words=tuple(w[:MAX_WORD] for w in f.words[:MAX_WORDS])) for f in found[:MAX_SHOWN])
    return [cast(Item, f.to_json()) for f in short]


def _verification(score: RecordScore) -> Item:
    """What a verifier said, as its own field; none where it said nothing."""
    return {"verification": cast(Item, score.verification.to_json())} if score.verification else {}


def pair(run: Run, config: GenerationConfig, r: ScoredRecord) -> Pair:
    """The record as a pair under review."""
    source, grounding, asked = r.content.sources[0], r.score.grounding, r.content.asked
    floor = config.auto_accept_min_quality
    good = floor is not None and r.score.score >= floor and not r.flags
    metadata: Item = {"slot": r.slot, "teacher": r.teacher, "reply": r.reply}
    metadata |= {name: asked[name] for name in ("persona", "style") if name in asked}
    if r.reasons:
        metadata["reasons"] = list(r.reasons)
    metadata |= _verification(r.score)
    if r.duplicate_of is not None:
        metadata["duplicate_of"] = ids.pair_id(run.project_id, run.run_id, r.duplicate_of)
    if grounding.unsupported:
        metadata["unsupported"] = list(grounding.unsupported[:MAX_SHOWN])
    return Pair(
        project_id=run.project_id,
        pair_id=ids.pair_id(run.project_id, run.run_id, r.slot),
        run_id=run.run_id,
        chunk_id=source.chunk_id,
        document_id=source.document_id,
        question=r.draft.question,
        answer=r.draft.answer,
        quality_score=r.score.score,
        grounding_score=round(grounding.score, 4),
        difficulty=r.draft.difficulty,
        question_type=r.draft.question_type,
        created_at=clock.now(),
        system_prompt=config.pair_system_prompt,
        is_duplicate=any(f.check == "near_duplicate" for f in r.against),
        flags=[] if r.reasons else _shown(r.flags),
        rejected_by=_shown(r.against) if r.reasons else [],
        evidence=[{"page": source.page, **span} for span in r.evidence[:MAX_SHOWN]],
        lineage=r.lineage,
        metadata=metadata,
        status="rejected" if r.reasons else "accepted" if good else "pending",
        type="multi_turn" if r.draft.turns else "single_turn",
        between=[{**message} for message in drafts.turns_of(r.draft)[1:-1]],
        material_at=r.draft.material_at,
    )

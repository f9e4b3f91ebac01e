"""Stored records as wire bodies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from dataforge.platform import current
from dataforge.store import chunks, documents, pairs, progress, revisions, run_events, runs
from dataforge.store import exports as export_store
from dataforge.store import projects as store_projects
from dataforge.store.review_facts import SCORE_UNIT
from dataforge.workflows import kinds, pausing
from dataforge.workflows.exporting import export as exporting_export
from dataforge.workflows.review.analytics import Numbers
from dataforge_functions.api.wire import data_forge as wire
from dataforge_functions.api.wire import generations as running
from dataforge_functions.api.wire import review as reviewing
from dataforge_functions.api.wire.splits import ExportSplits, SplitFile
from dataforge_functions.api.wire.trace_views import lineage


def project(p: store_projects.Project, exports: Sequence[export_store.Export] | None = None) -> wire.Project:
    """exports: all of its own, where they are known already."""
    if exports is None:
        exports = export_store.of_project(p.project_id) if p.version else []
    stats = wire.ProjectStats(
        total_documents=p.documents,
        total_chunks=p.chunks,
        total_pairs=p.pairs,
        accepted_pairs=p.approved,
        rejected_pairs=p.rejected,
        pending_pairs=p.pending,
        avg_quality_score=_average(p),
    )
    return wire.Project(
        projectId=p.project_id,
        name=p.name,
        description=p.description,
        status=p.status,
        sourceType=p.source_type,
        userId=p.user_id,
        organizationId=p.org_id,
        s3Prefix=p.s3_prefix,
        stats=stats,
        defaultConfig=p.config,
        currentVersion=p.version,
        versions=[export_version(e) for e in exports],
        createdAt=p.created_at,
        updatedAt=p.updated_at,
    )


def projects(several: Sequence[store_projects.Project]) -> list[wire.Project]:
    """The exports of all of them in one read."""
    exports = export_store.of_projects(several)
    return [project(p, exports[p.project_id]) for p in several]


def _average(p: store_projects.Project) -> float | None:
    return round(p.score_sum / p.scored / SCORE_UNIT, 4) if p.scored else None


def analytics(p: store_projects.Project, found: Numbers) -> reviewing.Analytics:
    return reviewing.Analytics(
        projectId=p.project_id,
        projectName=p.name,
        documents=reviewing.DocumentNumbers(total=p.documents, parsed=found.parsed, failed=found.failed),
        chunks=reviewing.ChunkNumbers(total=p.chunks, by_type=found.chunk_types),
        pairs=reviewing.PairNumbers(
            total=p.pairs,
            accepted=p.approved,
            rejected=p.rejected,
            pending=p.pending,
            flagged=found.flagged,
            flagged_pending=found.flagged_pending,
            by_flag=found.by_flag,
            avg_quality_score=_average(p),
        ),
        qualityDistribution=[reviewing.QualityRange(range=r, count=n) for r, n in found.quality.items()],
        generations=reviewing.GenerationNumbers(
            total=found.runs, completed=found.runs_completed, running=found.runs_active, failed=found.runs_failed
        ),
        exportsCount=p.version,
    )


def document(d: documents.Document) -> wire.Document:
    error = wire.DocumentError(reason=d.error_reason or "corrupted", message=d.error) if d.error else None
    return wire.Document(
        documentId=d.document_id,
        projectId=d.project_id,
        name=d.name,
        mimeType=d.mime_type,
        fileSize=d.size,
        s3Key=d.s3_key,
        parsingStatus=d.parsing_status,
        chunkCount=d.chunk_count,
        createdAt=d.created_at,
        metadata=d.metadata,
        source=d.source,
        url=d.url,
        fetched=_fetched(d),
        checksum=d.checksum,
        verified=d.verified,
        detectedType=d.detected_type,
        chunkTypes={kind: int(str(n)) for kind, n in d.chunk_types.items()},
        pages=d.pages,
        warnings=d.warnings,
        error=error,
        parsedAt=d.parsed_at,
    )


def _fetched(d: documents.Document) -> wire.Fetched | None:
    if not d.fetched:
        return None
    fetched = {name: str(d.fetched.get(name) or "") for name in ("final_url", "content_type", "fetched_at")}
    return wire.Fetched(
        finalUrl=fetched["final_url"], contentType=fetched["content_type"], fetchedAt=fetched["fetched_at"]
    )


def chunk(c: chunks.StoredChunk) -> wire.Chunk:
    top = c.heading_path[0] if c.heading_path else None
    topic = re.sub(r"[\W_]+", "-", top.casefold()).strip("-") if top else None
    made = sum(n for n in c.pairs_by_run.values() if isinstance(n, int))
    return wire.Chunk(
        chunkId=c.chunk_id,
        projectId=c.project_id,
        documentId=c.document_id,
        content=c.content,
        heading=c.heading_path[-1] if c.heading_path else None,
        headingPath=c.heading_path,
        pageNumber=c.page,
        position=c.position,
        contentType=c.content_type,
        topic=topic or None,
        difficulty=c.difficulty,
        pairsGenerated=made,
        excluded=c.excluded,
        metadata=c.metadata,
        warnings=[wire.ChunkWarning.model_validate(warning) for warning in c.warnings],
        tokenCount=c.tokens,
        startOffset=c.start,
        endOffset=c.end,
        createdAt=c.created_at,
        updatedAt=c.updated_at,
        revision=revisions.of_chunk(c),
    )


def generation(run: runs.Run) -> running.Generation:
    """While it runs, counts and cost come from the progress notes of its batches."""
    live = run.status in runs.ACTIVE
    now, spent = run_events.measure(run) if live else (progress.Progress(), None)
    cost = spent.cost_usd if spent else run.cost_usd
    cost = None if cost is None else round(cost, 6)
    return running.Generation(
        generationId=run.run_id,
        projectId=run.project_id,
        kind=run.kind,
        config=run.config,
        status=run.status,
        stage=run.stage,
        progress=run_events.percent(run, now),
        progressDetail=_detail(run, now, cost),
        jobName=f"df-{run.kind}-{run.run_id[:8]}",
        results=run.results or _results_so_far(run, spent),
        counts=running.Counts(
            requested=run.requested,
            asked=run.asked,
            delivered=run.delivered,
            flagged=run.flagged,
            rejected=run.rejected,
            failed=run.failed,
        ),
        reasons=run.reasons or {"rejected": {}, "failed": {}},
        tokens=running.Tokens(
            input=spent.input_tokens if spent else run.input_tokens,
            output=spent.output_tokens if spent else run.output_tokens,
            cached=spent.cached_tokens if spent else run.cached_tokens,
        ),
        costUsd=cost,
        estimate=running.Estimate.model_validate(run.estimate) if run.estimate else None,
        stopReason=run.stop_reason,
        pausedReason=pausing.reason(run),
        cancelRequested=run.cancel_requested,
        report=run.report,
        error=run.error,
        startedAt=run.started_at,
        completedAt=run.completed_at,
        createdAt=run.created_at,
    )


def _detail(run: runs.Run, now: progress.Progress, cost: float | None) -> running.StageProgress:
    """Exact counts; rate and time left as the run's last event has them."""
    if run.status not in runs.ACTIVE:
        return running.StageProgress(stage=run.stage, done=run.asked, total=run.asked, costUsd=cost)
    total = run.asked - (run.delivered + run.rejected + run.failed)  # settled slots belong to earlier rounds
    latest = run_events.latest(run.run_id)
    rate = latest.rate_per_second if latest and latest.stage == run.stage else None
    left = max(0, total - now.done) / rate if rate else None
    return running.StageProgress(
        stage=run.stage,
        done=now.done,
        total=max(total, now.done),
        ratePerSecond=rate,
        etaSeconds=None if left is None else round(left, 1),
        costUsd=cost,
    )


def _results_so_far(run: runs.Run, spent: progress.Progress | None) -> wire.Json:
    if spent is None or not kinds.of(run.kind).calls_teachers:
        return {}
    return {
        "chunks_processed": 0,
        "pairs_generated": spent.done - spent.failed,
        "pairs_valid": run.delivered,
        "avg_quality_score": None,
        "tokens_used": spent.input_tokens + spent.output_tokens,
    }


def pair(p: pairs.Pair) -> reviewing.Pair:
    return reviewing.Pair.model_validate(
        {  # turns and all in one go: a page has up to 500 pairs
            "pairId": p.pair_id,
            "projectId": p.project_id,
            "chunkId": p.chunk_id,
            "documentId": p.document_id,
            "generationId": p.run_id,
            "type": p.type,
            "systemPrompt": p.system_prompt,
            "messages": [{"role": m.role, "content": m.content} for m in exporting_export.messages(p)],
            "question": p.question,
            "answer": p.answer,
            "qualityScore": p.quality_score,
            "groundingScore": p.grounding_score,
            "complexityLevel": p.difficulty,
            "questionType": p.question_type,
            "isDuplicate": p.is_duplicate,
            "flags": p.flags,
            "rejectedBy": p.rejected_by,
            "status": p.status,
            "reviewerNotes": p.reviewer_notes,
            "evidence": p.evidence,
            "metadata": p.metadata,
            "lineage": lineage(p.lineage),
            "createdAt": p.created_at,
            "updatedAt": p.updated_at,
            "revision": revisions.of_pair(p),
        }
    )


def edited(record: object) -> reviewing.Pair | wire.Chunk:
    """What an edit met in the place of what its sender had read."""
    if isinstance(record, pairs.Pair):
        return pair(record)
    assert isinstance(record, chunks.StoredChunk)  # noqa: S101  nothing else has a revision
    return chunk(record)


def export_version(e: export_store.Export) -> wire.ExportVersion:
    return wire.ExportVersion(
        version=e.version,
        format=e.format,
        s3Key=e.s3_key,
        pairCount=e.pair_count,
        fileSize=e.file_size,
        includeSystemPrompt=e.include_system_prompt,
        minQualityScore=e.min_quality_score,
        createdAt=e.created_at,
        escapedCount=e.escaped_count,
        flaggedCount=e.flagged_count,
        duplicateCount=e.duplicate_count,
        leftOut=wire.ExportLeftOut.model_validate(e.left_out),
        splits=_splits(e),
    )


def _splits(e: export_store.Export) -> ExportSplits | None:
    if not e.splits:
        return None
    files = cast("dict[str, dict[str, Any]]", e.splits["files"])
    shown = {
        name: SplitFile(s3Key=f["s3_key"], pairCount=f["pair_count"], fileSize=f["file_size"])
        for name, f in files.items()
    }
    return ExportSplits.model_validate({**e.splits, "files": shown})


def export(e: export_store.Export) -> wire.Export:
    """With a fresh URL, valid for an hour."""
    url = current().files.presign_get(e.s3_key, filename=f"dataset-v{e.version}-{e.format}.jsonl")
    made = wire.Export(**export_version(e).model_dump(), downloadUrl=url)
    for name, file in (made.splits.files if made.splits else {}).items():
        file.downloadUrl = current().files.presign_get(
            file.s3Key, filename=f"dataset-v{e.version}-{e.format}.{name}.jsonl"
        )
    return made

"""The steps of `dataforge run`: upload, parse, generate, export. A resumed run skips the steps that are done."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge_client.cli.formatting import counts_line, program_name
from dataforge_client.cli.job_progress import JobProgress
from dataforge_client.cli.progress import ProgressUpdate, Reporter
from dataforge_client.cli.run_request import RunRequest, RunResult, RunState
from dataforge_client.cli.sources import SkippedFile, Source, document_key
from dataforge_client.cli.uploads import upload_all
from dataforge_client.errors import ClientError, GenerationFailed, Invalid

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.models import Document, Export, Generation, Pair


class NothingToAsk(ClientError):
    """No document has a chunk to generate from. The class name is the error code in the JSON output."""


class NothingAccepted(ClientError):
    """No delivered pair reached --min-quality. The class name is the error code in the JSON output."""


def run_pipeline(forge: DataForge, request: RunRequest, state: RunState, reporter: Reporter) -> RunResult:
    """Run all steps that are not done yet. Raises ClientError; `state` then says where to resume."""
    job = _resumed_job(forge, request, state)
    if job is None:
        project_id = _prepare_project(forge, request, state, reporter)
        job = _find_started_job(forge, request, project_id) or _start_generation(forge, request, project_id)
        state.generation_id = job.generation_id
    else:
        _report_missing_sources(forge, job.project_id, request.sources, state)
    reporter.event("generation", {"generation_id": job.generation_id, "project_id": job.project_id})
    finished = _wait_for_generation(forge, job.generation_id, state, reporter)
    export = _export_dataset(forge, request, finished, reporter)
    losses = _download_losses(forge, request, finished, reporter) if request.write_losses else ()
    documents = forge.list_documents(finished.project_id)
    return RunResult(finished, documents, export, _sample_pairs(forge, finished), losses)


def estimate_run(forge: DataForge, request: RunRequest, state: RunState, reporter: Reporter) -> Generation:
    """Upload and parse, then estimate the generation without starting it. Raises ClientError as `run_pipeline` does."""
    job = _resumed_job(forge, request, state)
    if job is not None:
        raise ClientError(f"{job.generation_id} has been started already; --dry-run works only before that")
    project_id = _prepare_project(forge, request, state, reporter)
    return _start_generation(forge, request, project_id, estimate=True)


def _prepare_project(forge: DataForge, request: RunRequest, state: RunState, reporter: Reporter) -> str:
    """Create the project unless it exists, upload its documents and parse them. Returns the project's id."""
    if state.project_id is None:
        state.project_id = forge.create_project(request.project).project_id
        _validate_request(forge, request, state)
    elif _find_started_job(forge, request, state.project_id) is None:
        _validate_request(forge, request, state)
    reporter.event("project", {"project_id": state.project_id})
    upload_all(forge, state.project_id, request.sources, state.skipped, reporter)
    _parse_documents(forge, state.project_id, reporter)
    return state.project_id


_NEED_DOCUMENTS = ("NO_CHUNKS", "NO_LABELS", "TOO_SMALL")
"""Errors of an estimate that may only mean that the documents are not uploaded yet."""


def _validate_request(forge: DataForge, request: RunRequest, state: RunState) -> None:
    """Request an estimate before the upload: the server can refuse a teacher or an option without any document.

    Raises the server's error; a project that this run created is then deleted again. The default teacher without
    special options is not checked, since every server accepts it.
    """
    project_id = state.project_id
    if project_id is None or (request.teacher == "extractive" and not request.has_special_options):
        return
    try:
        _start_generation(forge, request, project_id, estimate=True)
    except Invalid as refusal:
        if refusal.code in _NEED_DOCUMENTS:
            return
        if request.resume is None:
            state.project_id = None
            with suppress(ClientError):  # a failed deletion must not hide the refusal
                forge.delete_project(project_id)
        raise


def _resumed_job(forge: DataForge, request: RunRequest, state: RunState) -> Generation | None:
    """The generate job that --resume names; None when --resume is not given or names a project or a parse job."""
    if request.resume is None:
        return None
    if not request.resume.startswith("gen"):
        state.project_id = forge.get_project(request.resume).project_id
        return None
    job = forge.get_generation(request.resume)
    state.project_id = job.project_id
    if job.kind == "parse":
        return None
    state.generation_id = job.generation_id
    return job


def _report_missing_sources(forge: DataForge, project_id: str, sources: Sequence[Source], state: RunState) -> None:
    """Add the sources that were not uploaded before the job started, and so are not in its dataset, to `skipped`."""
    uploaded = {document_key(d.name, d.url) for d in forge.list_documents(project_id)}
    state.skipped += [
        SkippedFile(s.url or s.path, "failed", "not_uploaded", "was not uploaded before the generation started")
        for s in sources
        if document_key(s.name, s.url) not in uploaded
    ]


def _parse_documents(forge: DataForge, project_id: str, reporter: Reporter) -> None:
    """Parse the documents that are not parsed yet, after any parse job that an earlier run started.

    Raises NothingToAsk when no document has a chunk, GenerationFailed when a parse job failed.
    """
    failure: GenerationFailed | None = None
    try:
        for job in forge.list_generations(project_id):
            if job.kind == "parse" and not job.closed:
                forge.wait(job.generation_id, JobProgress(reporter))
        if any(d.parsing_status in ("pending", "parsing") for d in forge.list_documents(project_id)):
            forge.wait(forge.parse(project_id).generation_id, JobProgress(reporter))
    except GenerationFailed as problem:
        failure = problem
    documents = forge.list_documents(project_id)
    for document in documents:
        if document.parsing_status == "failed":
            reason, message = failure_reason(document)
            event = {"name": document.name, "status": "failed", "reason": reason, "message": message}
            reporter.event("document", event)
            reporter.note(f"  {document.name} cannot be used: {message}")
    if not any(d.chunk_count for d in documents):
        raise NothingToAsk(str(failure or "No document contains text to generate pairs from."))
    if failure is not None:
        raise failure


def failure_reason(document: Document) -> tuple[str, str]:
    """The reason code of a failed document, and a message that says what the user can do."""
    if document.error is None:
        return "unknown", "it could not be parsed; see the log of the parse job"
    reason = document.error.reason or "unknown"
    return reason, document.error.message or reason


def _find_started_job(forge: DataForge, request: RunRequest, project_id: str) -> Generation | None:
    """The latest job that an interrupted run started for the same request; None without --resume."""
    if request.resume is None:
        return None
    same_request = [
        g
        for g in forge.list_generations(project_id)
        if g.kind == "generate"
        and g.status not in ("failed", "cancelled")
        and g.config.get("num_pairs") == request.pairs
        and g.config.get("model_id") == request.teacher
        and g.config.get("max_cost_usd") == request.max_cost
        and g.config.get("mode") == request.mode
    ]
    return max(same_request, key=lambda g: g.created_at, default=None)


def _start_generation(
    forge: DataForge, request: RunRequest, project_id: str, *, estimate: bool | None = None
) -> Generation:
    return forge.generate(
        project_id,
        request.teacher,
        num_pairs=request.pairs,
        temperature=request.temperature,
        system_prompt=request.system_prompt,
        max_cost_usd=request.max_cost,
        estimate=estimate,
        config=request.generation_config(),
    )


def _wait_for_generation(forge: DataForge, generation_id: str, state: RunState, reporter: Reporter) -> Generation:
    """The completed job. Raises ClientError when it failed or was cancelled."""
    try:
        job = forge.wait(generation_id, JobProgress(reporter))
    except GenerationFailed:
        state.generation_id = None  # a resumed run starts a new job on the same chunks
        raise
    if job.status == "cancelled":
        state.generation_id = None
        raise ClientError(
            f"{generation_id} was cancelled. Its pairs are kept; `{program_name()} export {job.project_id}` "
            "writes the accepted ones"
        )
    return job


def _export_dataset(forge: DataForge, request: RunRequest, job: Generation, reporter: Reporter) -> Export:
    """Export the accepted pairs to `request.out`. Raises NothingAccepted when there are none."""
    try:
        export = forge.export(job.project_id, format=request.format)
    except Invalid as problem:
        if problem.code != "NO_EXPORTABLE_PAIRS":
            raise
        threshold = job.config.get("auto_accept_min_quality", request.min_quality)
        raise NothingAccepted(
            f"No pair scored {threshold} or more, so none is accepted: {counts_line(job.counts)}. "
            f"Review them ({program_name()} pairs {job.project_id}), or run again with a lower --min-quality"
        ) from None
    total = export.file_size

    def on_bytes(count: int) -> None:
        reporter.update(ProgressUpdate("export", count, total, "bytes"))

    downloaded = forge.download_export(job.project_id, export.version, request.out, on_bytes=on_bytes)
    reporter.update(ProgressUpdate("export", total, total, "bytes", finished=True))
    return downloaded


def _download_losses(forge: DataForge, request: RunRequest, job: Generation, reporter: Reporter) -> list[Path]:
    """Write the rejected and failed slots with their reasons. A failed download is reported, not raised."""
    written: list[Path] = []
    for outcome, count in (("rejected", job.counts.rejected), ("failed", job.counts.failed)):
        path = request.losses_path(outcome)
        if not count:
            path.unlink(missing_ok=True)  # a file of an earlier run would not match the counts of this one
            continue
        try:
            forge.download_outcome(job.generation_id, outcome, path)
            written.append(path)
        except ClientError as problem:
            reporter.note(
                f"  the {outcome} records could not be downloaded ({problem}); try again with: "
                f"{program_name()} records {job.generation_id} --outcome {outcome}"
            )
    return written


def _sample_pairs(forge: DataForge, job: Generation) -> list[Pair]:
    """The first, the middle and the last accepted pair, without regard to their scores."""

    def pair_at(position: int) -> tuple[list[Pair], int]:
        page = forge.list_pairs(
            job.project_id, page=position, page_size=1, status="accepted", generation_id=job.generation_id
        )
        return list(page.items), page.total

    first, total = pair_at(1)
    others = sorted({(total + 1) // 2, total} - {0, 1})
    return first + [pair for position in others for pair in pair_at(position)[0]]

"""The steps of `dataforge run`: upload, parse, generate, export. A resumed run skips the steps that are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge_client.cli import splits
from dataforge_client.cli.finding import find_project
from dataforge_client.cli.formatting import counts_line
from dataforge_client.cli.job_progress import JobProgress
from dataforge_client.cli.progress import ProgressUpdate, Reporter
from dataforge_client.cli.quality_pages import save_page
from dataforge_client.cli.resuming import check_options, described, is_generation, latest_job, stored_request
from dataforge_client.cli.run_request import RunRequest, RunResult, RunState
from dataforge_client.cli.uploads import upload_all
from dataforge_client.errors import ClientError, GenerationFailed, Invalid
from dataforge_client.folders import SkippedFile, Source, document_key

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.literals import Outcome
    from dataforge_client.models import Document, Export, Generation, Pair


class NothingToAsk(ClientError):
    """No document has a chunk to generate from. The class name is the error code in the JSON output."""


class NothingAccepted(ClientError):
    """No delivered pair reached --min-quality. The class name is the error code in the JSON output."""


def run_pipeline(
    forge: DataForge, request: RunRequest, state: RunState, reporter: Reporter, *, on_known: Callable[[], None]
) -> RunResult:
    """Run all steps that are not done yet. Raises ClientError; `state` then says where to resume.

    on_known: called once, as soon as `state` has the id of the run.
    """
    request, job = _resumed(forge, request, state, reporter)
    if job is None:
        project_id = _prepare_project(forge, request, state, reporter, on_known)
        job = _start_generation(forge, request, project_id)
        state.generation_id = job.generation_id
    else:
        on_known()
        _report_missing_sources(forge, job.project_id, request.sources, state)
    reporter.event("generation", {"generation_id": job.generation_id, "project_id": job.project_id})
    finished = _wait_for_generation(forge, request, job.generation_id, state, reporter)
    losses = _download_losses(forge, request, finished, reporter) if request.write_losses else []
    state.losses = losses
    export = _export_dataset(forge, request, finished, reporter)
    documents = forge.list_documents(finished.project_id)
    page = save_page(partial(forge.get_generation_report, finished.generation_id), request.page_path)
    return RunResult(finished, documents, export, _sample_pairs(forge, finished), losses=losses, page=page)


def estimate_run(
    forge: DataForge, request: RunRequest, state: RunState, reporter: Reporter, *, on_known: Callable[[], None]
) -> Generation:
    """Upload and parse, then estimate the generation without starting it. Raises ClientError as `run_pipeline` does."""
    request, job = _resumed(forge, request, state, reporter)
    if job is not None:
        raise ClientError(f"{job.generation_id} has been started already; --dry-run works only before that")
    project_id = _prepare_project(forge, request, state, reporter, on_known)
    return _start_generation(forge, request, project_id, estimate=True)


def _prepare_project(
    forge: DataForge, request: RunRequest, state: RunState, reporter: Reporter, on_known: Callable[[], None]
) -> str:
    """Create the project unless it exists, upload its documents and parse them. Returns the project's id.

    The project keeps the request as its default configuration, so that a resumed run needs no option.
    """
    if state.project_id is None:
        state.project_id = forge.create_project(request.project, config=request.options()).project_id
        state.is_stored = True
    _validate_request(forge, request, state)
    on_known()
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
            state.project_id, state.is_stored = None, False
            with suppress(ClientError):  # a failed deletion must not hide the refusal
                forge.delete_project(project_id)
        raise


def _resumed(
    forge: DataForge, request: RunRequest, state: RunState, reporter: Reporter
) -> tuple[RunRequest, Generation | None]:
    """The request with what is stored of the run that --resume names, and its generate job if it can be continued.

    A job that failed or was cancelled is started again, with its own request. Raises DifferentRequest.
    """
    if request.resume is None:
        return request, None
    named = forge.get_generation(request.resume) if is_generation(request.resume) else None
    state.project_id = named.project_id if named else find_project(forge, request.resume)
    if named is not None and named.kind != "parse":
        job: Generation | None = named
    else:
        job = latest_job(forge.list_generations(state.project_id))
    what = job.generation_id if job else state.project_id
    stored = stored_request(forge, state.project_id, job)
    if stored is None:
        reporter.note(f"{what} has no stored request: the options of this command are used")
    else:
        state.is_stored = True
        check_options(request, stored, what)
        reporter.note(f"Resuming {what} with the request that it was started with: {described(stored)}")
        request = replace(request, stored=stored)
    if job is None or (named is not job and job.status in ("failed", "cancelled")):
        if not request.sources:
            reporter.note("No paths are given: the documents that were uploaded before are used")
        return request, None
    state.generation_id = job.generation_id
    return request, job


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
        raise NothingToAsk(why_no_text(failure))
    if failure is not None:
        raise failure


def why_no_text(failure: GenerationFailed | None) -> str:
    """The parse job's error."""
    return (failure and failure.generation.error) or "No document contains text to generate pairs from."


def failure_reason(document: Document) -> tuple[str, str]:
    """The reason code of a failed document, and a message that says what the user can do."""
    if document.error is None:
        return "unknown", "it could not be parsed; see the log of the parse job"
    reason = document.error.reason or "unknown"
    return reason, document.error.message or reason


def _start_generation(
    forge: DataForge, request: RunRequest, project_id: str, *, estimate: bool | None = None
) -> Generation:
    if request.stored is not None:
        config = {name: value for name, value in request.stored.items() if name != "model_id"}
        return forge.generate(project_id, str(request.stored["model_id"]), estimate=estimate, config=config)
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


def _wait_for_generation(
    forge: DataForge, request: RunRequest, generation_id: str, state: RunState, reporter: Reporter
) -> Generation:
    """The completed job. Raises ClientError when it failed or was cancelled."""
    try:
        job = forge.wait(generation_id, JobProgress(reporter))
    except GenerationFailed as failed:
        state.generation_id = None  # a resumed run starts a new job on the same chunks
        if request.write_losses:
            state.losses = _download_losses(forge, request, failed.generation, reporter)
        raise
    if job.status == "cancelled":
        state.generation_id = None
        export = request.command_line("export", job.project_id, "--out", str(request.out.absolute()))
        raise ClientError(f"{generation_id} was cancelled. Its pairs are kept; this writes the accepted ones: {export}")
    return job


def _export_dataset(forge: DataForge, request: RunRequest, job: Generation, reporter: Reporter) -> Export:
    """Export the accepted pairs to `request.out`. Raises NothingAccepted when there are none."""
    try:
        export = forge.export(job.project_id, format=request.format, split=request.split)
    except Invalid as problem:
        if problem.code != "NO_EXPORTABLE_PAIRS":
            raise
        threshold = job.config.get("auto_accept_min_quality", request.min_quality)
        why = f"No pair scored {threshold} or more without a flag" if threshold else "Every delivered pair is flagged"
        raise NothingAccepted(
            f"{why}, so none is accepted: {counts_line(job.counts)}. "
            f"Review them ({request.command_line('pairs', job.project_id)}), or run again with "
            f"{'a lower --min-quality' if threshold else '--checks lenient'}. The job is {job.generation_id}"
        ) from None
    total = export.file_size

    def on_bytes(count: int) -> None:
        reporter.update(ProgressUpdate("export", count, total, "bytes"))

    downloaded = forge.download_export(job.project_id, export.version, request.out, on_bytes=on_bytes)
    splits.download(forge, job.project_id, downloaded, request.out)
    reporter.update(ProgressUpdate("export", total, total, "bytes", finished=True))
    for line in splits.told(downloaded, request.out):
        reporter.note(f"  {line}")
    return downloaded


def _download_losses(forge: DataForge, request: RunRequest, job: Generation, reporter: Reporter) -> list[Path]:
    """Write the rejected and failed slots with their reasons. A failed download is reported, not raised."""
    written: list[Path] = []
    losses: tuple[tuple[Outcome, int], ...] = (("rejected", job.counts.rejected), ("failed", job.counts.failed))
    for outcome, count in losses:
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
                + request.command_line(
                    "records", job.generation_id, "--outcome", outcome, "--out", str(path.absolute())
                )
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

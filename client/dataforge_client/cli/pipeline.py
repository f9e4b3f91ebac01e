"""The road of `dataforge run`: upload, parse, generate, export. It can be entered again at any milestone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge_client.cli.bars import Reporter, Step
from dataforge_client.cli.sources import Source, Unused, known_by
from dataforge_client.cli.texts import counts_line, program
from dataforge_client.cli.uploading import upload_all
from dataforge_client.cli.watch import Watch
from dataforge_client.errors import ClientError, GenerationFailed, Invalid

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.models import Document, Export, Generation, Pair


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asked for. out: `-` means stdout. resume: the id of a project or a generation."""

    sources: Sequence[Source]
    pairs: int | None
    out: Path
    format: str
    teacher: str
    project: str
    min_quality: float
    system_prompt: str | None = None
    temperature: float | None = None
    seed: int | None = None
    resume: str | None = None
    max_cost: float | None = None
    mode: str | None = None
    dry_run: bool = False
    spread: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Question types, personas and styles as they were typed, `value` or `value=share`, by their name in `config`."""
    multi_hop: float | None = None
    keep_losses: bool = True
    """Write what was rejected or failed beside the dataset."""

    def beside(self, outcome: str) -> Path:
        """`dataset.jsonl` -> `dataset.rejected.jsonl`."""
        return self.out.with_name(f"{self.out.stem}.{outcome}{self.out.suffix}")


@dataclass(slots=True)
class Trail:
    """How far the run got: what a resume starts from."""

    project_id: str | None = None
    generation_id: str | None = None
    unused: list[Unused] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    generation: Generation
    documents: Sequence[Document]
    export: Export
    samples: Sequence[Pair]
    losses: Sequence[Path] = ()
    """Files with what was rejected or failed."""


class NothingToAsk(ClientError):
    """No document gave a single chunk."""


class NothingAccepted(ClientError):
    """The job delivered no pair good enough to be accepted without a reviewer."""


def travel(forge: DataForge, order: Order, trail: Trail, say: Reporter) -> Outcome:
    """The whole road, or the rest of it. Raises ClientError; `trail` then tells where to go on."""
    job = _attach(forge, order, trail)
    if job is None:
        project_id = _prepare(forge, order, trail, say)
        job = _find_job(forge, order, project_id) or _ask(forge, order, project_id)
        trail.generation_id = job.generation_id
    else:
        _miss(forge, job.project_id, order.sources, trail)
    say.event("generation", {"generation_id": job.generation_id, "project_id": job.project_id})
    done = _wait(forge, job.generation_id, trail, say)
    made = _export(forge, order, done, say)
    losses = _losses(forge, order, done, say) if order.keep_losses else ()
    return Outcome(done, forge.list_documents(done.project_id), made, _samples(forge, done), losses)


def estimate(forge: DataForge, order: Order, trail: Trail, say: Reporter) -> Generation:
    """The road as far as the teacher, and what the rest of it would take. Raises ClientError as `travel` does."""
    job = _attach(forge, order, trail)
    if job is not None:
        raise ClientError(f"{job.generation_id} has been started already; --dry-run is for before that")
    return _ask(forge, order, _prepare(forge, order, trail, say), estimate=True)


def _prepare(forge: DataForge, order: Order, trail: Trail, say: Reporter) -> str:
    """The project, its documents uploaded and read."""
    if trail.project_id is None:
        trail.project_id = forge.create_project(order.project).project_id
        _check(forge, order, trail)
    elif _find_job(forge, order, trail.project_id) is None:
        _check(forge, order, trail)
    say.event("project", {"project_id": trail.project_id})
    upload_all(forge, trail.project_id, order.sources, trail.unused, say)
    _read_documents(forge, trail.project_id, say)
    return trail.project_id


_LATER = ("NO_CHUNKS", "NO_LABELS", "TOO_SMALL")
"""Refusals that may mean no more than that the documents are not there yet."""


def _check(forge: DataForge, order: Order, trail: Trail) -> None:
    """Ask for an estimate before anything is uploaded: no document is needed to refuse a teacher or an option.

    Raises what the server says; a project that was only just made is then taken back. An order that every server takes
    is not asked for.
    """
    project_id = trail.project_id
    if project_id is None or (order.teacher == "extractive" and not _wants(order)):
        return
    try:
        _ask(forge, order, project_id, estimate=True)
    except Invalid as refusal:
        if refusal.code in _LATER:
            return
        if order.resume is None:
            trail.project_id = None
            with suppress(ClientError):  # the refusal is what matters
                forge.delete_project(project_id)
        raise


def _wants(order: Order) -> bool:
    """Whether the order says more than how many pairs and who writes them."""
    told = (order.seed, order.multi_hop, order.mode, order.temperature, order.system_prompt, order.max_cost)
    return any(one is not None for one in told) or any(order.spread.values())


def _attach(forge: DataForge, order: Order, trail: Trail) -> Generation | None:
    """The generate job that --resume names; None when there is none yet."""
    if order.resume is None:
        return None
    if not order.resume.startswith("gen"):
        trail.project_id = forge.get_project(order.resume).project_id
        return None
    job = forge.get_generation(order.resume)
    trail.project_id = job.project_id
    if job.kind == "parse":
        return None
    trail.generation_id = job.generation_id
    return job


def _miss(forge: DataForge, project_id: str, sources: Sequence[Source], trail: Trail) -> None:
    """Documents that did not reach the project before the job started are not in its dataset: say so again."""
    there = {known_by(d.name, d.url) for d in forge.list_documents(project_id)}
    trail.unused += [
        Unused(s.url or s.path, "failed", "not_uploaded", "was not uploaded before the generation started")
        for s in sources
        if known_by(s.name, s.url) not in there
    ]


def _read_documents(forge: DataForge, project_id: str, say: Reporter) -> None:
    """Parse what is not parsed yet, after any parse that an earlier attempt left running."""
    failure: GenerationFailed | None = None
    try:
        for job in forge.list_generations(project_id):
            if job.kind == "parse" and not job.closed:
                forge.wait(job.generation_id, Watch(say))
        if any(d.parsing_status in ("pending", "parsing") for d in forge.list_documents(project_id)):
            forge.wait(forge.parse(project_id).generation_id, Watch(say))
    except GenerationFailed as problem:
        failure = problem
    documents = forge.list_documents(project_id)
    for document in documents:
        if document.parsing_status == "failed":
            reason, message = why_failed(document)
            say.event("document", {"name": document.name, "status": "failed", "reason": reason, "message": message})
            say.note(f"  {document.name} cannot be used: {message}")
    if not any(d.chunk_count for d in documents):
        raise NothingToAsk(str(failure or "No document gave any text to ask about."))
    if failure is not None:
        raise failure


def why_failed(document: Document) -> tuple[str, str]:
    """The reason as a word, and what a person can do about it."""
    if document.error is None:
        return "unknown", "it could not be read; the parse job's log says why"
    reason = document.error.reason or "unknown"
    return reason, document.error.message or reason


def _find_job(forge: DataForge, order: Order, project_id: str) -> Generation | None:
    """A job that an earlier attempt started for this very order, just before it was interrupted."""
    if order.resume is None:
        return None
    alike = [
        g
        for g in forge.list_generations(project_id)
        if g.kind == "generate"
        and g.status not in ("failed", "cancelled")
        and g.config.get("num_pairs") == order.pairs
        and g.config.get("model_id") == order.teacher
        and g.config.get("max_cost_usd") == order.max_cost
        and g.config.get("mode") == order.mode
    ]
    return max(alike, key=lambda g: g.created_at, default=None)


def _ask(forge: DataForge, order: Order, project_id: str, *, estimate: bool | None = None) -> Generation:
    config: dict[str, object] = {"auto_accept_min_quality": order.min_quality}
    if order.seed is not None:
        config["seed"] = order.seed
    if order.multi_hop is not None:
        config["multi_hop_share"] = order.multi_hop
    config |= {name: shares(typed) for name, typed in order.spread.items() if typed}
    if order.mode is not None:
        config["mode"] = order.mode
    return forge.generate(
        project_id,
        order.teacher,
        num_pairs=order.pairs,
        temperature=order.temperature,
        system_prompt=order.system_prompt,
        max_cost_usd=order.max_cost,
        estimate=estimate,
        config=config,
    )


def shares(typed: Sequence[str]) -> object:
    """`a`, `b=2` -> {"a": 1, "b": 2}; `mixed` alone stays what it is, and without any share it is a list."""
    if tuple(typed) == ("mixed",):
        return "mixed"
    weighed: dict[str, float] = {}
    for one in typed:
        value, sign, share = one.rpartition("=")
        try:
            weighed[value if sign else one] = float(share) if sign else 1.0
        except ValueError:  # the sign is a part of the text
            weighed[one] = 1.0
    return list(weighed) if set(weighed.values()) == {1.0} else weighed


def _wait(forge: DataForge, generation_id: str, trail: Trail, say: Reporter) -> Generation:
    try:
        done = forge.wait(generation_id, Watch(say))
    except GenerationFailed:
        trail.generation_id = None  # a resume tries a new one on the same chunks
        raise
    if done.status == "cancelled":
        trail.generation_id = None
        raise ClientError(
            f"{generation_id} was cancelled. The pairs it made are kept; `{program()} export {done.project_id}` "
            "writes the accepted ones"
        )
    return done


def _export(forge: DataForge, order: Order, job: Generation, say: Reporter) -> Export:
    try:
        made = forge.export(job.project_id, format=order.format)
    except Invalid as problem:
        if problem.code != "NO_EXPORTABLE_PAIRS":
            raise
        least = job.config.get("auto_accept_min_quality", order.min_quality)
        raise NothingAccepted(
            f"No pair scored {least} or more, so none is accepted: {counts_line(job.counts)}. "
            f"Review them ({program()} pairs {job.project_id}), or run again with a lower --min-quality"
        ) from None
    total = made.file_size

    def received(count: int) -> None:
        say.step(Step("export", count, total, "bytes"))

    done = forge.download_export(job.project_id, made.version, order.out, on_bytes=received)
    say.step(Step("export", total, total, "bytes", finished=True))
    return done


def _losses(forge: DataForge, order: Order, job: Generation, say: Reporter) -> list[Path]:
    """What was asked for and is not in the dataset, with its reasons; the dataset itself is written by now."""
    written: list[Path] = []
    for outcome, count in (("rejected", job.counts.rejected), ("failed", job.counts.failed)):
        path = order.beside(outcome)
        if not count:
            path.unlink(missing_ok=True)  # an earlier run's: its lines would not fit the counts of this one
            continue
        try:
            forge.download_outcome(job.generation_id, outcome, path)
            written.append(path)
        except ClientError as problem:
            say.note(
                f"  what was {outcome} could not be fetched ({problem}); try again with: "
                f"{program()} records {job.generation_id} --outcome {outcome}"
            )
    return written


def _samples(forge: DataForge, job: Generation) -> list[Pair]:
    """The first, the middle and the last accepted pair: a sample, not a selection of the best."""

    def at(page: int) -> tuple[list[Pair], int]:
        found = forge.list_pairs(
            job.project_id, page=page, page_size=1, status="accepted", generation_id=job.generation_id
        )
        return list(found.items), found.total

    first, total = at(1)
    others = sorted({(total + 1) // 2, total} - {0, 1})
    return first + [pair for page in others for pair in at(page)[0]]

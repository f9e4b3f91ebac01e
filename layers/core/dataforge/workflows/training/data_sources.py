"""What a request means by `dataset`: a file of this organisation, wherever it comes from.

| `dataset`                    | file                                                              |
|---|---|
| dataset.jsonl, any path      | the uploaded file of that name (the last part of a path)          |
| syn_job_...                  | the results of a synthetic job, or `#train` and the like: a split |
| proj_...@3, proj_...         | version 3 of a project's exports, or the newest one               |
| s3://bucket/key              | a file of this organisation in the deployment's own bucket        |
| model_3                      | as eval_dataset: the lines that model 3 was measured on           |
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import cast

from dataforge import settings
from dataforge.errors import Conflict, Gone, Invalid, NotFound
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import documents, exports, projects, trained_models, training_uploads
from dataforge.workflows.synthetic import jobs as synthetic_jobs
from dataforge.workflows.training import held_out, uploads

MOST_DOCUMENTS = 200
"""Documents of a project that the source of a training lists."""
_JOB = re.compile(r"(syn_job_[0-9a-z]{1,40})(?:#(.{1,100}))?", re.ASCII | re.DOTALL)
_PROJECT = re.compile(r"(proj_[0-9a-z]{1,40})(?:@(\d{1,9}))?", re.ASCII)
_DATASET = re.compile(r"ds_[0-9A-Za-z]+", re.ASCII)
_S3 = re.compile(r"s3://([a-z0-9.-]{3,63})/(.{1,1024})", re.ASCII | re.DOTALL)
_MODEL = re.compile(r"model_(\d{1,9})", re.ASCII)
_HUB = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_EXPORT = re.compile(r"data-forge/[^/]+/(proj_[0-9a-z]+)/exports/[^/]+/[^/]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file, settled when the training was asked for: it is read later."""

    name: str
    """As it was asked for."""
    kind: str
    """upload, synthetic, export, s3 or model."""
    key: str
    size: int
    etag: str
    facts: Item = field(default_factory=dict)
    """Where it comes from, for the model's card."""

    def to_item(self) -> Item:
        return cast(Item, asdict(self))


def of_item(item: Item) -> Source:
    return Source(**{name: item[name] for name in Source.__slots__ if name in item})  # type: ignore[arg-type]


def find(org_id: str, dataset: str, *, name: str = "dataset") -> Source:
    """name: of the option. Raises NotFound, Invalid or Conflict, each with the way out."""
    for pattern, read in _KINDS:
        if found := pattern.fullmatch(dataset):
            return read(org_id, dataset, found, name)
    return _uploaded(org_id, dataset, name)


def _uploaded(org_id: str, dataset: str, name: str) -> Source:
    """A path on somebody's machine means nothing here: its last part is looked up among the uploads."""
    filename = dataset.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if training_uploads.find(org_id, filename) is None and _HUB.fullmatch(dataset) and not filename.endswith("l"):
        raise NotFound(
            f"No uploaded file is called {filename}. If {dataset} is a dataset of a hub: it is not fetched from here; "
            "download it as JSONL and upload it (POST /api/upload_dataset)"
        )
    upload = uploads.usable(org_id, filename, option=name)
    facts: Item = {"filename": filename, "uploaded_at": upload.uploaded_at, "examples": upload.num_examples}
    return Source(name=dataset, kind="upload", key=upload.s3_key, size=upload.size, etag=upload.etag, facts=facts)


def _synthetic(org_id: str, dataset: str, found: re.Match[str], name: str) -> Source:
    job_id, split = found[1], found[2]
    try:
        run = synthetic_jobs.get(org_id, job_id)
        key = synthetic_jobs.results_key(run)
        if split is not None:
            splits = synthetic_jobs.splits(run)
            if split not in splits:
                raise Invalid(
                    f"{name}: job {job_id} has no split {split[:60]!r}; it has {', '.join(splits)}", field=name
                )
            key = splits[split][0]
    except Gone as problem:
        raise NotFound(problem.message) from None
    facts: Item = {"job_id": job_id, "split": split, "created_at": run.created_at}
    return _stored(dataset, "synthetic", key, facts)


def _exported(org_id: str, dataset: str, found: re.Match[str], _: str) -> Source:
    project = projects.get(org_id, found[1])
    version = int(found[2]) if found[2] else project.version
    if version < 1:
        raise Conflict(f"Project {project.project_id} has no export yet: export it first", code="NO_EXPORT")
    export = exports.get(project.project_id, version)
    briefs = islice(documents.briefs_of_project(project.project_id), MOST_DOCUMENTS)
    listed = [documents.get(d.project_id, d.document_id) for d in briefs]
    facts: Item = {
        "project_id": project.project_id,
        "project": project.name,
        "version": version,
        "exported_at": export.created_at,
        "examples": export.pair_count,
        "documents": [{"document_id": d.document_id, "name": d.name, "sha256": d.checksum} for d in listed],
    }
    return _stored(dataset, "export", export.s3_key, facts)


def _s3(org_id: str, dataset: str, found: re.Match[str], name: str) -> Source:
    bucket, key = found[1], found[2]
    own = settings.get().bucket
    if not own or bucket != own:
        where = f"the deployment's own bucket ({own})" if own else "a deployment on AWS"
        raise Invalid(
            f"{name}: s3:// addresses are read from {where} only; upload the file instead (POST /api/upload_dataset)",
            field=name,
        )
    if not _is_own(org_id, key):
        raise NotFound(f"{dataset} is no file of this organization")
    return _stored(dataset, "s3", key, {"key": key})


def _is_own(org_id: str, key: str) -> bool:
    """Files of trainings and synthetic jobs lie below the organisation's id, exports below their project's."""
    if any(segment in ("", ".", "..") for segment in key.split("/")):
        return False
    if key.startswith((f"data-forge/training/{org_id}/uploads/", f"data-forge/synthetic/{org_id}/")):
        return True
    export = _EXPORT.fullmatch(key)
    if export is None:
        return False
    try:
        project = projects.get(org_id, export[1])
    except NotFound:
        return False
    return key.startswith(f"{project.s3_prefix}/exports/")


def _of_datasets(_org_id: str, dataset: str, _found: re.Match[str], name: str) -> Source:
    raise Invalid(
        f"{name}: {dataset} is an id of the Datasets API, which this release does not have; upload the file instead "
        "(POST /api/upload_dataset)",
        field=name,
    )


def _held_out(org_id: str, dataset: str, found: re.Match[str], name: str) -> Source:
    """So that two models are compared on the same lines."""
    if name != "eval_dataset":
        raise Invalid(f"{name}: {dataset} names held-out lines, which are for eval_dataset", field=name)
    try:
        model = trained_models.get(org_id, int(found[1]))
    except NotFound as missing:
        raise Invalid(f"{name}: {missing.message}", field=name) from None
    key = held_out.file_of(model)
    if key is None:
        raise Conflict(f"Model {model.model_id} was trained without held-out lines", code="NO_HELD_OUT_LINES")
    return _stored(dataset, "model", key, {"model_id": model.model_id})


def _stored(dataset: str, kind: str, key: str, facts: Item) -> Source:
    info = current().files.info(key)
    if info is None:
        raise NotFound(f"The file of {dataset} does not exist (any more)")
    return Source(name=dataset, kind=kind, key=key, size=info.size, etag=info.etag, facts=facts)


Finds = Callable[[str, str, "re.Match[str]", str], Source]
_KINDS: tuple[tuple[re.Pattern[str], Finds], ...] = (
    (_JOB, _synthetic),
    (_PROJECT, _exported),
    (_DATASET, _of_datasets),
    (_S3, _s3),
    (_MODEL, _held_out),
)

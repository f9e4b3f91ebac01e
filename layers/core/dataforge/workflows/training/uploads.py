"""Files that somebody uploads to train on: stored, then checked line by line. What is wrong is kept beside the file.

Small files come with the request. Larger ones are announced, put to a presigned URL, and completed: then they are
checked in the same way.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

from dataforge import clock, ids, settings
from dataforge.errors import Conflict, Invalid, Malformed, NotFound, TooLarge
from dataforge.platform import current
from dataforge.platform.ports import FileInfo
from dataforge.store import training_uploads
from dataforge.store.training_uploads import Announced, TrainingUpload
from dataforge.training import examples, jsonl

NDJSON = "application/x-ndjson"
MOST_NAME = 200
"""Characters of a file's name."""
CHECK_SECONDS = 12.0
"""How long lines are read in a request, which has 29 seconds on AWS; the rest is counted, and read by the training."""
KEPT_SECONDS = 86_400
"""How long an announced upload may wait for its completion."""
MOST_INLINE = {"aws": 4 * 2**20, "embedded": 64 * 2**20}
"""Bytes of a file that comes with the request, by backend. Lambda takes events of 6 MB, a third of it for base64."""
OF_OTHERS = re.compile(r"(?:syn_job_|proj_|ds_)[A-Za-z0-9]+(?:@\d+|#.*)?|model_\d+", re.DOTALL)
"""What names another kind of dataset; no file may be called so."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of an announced upload go."""

    upload: Announced
    url: str


def most_inline() -> int:
    return settings.get().training_inline_bytes or MOST_INLINE[current().name]


def file_name(sent: str) -> str:
    """The last part of the name that a client sent. Raises Malformed where it can be no name of a file."""
    name = sent.replace("\\", "/").rstrip("/").rpartition("/")[2].strip()
    if not name or name in (".", ".."):
        raise Malformed("The file needs a name, such as dataset.jsonl", field="filename")
    if len(name) > MOST_NAME:
        raise Malformed(f"filename has {len(name)} characters: at most {MOST_NAME} are taken", field="filename")
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in name):
        raise Malformed("filename must not hold control characters", field="filename")
    if name.startswith(training_uploads.ANNOUNCED) or OF_OTHERS.fullmatch(name):
        raise Malformed(
            f"filename {name!r} names another kind of dataset: call the file {name.lstrip('~')}.jsonl", field="filename"
        )
    return name


def receive(org_id: str, filename: str, parts: Iterable[bytes]) -> TrainingUpload:
    """Store and check a file that came with the request. A file of this name is replaced."""
    name = file_name(filename)
    upload_id = ids.new("upload")
    key = _key(org_id, upload_id, name)
    info = current().files.write_stream(key, parts, content_type=NDJSON)
    return _checked(org_id, name, upload_id, info)


def announce(org_id: str, filename: str, size: int | None = None) -> Place:
    """size: bytes, if known; then exactly so many have to come. Raises Invalid, also when they are too many."""
    most = settings.get().max_dataset_bytes
    if size is not None and size > most:
        raise Invalid(_too_large(size, most), field="size_bytes", code="TOO_LARGE")
    _tidy(org_id)
    name, upload_id = file_name(filename), ids.new("upload")
    made = Announced(
        org_id=org_id, upload_id=upload_id, name=name, s3_key=_key(org_id, upload_id, name), at=clock.epoch()
    )
    training_uploads.announce(made)
    return Place(made, current().files.presign_put(made.s3_key, content_type=None, content_length=size))


def complete(org_id: str, upload_id: str, filename: str | None = None) -> TrainingUpload:
    """Check what was put to the URL; again for what is complete is fine. filename: if another than was announced.

    Raises NotFound, Invalid, Conflict where nothing was put there yet, TooLarge.
    """
    announced = training_uploads.announced(org_id, upload_id)
    name = file_name(filename) if filename else announced.name
    info = current().files.info(announced.s3_key)
    if info is None:
        raise Conflict("Nothing was uploaded yet: PUT the file to the upload_url first", code="NOT_UPLOADED")
    most = settings.get().max_dataset_bytes
    if info.size > most:
        current().files.delete(announced.s3_key)
        raise TooLarge(_too_large(info.size, most))
    known = training_uploads.find(org_id, name)
    if known is not None and (known.upload_id, known.etag) == (upload_id, info.etag):
        return known
    return _checked(org_id, name, upload_id, info)


def delete(org_id: str, filename: str) -> None:
    """Raises NotFound. What a training has taken from the file stays with its model."""
    upload = training_uploads.get(org_id, filename)
    training_uploads.remove(upload)
    current().files.delete(upload.s3_key)


def usable(org_id: str, filename: str, *, option: str = "dataset") -> TrainingUpload:
    """For a training: the file as it was checked. option: the field that errors name. Raises NotFound, Invalid."""
    upload = training_uploads.get(org_id, filename)
    info = current().files.info(upload.s3_key)
    if info is None:
        raise NotFound(f"The file of dataset {filename} is gone: upload it again")
    if info.etag != upload.etag:
        raise Invalid(
            f"Dataset {filename} was uploaded again and not completed: complete it, so that it is checked",
            field=option,
        )
    if not upload.valid:
        raise Invalid(
            f"Dataset {filename} cannot be trained on: {'; '.join(upload.errors[:3])}. Correct and upload it again",
            field=option,
        )
    return upload


def _checked(org_id: str, name: str, upload_id: str, info: FileInfo) -> TrainingUpload:
    end = time.monotonic() + CHECK_SECONDS
    found = examples.check(jsonl.rows(current().files.stream(info.key), enough=lambda: time.monotonic() > end))
    before = training_uploads.find(org_id, name)
    upload = TrainingUpload(
        org_id=org_id,
        filename=name,
        upload_id=upload_id,
        s3_key=info.key,
        size=info.size,
        etag=info.etag,
        num_examples=found.num_examples,
        valid=found.valid,
        uploaded_at=clock.now(),
        errors=found.errors,
        error_count=found.error_count,
        unchecked=found.unchecked,
        shapes=dict(found.shapes),
    )
    training_uploads.put(upload)
    if before is not None and before.s3_key != upload.s3_key:
        current().files.delete(before.s3_key)
    return upload


def _tidy(org_id: str) -> None:
    """Forget announced uploads that are old, with what came of them, unless it is a dataset by now."""
    for old in training_uploads.all_announced(org_id):
        if clock.epoch() - old.at > KEPT_SECONDS:
            kept = {u.s3_key for u in training_uploads.of_organisation(org_id)}
            if old.s3_key not in kept:
                current().files.delete(old.s3_key)
            training_uploads.forget(old)


def _key(org_id: str, upload_id: str, name: str) -> str:
    return f"data-forge/training/{org_id}/uploads/{upload_id}/{ids.file_segment(name)}"


def _too_large(size: int, most: int) -> str:
    return f"The file has {size:,} bytes; at most {most:,} are taken: split it (DATAFORGE_MAX_DATASET_BYTES)"

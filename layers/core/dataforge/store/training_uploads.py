"""Files that an organisation uploaded to train on.

| question                        | access                                                                  |
|---|---|
| a file by its name              | get training_uploads (org_id, filename)                                 |
| all files of an organisation    | query training_uploads (org_id)                                         |
| a file, new or once more        | put training_uploads: the last one with a name counts                   |
| an upload that was announced    | put_new, get, delete training_uploads (org_id, `~` and the upload's id) |
| a file that is deleted          | delete training_uploads (org_id, filename) if it is still that upload   |
| announced uploads, to tidy up   | query training_uploads (org_id, begins `~`)                             |

A file's key holds the id of its upload, so two uploads with one name never write to the same object, and a URL that is
used again later changes nothing that was checked.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from dataforge.errors import ConditionFailed, NotFound
from dataforge.platform import current
from dataforge.store import item_codec, own_writes
from dataforge.store.item_codec import from_item, to_item

ANNOUNCED = "~"
"""What the row of an announced upload begins with; no file's name does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingUpload:
    org_id: str
    filename: str
    upload_id: str
    s3_key: str
    size: int
    etag: str
    """Of the object that was checked."""
    num_examples: int
    valid: bool
    uploaded_at: str
    errors: list[str] = field(default_factory=list)
    """Each names its line; at most `training.examples.MOST_LISTED`."""
    error_count: int = 0
    unchecked: int = 0
    """Lines that were counted only: a training reads them all."""
    shapes: dict[str, int] = field(default_factory=dict)
    """Name of a shape of training lines -> lines that have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """An upload whose bytes come by a presigned URL."""

    org_id: str
    upload_id: str
    name: str
    """Of the file."""
    s3_key: str
    at: int
    """Epoch seconds."""


def put(upload: TrainingUpload) -> None:
    current().tables.put("training_uploads", to_item(upload))


def get(org_id: str, filename: str) -> TrainingUpload:
    """Raises NotFound."""
    item = current().tables.get("training_uploads", {"org_id": org_id, "filename": filename}) if filename else None
    if item is None or filename.startswith(ANNOUNCED):
        raise NotFound(f"Dataset {filename} not found: upload it first (POST /api/upload_dataset)")
    return from_item(TrainingUpload, item)


def find(org_id: str, filename: str) -> TrainingUpload | None:
    try:
        return get(org_id, filename)
    except NotFound:
        return None


def of_organisation(org_id: str) -> list[TrainingUpload]:
    """Newest first."""
    rows = item_codec.items_of("training_uploads", {"org_id": org_id})
    found = [from_item(TrainingUpload, i) for i in rows if not str(i["filename"]).startswith(ANNOUNCED)]
    return sorted(found, key=lambda u: (u.uploaded_at, u.upload_id), reverse=True)


def remove(upload: TrainingUpload) -> None:
    """If it is still this one."""
    key = {"org_id": upload.org_id, "filename": upload.filename}
    with suppress(ConditionFailed):
        current().tables.delete("training_uploads", key, where={"upload_id": upload.upload_id})


def announce(announced: Announced) -> None:
    key = {"org_id": announced.org_id, "filename": f"{ANNOUNCED}{announced.upload_id}"}
    own_writes.put_new("training_uploads", key, {**to_item(announced), **key})


def announced(org_id: str, upload_id: str) -> Announced:
    """Raises NotFound."""
    item = current().tables.get("training_uploads", {"org_id": org_id, "filename": f"{ANNOUNCED}{upload_id}"})
    if item is None:
        raise NotFound(f"Upload {upload_id} not found: it was completed, or announced more than a day ago")
    return from_item(Announced, item)


def all_announced(org_id: str) -> list[Announced]:
    rows = item_codec.items_of("training_uploads", {"org_id": org_id}, begins=("filename", ANNOUNCED))
    return [from_item(Announced, i) for i in rows]


def forget(upload: Announced) -> None:
    """Again is no error."""
    key = {"org_id": upload.org_id, "filename": f"{ANNOUNCED}{upload.upload_id}"}
    current().tables.delete("training_uploads", key)

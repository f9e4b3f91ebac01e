"""Uploads: what was announced under which key, what came, and the document made of it.

| question                        | access                                                             |
|---|---|
| whose file is this, what is it? | get uploads (project_id, s3_key)                                   |
| is this name free?              | put_new uploads                                                    |
| what was found at the key       | update uploads where it is not deleted                             |
| one document a key              | put or update where it has none, in the document's transaction     |
| nothing more may come           | put a tombstone, in the transaction that deletes the document      |

The key of a file names its user and project but not the organisation, so this row is the way from an object event back
to the project. It also reserves the name: two upload URLs never share a key. Rows expire; an object whose row is gone
is only unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dataforge import clock
from dataforge.errors import ConditionFailed
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Put, Update, Write
from dataforge.store import own_writes
from dataforge.store.item_codec import from_item, to_item

KEPT_SECONDS = 14 * 86_400
"""As long as a dead-letter queue keeps an event that may still be delivered."""
TOMBSTONE_SECONDS = 2 * 3600
"""Longer than an upload URL lives: what is PUT for a deleted document can still be told apart, and removed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at the key when somebody looked."""

    size: int
    checksum: str | None = None
    """SHA-256, hex; None when the file was not read, for instance because it is too large."""
    detected: str | None = None
    """A key of `parsing.FORMATS`."""
    reason: str | None = None
    problem: str | None = None
    """What is wrong with it and what to do, for a person."""


@dataclass(frozen=True, slots=True)
class Upload:
    project_id: str
    s3_key: str
    org_id: str
    filename: str
    content_type: str
    expires_at: int
    size: int | None = None
    """As announced."""
    document_id: str | None = None
    finding: Item | None = None
    deleted: bool = False

    @property
    def found(self) -> Finding | None:
        return from_item(Finding, self.finding) if self.finding else None


def expiry() -> int:
    return clock.epoch() + KEPT_SECONDS


def reserve(upload: Upload) -> bool:
    """False when the key is taken."""
    try:
        own_writes.put_new("uploads", {"project_id": upload.project_id, "s3_key": upload.s3_key}, to_item(upload))
    except ConditionFailed:
        return False
    return True


def get(project_id: str, s3_key: str) -> Upload | None:
    item = current().tables.get("uploads", {"project_id": project_id, "s3_key": s3_key})
    return from_item(Upload, item) if item else None


def note(upload: Upload, finding: Finding) -> Upload | None:
    """The row afterwards, with the document that may have been made meanwhile; None when its document was deleted."""
    key = {"project_id": upload.project_id, "s3_key": upload.s3_key}
    try:
        item = current().tables.update("uploads", key, set={"finding": to_item(finding)}, where={"deleted": False})
    except ConditionFailed:
        return None
    return from_item(Upload, item)


def claim(upload: Upload, document_id: str, *, is_new: bool) -> Write:
    """For the transaction that makes the document: one key makes one document, whoever registers it at once."""
    if is_new:
        return Put("uploads", to_item(replace(upload, document_id=document_id)), where={"s3_key": ABSENT})
    key = {"project_id": upload.project_id, "s3_key": upload.s3_key}
    return Update("uploads", key, set={"document_id": document_id}, where={"document_id": ABSENT, "deleted": False})


def tombstone(org_id: str, project_id: str, s3_key: str) -> Put:
    """For the transaction that deletes the document: says so to whoever comes later with the same key."""
    gone = Upload(
        project_id=project_id,
        s3_key=s3_key,
        org_id=org_id,
        filename="",
        content_type="",
        expires_at=clock.epoch() + TOMBSTONE_SECONDS,
        deleted=True,
    )
    return Put("uploads", to_item(gone))

"""Requests that were answered, so that sending one again does nothing twice.

| question                                | access                                                         |
|---|---|
| is this request new?                    | put_new idempotency (org_id, sha256 of path and key)           |
| what was answered, and is it the same?  | get idempotency                                                |
| its process died: may I answer it?      | conditional update, if the token still is the one that was read |

Answers are kept for a day. A claim that nobody has renewed for a minute belongs to a process that is gone.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass

from dataforge import clock
from dataforge.errors import ConditionFailed, InProgress, Invalid, TooLarge
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Key, Where
from dataforge.store.item_codec import from_item, to_item

KEPT = 86_400
ABANDONED = 60
"""Seconds, both."""
HEADER = "Idempotency-Key"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredResponse:
    status: int
    content_type: str
    body: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer a request, held by whoever knows the token."""

    org_id: str
    request: str
    token: str

    def renew(self) -> None:
        """For answers that take longer than a moment; called well within ABANDONED seconds."""
        self._write({"seen": clock.epoch()})

    def keep(self, answer: StoredResponse) -> None:
        try:
            self._write({**to_item(answer), "seen": clock.epoch()})
        except TooLarge:
            logger.exception("an answer is too large to be kept for its Idempotency-Key")
            self.drop()

    def drop(self) -> None:
        """Nothing was done: the same key may try again."""
        try:
            current().tables.delete("idempotency", self._key(), where={"token": self.token})
        except ConditionFailed:
            return

    def _write(self, values: Item) -> None:
        try:
            current().tables.update("idempotency", self._key(), set=values, where={"token": self.token})
        except ConditionFailed:
            logger.warning("a request was taken over by another process before it was answered")

    def _key(self) -> Key:
        return {"org_id": self.org_id, "request": self.request}


def claim(org_id: str, path: str, key: str, sent: bytes) -> Claim | StoredResponse:
    """The claim on a new request, or the answer that this one was given before.

    Raises Invalid (`IDEMPOTENCY_KEY_REUSED`) when the key was used with another body, InProgress while somebody else
    is answering.
    """
    now = clock.epoch()
    mine = Claim(org_id, hashlib.sha256(f"{path}\n{key}".encode()).hexdigest(), secrets.token_hex(8))
    fresh: Item = {
        "org_id": org_id,
        "request": mine.request,
        "token": mine.token,
        "sent": hashlib.sha256(sent).hexdigest(),
        "seen": now,
        "expires_at": now + KEPT,
    }
    tables = current().tables
    for _ in range(3):
        try:
            tables.put_new("idempotency", fresh)
            return mine
        except ConditionFailed:
            known = tables.get("idempotency", mine._key())
        if known is None:
            continue  # dropped in between
        if known["token"] == mine.token:  # an earlier attempt was carried out, only its answer was lost
            return mine
        found = _judge(known, fresh, now)
        if found is not None:
            return found
        try:
            where: Where = {"token": known["token"], "seen": known["seen"], "status": known.get("status", ABSENT)}
            rest = {n: v for n, v in fresh.items() if n not in ("org_id", "request")}
            gone = ("status", "content_type", "body")
            tables.update("idempotency", mine._key(), set=rest, remove=gone, where=where)
            return mine
        except ConditionFailed:
            continue
    raise _in_progress()


def _judge(known: Item, fresh: Item, now: int) -> StoredResponse | None:
    """None: what is there has expired or was abandoned, and may be taken over."""
    if int(str(known["expires_at"])) <= now:
        return None
    if known["sent"] != fresh["sent"]:
        raise Invalid(
            f"This {HEADER} was used with another request body: take a new one for a new request",
            field=HEADER,
            code="IDEMPOTENCY_KEY_REUSED",
        )
    if "status" in known:
        return from_item(StoredResponse, known)
    if now - int(str(known["seen"])) < ABANDONED:
        raise _in_progress()
    return None


def _in_progress() -> InProgress:
    return InProgress("The same request is being answered right now", retry_after=1)

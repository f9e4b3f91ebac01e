"""Revisions: which state of a pair or a chunk an editor read, and whether it still is as they read it.

A pair's revision counts the edits of its text, notes, metadata and status, and names the status, which a bulk action
changes in the review index alone. A chunk's revision counts its edits and has a hash of its text, metadata and
exclusion, because parsing the document again writes its chunks anew. Clients compare revisions and never read them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import orjson

from dataforge.errors import RevisionConflict
from dataforge.store.chunks import StoredChunk
from dataforge.store.pairs import Pair

Expected = Collection[str] | None
"""The revisions for which an edit is meant; None: for whichever there is."""


def of_pair(pair: Pair) -> str:
    return f"{pair.revision}-{pair.status}"


def of_chunk(chunk: StoredChunk) -> str:
    return f"{chunk.revision or 0}-{fingerprint(chunk.content, chunk.metadata, chunk.excluded)}"


def fingerprint(*parts: object) -> str:
    """16 hex digits of plain values; equal for equal values, whatever the order of keys."""
    return hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def edit_key(expected: Expected, *change: object) -> str | None:
    """Stored with the edit, so that the same request, sent again because its response was lost, is recognised; None
    for an edit of whichever revision there is, which may be made again."""
    return None if expected is None else fingerprint(sorted(expected), *change)


def require(expected: Expected, current: str, record: Pair | StoredChunk) -> None:
    """Raises RevisionConflict, with the record as it is now, when it is none of the expected revisions."""
    if expected is not None and current not in expected:
        name = f"Pair {record.pair_id}" if isinstance(record, Pair) else f"Chunk {record.chunk_id}"
        raise RevisionConflict(
            f"{name} was changed since it was read: its revision is {current} now. Compare `current` with your edit, "
            "then send the edit with that revision",
            current=record,
        )

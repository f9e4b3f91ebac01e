"""Identifiers carry their kind and, where ownership matters, their parent, so that one read proves who owns a thing.

    proj_<ulid>   doc_<ulid>   chunk_<document ulid>_<position>   gen_<ulid>   gen_parse_<ulid>
    pair_<project ulid>_<run ulid>_<slot>

Ulids sort by time (spec: github.com/ulid/spec); here they are lower case.
"""

from __future__ import annotations

import hashlib
import re

from ulid import ULID

from dataforge.errors import NotFound


def new(prefix: str) -> str:
    """`proj` -> `proj_01j...`: 26 characters of time and randomness."""
    return f"{prefix}_{str(ULID()).lower()}"


RESERVED_SEGMENTS = ("synthetic", "training", "datasets")
"""Folders beside those of users in the bucket, each with rules of its own."""

_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}", re.ASCII)


def file_segment(name: str) -> str:
    """A name that somebody chose, as one segment of a file's key: itself where it is ordinary (a letter or digit, then
    up to 127 of those and `._@+-`), else `~` and 32 hex digits of its SHA-256.

    No two names share a segment, none holds a slash, and none is one of RESERVED_SEGMENTS.
    """
    if _PLAIN_SEGMENT.fullmatch(name) and name not in RESERVED_SEGMENTS:
        return name
    return f"~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def tail(identifier: str) -> str:
    """The ulid at the end of a simple id."""
    return identifier.rsplit("_", 1)[-1]


def chunk_id(document_id: str, position: int) -> str:
    """Sorts by document, then position (up to 999,999 chunks a document)."""
    return f"chunk_{tail(document_id)}_{position:06d}"


def document_of_chunk(chunk_id: str) -> str:
    """The id of its document; of a string that is no chunk id, one that no document has."""
    return f"doc_{tail(chunk_id.rpartition('_')[0])}"


def pair_id(project_id: str, run_id: str, slot: int) -> str:
    """The same slot of the same run always makes the same id, so writing a pair again is harmless."""
    return f"pair_{tail(project_id)}_{tail(run_id)}_{slot:06d}"


def project_of_pair(pair_id: str) -> str:
    """Raises NotFound for a string that is no pair id."""
    return f"proj_{_parts(pair_id)[0]}"


def run_of_pair(pair_id: str) -> str:
    """The ulid of the run that made it. Raises NotFound."""
    return _parts(pair_id)[1]


def slot_of_pair(pair_id: str) -> int:
    """Raises NotFound."""
    return int(_parts(pair_id)[2])


def _parts(pair_id: str) -> tuple[str, str, str]:
    parts = pair_id.split("_")
    if len(parts) != 4 or parts[0] != "pair" or not parts[3].isascii() or not parts[3].isdigit():
        raise NotFound(f"Pair {pair_id} not found")
    return parts[1], parts[2], parts[3]

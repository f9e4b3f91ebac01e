"""What checks say of pairs, and what bulk actions did with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dataforge_client.decoding import TIME, nested
from dataforge_client.literals import BulkAction, FlagOutcome


def _raw() -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class PairFlag:
    """What a check says of a pair."""

    check: str
    words: tuple[str, ...] = field(default=(), metadata={"decode": tuple})
    """The words of the pair that show it."""
    detail: str = ""
    """A sentence for a reviewer."""
    outcome: FlagOutcome = "review"
    """review: it doubts the pair; reject: it rejected the pair."""


@dataclass(frozen=True, slots=True)
class BulkLeftOut:
    """Pairs that an accept by filters left to a person, each counted once."""

    flagged: int = 0
    rejected: int = 0
    """By a check of their run."""
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class ExportLeftOut:
    """Accepted and edited pairs that are not in the file, each counted once."""

    flagged: int = 0
    duplicates: int = 0
    below_min_quality: int = 0


@dataclass(frozen=True, slots=True)
class BulkResult:
    action: BulkAction
    affected_count: int
    message: str = ""
    left_out: BulkLeftOut = field(default_factory=BulkLeftOut, metadata={"decode": nested(BulkLeftOut)})
    """`bulk_action(..., include_flagged=True)` accepts them, too."""
    undo_token: str | None = None
    """The argument of `undo_bulk_action`, valid until `undo_expires_at`; None: it cannot be undone."""
    undo_expires_at: datetime | None = field(default=None, metadata=TIME)
    raw: Mapping[str, object] = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Undone:
    """skipped_count: pairs that were changed or deleted after the bulk action; they are left as they are."""

    restored_count: int
    skipped_count: int = 0
    message: str = ""
    raw: Mapping[str, object] = field(default_factory=_raw, repr=False)

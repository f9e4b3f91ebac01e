"""One record that a synthetic run has promised to try, with everything that makes it differ from the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dataforge.records import Slot


@dataclass(frozen=True, slots=True)
class RecordSlot(Slot):
    """`chunk_id` is empty: the source is a domain, not a passage."""

    chunk_id: str = ""
    root: int = 0
    """The first slot of this line: a top-up takes over the place of a lost record, and with it all that was allotted
    to it (category, coverage, axis, technique), so the delivered records keep the planned proportions."""
    category: str | None = None
    coverage: Mapping[str, str] = field(default_factory=dict)
    axis: str | None = None
    technique: str | None = None
    """Name of the hard negative's technique; None: an ordinary record."""
    topic: str = ""
    persona: str = ""
    angle: str = ""
    seed: int = 0


def of_item(item: Mapping[str, object]) -> RecordSlot:
    """A slot out of a plan or a batch file; in those of earlier releases the difficulty is called `level`."""
    fields = dict(item)
    if "level" in fields:
        fields["difficulty"] = fields.pop("level")
    return RecordSlot(**fields)  # type: ignore[arg-type]

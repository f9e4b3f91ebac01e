"""What a schema module consists of: its rules, the form of its records, how to read one and what to compare by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Spec
from dataforge.text.normal_forms import repair_surrogates

Payload: TypeAlias = dict[str, object]
"""The schema's own fields of one record, without metadata and provenance."""

MOST_CHARACTERS = 60_000
"""A longer field is cut here; its length then rejects it."""


class Unfit(ValueError):
    """An object of a reply is no record of the schema; the message tells the teacher what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    name: str
    rules: str
    form: str
    """One record as JSON with placeholders, shown to the teacher."""
    fields: dict[str, object]
    """JSON schema of the record's properties, all of them required."""
    payload: Callable[[dict[str, object], RecordSlot, Spec], Payload]
    """Raises Unfit."""
    asked: Callable[[Payload], str]
    """The side that a user writes."""
    answered: Callable[[Payload], str]
    """The side that a model would write: what length bounds and invariants speak of."""
    texts: Callable[[Payload], dict[str, str]]
    """Every text of the record whose form is checked, by its name, but for what the user asked."""
    note: Callable[[Payload], str] = field(default=lambda _payload: "")
    """What a judge should know of the record besides."""
    brief: Callable[[RecordSlot, Spec], list[str]] = field(default=lambda _slot, _spec: [])
    """More lines for the part of the prompt that speaks of one slot."""
    critic: bool = False
    """Its records are scored by a critic before they are whole."""
    own_fields: Callable[[Spec], dict[str, object]] | None = None
    """JSON schema properties that depend on the request."""

    def compared(self, payload: Payload) -> str:
        """The text by which a record is told from others."""
        return f"{self.asked(payload)}\n{self.answered(payload)}"


def text(found: dict[str, object], name: str, *, required: bool = True) -> str:
    """Raises Unfit for what is no text, or empty though required."""
    value = found.get(name)
    if value is None and not required:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Unfit(f'"{name}" must be a string')
    cleaned = repair_surrogates(value).replace("\0", "").strip()
    if required and not cleaned:
        raise Unfit(f'"{name}" must not be empty')
    return cleaned[:MOST_CHARACTERS]


STRING: dict[str, object] = {"type": "string"}

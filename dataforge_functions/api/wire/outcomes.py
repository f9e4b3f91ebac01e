"""Files with the outcome of every record that was requested of a run."""

from __future__ import annotations

from pydantic import BaseModel

from dataforge_functions.api.wire import fields


class OutcomeFile(BaseModel):
    """A file of JSON lines."""

    url: fields.Link
    """Of the JSON lines; presigned."""
    lines: int
    """How many there are."""


class Outcomes(BaseModel):
    """Files with the outcome of every record that was asked for."""

    generation_id: fields.RunId
    files: dict[str, OutcomeFile]
    """By `delivered`, `rejected` and `failed`, if the run has any. A parse has none."""
    expires_in: fields.Expires = 3600

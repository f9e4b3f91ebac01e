"""Files with the outcome of every record that was requested of a run."""

from __future__ import annotations

from pydantic import BaseModel


class OutcomeFile(BaseModel):
    url: str
    """Of the JSON lines; presigned."""
    lines: int


class Outcomes(BaseModel):
    """files: by `delivered`, `rejected` and `failed`, if the run has any. A parse has none."""

    generation_id: str
    files: dict[str, OutcomeFile]
    expires_in: int = 3600

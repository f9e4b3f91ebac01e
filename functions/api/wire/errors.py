"""The one error body."""

from __future__ import annotations

from pydantic import BaseModel

from functions.api.wire.data_forge import Chunk
from functions.api.wire.review import Pair


class BrokenField(BaseModel):
    field: str
    message: str


class Suggestion(BaseModel):
    word: str
    suggestions: list[str]


class Error(BaseModel):
    error: str
    """The status in words."""
    message: str
    detail: str
    code: str
    """The stable word to branch on."""
    status_code: int
    request_id: str
    errors: list[BrokenField] | None = None
    """The broken fields, when validation found some."""
    suggestions: list[Suggestion] | None = None
    """With DOMAIN_SPELL_CHECK: the words in doubt."""
    suggested_domain: str | None = None
    current: Pair | Chunk | None = None
    """With REVISION_CONFLICT: what was to be edited, as it is now, with its `revision`."""

"""The one error body."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from dataforge_functions.api.wire import fields
from dataforge_functions.api.wire.data_forge import Chunk
from dataforge_functions.api.wire.review import Pair


class BrokenField(BaseModel):
    """A value that breaks a limit."""

    field: str
    """Where it stands, such as `config.seed`."""
    message: str
    """What is wrong with it."""


class Suggestion(BaseModel):
    """A word that may be a typing mistake."""

    word: str
    """As it was sent."""
    suggestions: list[str]
    """What may have been meant, likeliest first."""


class Error(BaseModel):
    """Why a request was refused. Every refusal of every route has this body."""

    error: str
    """The status in words."""
    message: fields.Message
    detail: str
    """The same as `message`."""
    code: str
    """The stable word to branch on."""
    status_code: Annotated[int, Field(ge=400, le=599)]
    """The HTTP status."""
    request_id: str
    """Identifies this request in our logs."""
    errors: list[BrokenField] | None = None
    """The broken fields, when validation found some."""
    suggestions: list[Suggestion] | None = None
    """With DOMAIN_SPELL_CHECK: the words in doubt."""
    suggested_domain: str | None = None
    """With DOMAIN_SPELL_CHECK: the domain with the likeliest suggestions."""
    current: Pair | Chunk | None = None
    """With REVISION_CONFLICT: what was to be edited, as it is now, with its `revision`."""
    upload_url: str | None = None
    """With 413 of `/api/upload_dataset`: PUT the file here instead."""
    complete_url: str | None = None
    """Then POST here, so that the file is checked."""
    upload_id: str | None = None
    """Id of the upload."""
    filename: str | None = None
    """What the dataset will be called."""
    expires_in: int | None = None
    """Seconds for which `upload_url` is valid."""

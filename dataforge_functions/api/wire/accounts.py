"""Bodies of keys and members (contract F: snake_case), and of whoami, which is older (camelCase)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from dataforge_functions.api.wire import fields
from dataforge_functions.api.wire.bodies import Body, Strict
from dataforge_functions.api.wire.fields import one_of
from dataforge_functions.api.wire.limits import Id, Text, example

Scope = Literal[
    "data-forge:read",
    "data-forge:write",
    "synthetic:read",
    "synthetic:write",
    "datasets:read",
    "datasets:write",
    "training:read",
    "training:write",
    "admin",
]
WORK: list[Scope] = [
    "data-forge:read",
    "data-forge:write",
    "synthetic:read",
    "synthetic:write",
    "datasets:read",
    "datasets:write",
    "training:read",
    "training:write",
]
"""What a new key may do if nothing is said: everything but manage keys and members."""
KeyName = Annotated[str, Text(1, 100)]
PersonName = Annotated[str, Text(1, 200)]
Email = Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$")]
Role = Annotated[str, one_of("owner", "member")]


class WhoAmI(BaseModel):
    """Whom the key speaks for, and what it may do."""

    organizationId: str
    """Send it as `X-Organization-ID`."""
    organizationName: str
    """The organisation's name."""
    userId: str
    """The member whom the key speaks for."""
    role: Role
    """Only owners may hold keys with the scope `admin`."""
    emailVerified: bool
    """Whether the member's email address is verified."""
    keyId: str
    """Id of the key."""
    keyName: str
    """Name of the key."""
    scopes: list[str]
    """What the key may do."""


class CreateKey(Strict):
    """The key to create. Unknown keys are refused: a misspelt `scopes` would give every right."""

    model_config = example(name="nightly export", scopes=["data-forge:read"])

    name: KeyName
    """What it is for."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)] = Field(default_factory=lambda: list(WORK))
    """What it may do; everything but `admin` if not given."""
    user_id: Id | None = None
    """The member whom the key speaks for; the caller if absent. Only an owner may hold `admin`."""


class ApiKey(BaseModel):
    """An active key, without the key itself."""

    id: str
    """Id of the key."""
    name: str
    """What it is for."""
    prefix: str
    """The first characters of the key, to tell it from others."""
    scopes: list[str]
    """What it may do."""
    user_id: str
    """The member whom it speaks for."""
    created_at: fields.Created
    last_used_at: fields.Time | None
    """To within some minutes; null: never."""


class NewApiKey(ApiKey):
    """The new key. It is shown only here."""

    key: str
    """Shown this once: only its SHA-256 is kept."""


class Revoked(BaseModel):
    """The key is revoked."""

    message: fields.Message
    id: str
    """Id of the key."""
    revoked: Literal[True] = True
    """Always true."""


class SocketTicket(BaseModel):
    """What opens one connection of the WebSocket API."""

    model_config = example(ticket="wst_9vK2...", expires_in=60)

    ticket: str
    """Opens one connection: `wss://.../?ticket=...`. Shown this once."""
    expires_in: int
    """Seconds in which it must be used."""


class AddMember(Body):
    """The person to add."""

    model_config = example(name="Ada", email="ada@example.com", role="member")

    name: PersonName | None = None
    """Their name."""
    email: Email | None = None
    """Belongs to one member of the organisation."""
    role: Literal["owner", "member"] = "member"
    """Only owners may hold keys with the scope `admin`."""


class Member(BaseModel):
    """A person in the organisation."""

    user_id: str
    """Id of the member."""
    name: str | None
    """Their name."""
    email: str | None
    """Their email address."""
    email_verified: bool
    """Whether the operator has verified the address."""
    role: Role
    """Only owners may hold keys with the scope `admin`."""
    created_at: fields.Created


class Removed(BaseModel):
    """The member is removed."""

    message: fields.Message
    user_id: str
    """Id of the member."""
    revoked_keys: int
    """Keys that spoke for the member; none of them works any more."""

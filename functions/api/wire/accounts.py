"""Bodies of keys and members (contract F: snake_case), and of whoami, which is older (camelCase)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from functions.api.wire.limits import Id, Text, example

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


class WhoAmI(BaseModel):
    organizationId: str
    organizationName: str
    userId: str
    role: str
    emailVerified: bool
    keyId: str
    keyName: str
    scopes: list[str]


class CreateKey(BaseModel):
    model_config = example(name="nightly export", scopes=["data-forge:read"])

    name: KeyName
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)] = Field(default_factory=lambda: list(WORK))
    user_id: Id | None = None
    """The member whom the key speaks for; the caller if absent. Only an owner may hold `admin`."""


class ApiKey(BaseModel):
    id: str
    name: str
    prefix: str
    """The first characters of the key, to tell it from others."""
    scopes: list[str]
    user_id: str
    created_at: str
    last_used_at: str | None


class NewApiKey(ApiKey):
    key: str
    """Shown this once: only its SHA-256 is kept."""


class Revoked(BaseModel):
    message: str
    id: str
    revoked: Literal[True] = True


class SocketTicket(BaseModel):
    model_config = example(ticket="wst_9vK2...", expires_in=60)

    ticket: str
    """Opens one connection: `wss://.../?ticket=...`. Shown this once."""
    expires_in: int
    """Seconds in which it must be used."""


class AddMember(BaseModel):
    model_config = example(name="Ada", email="ada@example.com", role="member")

    name: PersonName | None = None
    email: Email | None = None
    role: Literal["owner", "member"] = "member"


class Member(BaseModel):
    user_id: str
    name: str | None
    email: str | None
    email_verified: bool
    role: str
    created_at: str


class Removed(BaseModel):
    message: str
    user_id: str
    revoked_keys: int
    """Keys that spoke for the member; none of them works any more."""

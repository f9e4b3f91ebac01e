"""How the one-machine server shows that it serves a data folder, before anybody sends it the folder's key.

A command finds the address in `server.json`, which a killed server leaves behind; another program may listen there by
now. It sends a random challenge and checks the answer with the folder's `secret`, which only its owner can read. The
address is part of the answer, so nobody can pass the question on to a server at another address.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated

from fastapi import FastAPI, Query

PATH = "/local/identity"


def proof(secret: bytes, url: str, challenge: str) -> str:
    """HMAC-SHA256 in hex; `dataforge_client.cli.server_identity` computes the same."""
    return hmac.new(secret, f"dataforge server\n{url}\n{challenge}".encode(), hashlib.sha256).hexdigest()


def add_identity_route(app: FastAPI, secret: bytes, url: str) -> None:
    """url: where the server listens, as `server.json` says it."""

    @app.get(PATH, include_in_schema=False)
    def identity(challenge: Annotated[str, Query(pattern="^[0-9a-f]{32,128}$")]) -> dict[str, str]:
        return {"proof": proof(secret, url, challenge)}

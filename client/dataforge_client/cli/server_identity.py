"""Whether the program behind an address is the server of a data folder: asked before the folder's key is sent there."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

TIMEOUT = 5.0
"""Seconds for the answer."""


def serves(url: str, home: Path) -> bool:
    """True when a living process holds the folder's lock and the one at `url` proves that it knows the folder's secret.

    A folder without a lock file or a secret has no server.
    """
    return _is_held(home / "server.lock") and _knows_secret(url, home / "secret")


def _is_held(lock: Path) -> bool:
    """The kernel releases a lock when its process dies; a file system without locks is no answer, the proof decides."""
    import fcntl

    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
            return False
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _knows_secret(url: str, path: Path) -> bool:
    import httpx

    challenge = secrets.token_hex(32)
    try:
        secret = bytes.fromhex(path.read_text(encoding="utf-8"))
        expected = hmac.new(secret, f"dataforge server\n{url}\n{challenge}".encode(), hashlib.sha256).hexdigest()
        with httpx.Client(timeout=TIMEOUT, trust_env=False) as http:
            answer = http.get(f"{url}/local/identity", params={"challenge": challenge}).json()
        return hmac.compare_digest(expected.encode(), str(answer["proof"]).encode())
    except (OSError, ValueError, KeyError, TypeError, httpx.HTTPError, httpx.InvalidURL):
        return False

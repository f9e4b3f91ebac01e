"""Teacher keys from Secrets Manager, one secret per key, named `<prefix>OPENAI_API_KEY`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from dataforge.platform.aws import clients

CACHE_SECONDS = 300.0
"""A changed key takes effect after this many seconds, without a deployment."""
_NOT_FOUND = {"ResourceNotFoundException", "InvalidRequestException"}
"""The second: the secret is marked for deletion."""


class SecretsManager:
    """`ports.Secrets`. Each result, also "not set", is cached for five minutes."""

    def __init__(self, prefix: str, *, client: Any = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._prefix, self._client, self._clock = prefix, client, clock
        self._cache: dict[str, tuple[float, str | None]] = {}

    def get(self, name: str) -> str | None:
        now = self._clock()
        if name not in self._cache or self._cache[name][0] <= now:
            self._cache[name] = (now + CACHE_SECONDS, self._read(name))
        return self._cache[name][1]

    def _read(self, name: str) -> str | None:
        self._client = self._client or clients.client(
            "secretsmanager",
            config=Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}),
        )
        try:
            found = self._client.get_secret_value(SecretId=f"{self._prefix}{name}")
        except ClientError as problem:
            if problem.response["Error"]["Code"] in _NOT_FOUND:
                return None
            raise
        return str(found.get("SecretString") or "").strip() or None

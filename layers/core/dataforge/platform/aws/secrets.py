"""Teacher keys from Secrets Manager, one secret per key, named `<prefix>OPENAI_API_KEY`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from dataforge.platform.aws import clients

KEEP_S = 300.0
"""A changed key is seen after this long, without a deployment."""
_NONE_THERE = {"ResourceNotFoundException", "InvalidRequestException"}
"""The second: the secret is marked for deletion."""


class SecretsManager:
    """`ports.Secrets`. Each answer, also "there is none", is kept for five minutes."""

    def __init__(self, prefix: str, *, client: Any = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._prefix, self._client, self._clock = prefix, client, clock
        self._known: dict[str, tuple[float, str | None]] = {}

    def get(self, name: str) -> str | None:
        now = self._clock()
        if name not in self._known or self._known[name][0] <= now:
            self._known[name] = (now + KEEP_S, self._read(name))
        return self._known[name][1]

    def _read(self, name: str) -> str | None:
        self._client = self._client or clients.client(
            "secretsmanager",
            config=Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}),
        )
        try:
            found = self._client.get_secret_value(SecretId=f"{self._prefix}{name}")
        except ClientError as problem:
            if problem.response["Error"]["Code"] in _NONE_THERE:
                return None
            raise
        return str(found.get("SecretString") or "").strip() or None

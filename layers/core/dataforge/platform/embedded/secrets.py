"""API keys of model providers, from the environment or from a file that only its owner can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import orjson


class EnvironmentSecrets:
    """`ports.Secrets`: the environment first, then the file, a JSON object of names and keys."""

    def __init__(self, path: Path | None = None, *, environ: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._environ = os.environ if environ is None else environ

    def get(self, name: str) -> str | None:
        """Raises PermissionError when others may read the file, ValueError when it is no JSON object."""
        return self._environ.get(name) or self._stored().get(name) or None

    def _stored(self) -> dict[str, str]:
        if self._path is None or not self._path.exists():
            return {}
        if stat.S_IMODE(self._path.stat().st_mode) & 0o077:
            raise PermissionError(f"{self._path} holds keys and others may read it; run: chmod 600 {self._path}")
        try:
            stored = orjson.loads(self._path.read_bytes())
        except orjson.JSONDecodeError:
            stored = None
        if not isinstance(stored, dict) or not all(isinstance(v, str) for v in stored.values()):
            raise ValueError(f'{self._path} must be a JSON object such as {{"OPENAI_API_KEY": "..."}}')
        return stored

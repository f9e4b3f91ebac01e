"""What became of everything that a job was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dataforge_client.reading import by_name


@dataclass(frozen=True, slots=True)
class OutcomeFile:
    url: str
    lines: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """files: by `delivered`, `rejected` and `failed`; those that the run came to."""

    generation_id: str
    files: Mapping[str, OutcomeFile] = field(metadata={"build": by_name(OutcomeFile)})
    expires_in: int = 3600

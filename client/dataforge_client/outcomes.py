"""The outcome of every slot of a job, as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dataforge_client.decoding import nested_map


@dataclass(frozen=True, slots=True)
class OutcomeFile:
    url: str
    lines: int


@dataclass(frozen=True, slots=True)
class SyntheticOutcomes:
    """files: by outcome (`delivered`, `rejected`, `failed`); an outcome without slots has no file."""

    job_id: str
    files: Mapping[str, OutcomeFile] = field(metadata={"decode": nested_map(OutcomeFile)})
    expires_in: int = 3600


@dataclass(frozen=True, slots=True)
class Outcomes:
    """files: by outcome (`delivered`, `rejected`, `failed`); an outcome without slots has no file."""

    generation_id: str
    files: Mapping[str, OutcomeFile] = field(metadata={"decode": nested_map(OutcomeFile)})
    expires_in: int = 3600

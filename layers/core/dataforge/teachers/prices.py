"""What models are called and what they cost: `models.json`, dated, one entry per public name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """Dollars."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


@dataclass(frozen=True, slots=True)
class ModelFacts:
    id: str
    """The public name ("gpt-4o") and the provider's own."""
    name: str
    provider: str
    price: Price | None


@cache
def models() -> dict[str, ModelFacts]:
    """`provider:id` -> facts."""
    entries = json.loads(Path(__file__).with_name("models.json").read_text("utf-8"))["models"]
    return {
        f"{e['provider']}:{e['id']}": ModelFacts(
            e["id"], e["name"], e["provider"], Price(e["input"], e["output"]) if "input" in e else None
        )
        for e in entries
    }

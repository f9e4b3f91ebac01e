"""What the caller of a run may ask of every call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    temperature: float = 0.7
    max_tokens: int = 4096
    """Of one reply."""
    system_prompt: str | None = None
    """The dataset owner's own instructions, added to the recipe's rules."""
    style: str = "mixed"
    seed: int = 0
    turns: int = 3
    """User turns of a conversation."""
    labels: tuple[str, ...] = ()
    """What a classification chooses from."""
    summary_style: str = "mixed"

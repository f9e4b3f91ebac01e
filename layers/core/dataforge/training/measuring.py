"""How long training lines are, in tokens: exactly for the first ones, by characters for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataforge import tokens
from dataforge.training.examples import answer_text, asked_text

EXACT_CHARACTERS = 20_000_000
"""Up to here tokens are counted (about 7 s on one core), then estimated by what was counted."""
PER_MESSAGE = 6
"""Tokens that a chat template adds to a message, about."""


@dataclass(slots=True)
class Lengths:
    """Tokens of `o200k_base`; the tokenizer of the model that is trained may differ by 20 %."""

    lines: int = 0
    tokens: int = 0
    longest: int = 0
    characters: int = 0
    _exact_characters: int = 0
    _exact_tokens: int = 0

    @property
    def exact(self) -> bool:
        return self.characters == self._exact_characters

    @property
    def mean(self) -> float:
        return self.tokens / self.lines if self.lines else 0.0

    def add(self, converted: Mapping[str, Any]) -> int:
        """Tokens of this line."""
        text = f"{asked_text(converted)}\n{answer_text(converted)}"
        if self._exact_characters < EXACT_CHARACTERS:
            counted = tokens.count(text)
            self._exact_characters += len(text)
            self._exact_tokens += counted
        else:
            counted = round(len(text) * self._exact_tokens / self._exact_characters)
        counted += PER_MESSAGE * len(converted.get("messages", ()))
        self.lines += 1
        self.tokens += counted
        self.characters += len(text)
        self.longest = max(self.longest, counted)
        return counted

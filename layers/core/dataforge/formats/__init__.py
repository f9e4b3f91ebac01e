"""Canonical conversations to lines of a file: one module per format, chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dataforge.formats import alpaca, chatml
from dataforge.records import Message


@dataclass(frozen=True, slots=True)
class Format:
    line: Callable[[tuple[Message, ...], int | None], dict[str, object]]
    """Of the messages, and where in the last user message the text begins that it brings along (to be summarised,
    labelled, rewritten), up to its end; None: it brings none."""
    keeps_system_prompt: bool


FORMATS: dict[str, Format] = {
    "chatml": Format(chatml.line, keeps_system_prompt=True),
    "alpaca": Format(alpaca.line, keeps_system_prompt=False),
}

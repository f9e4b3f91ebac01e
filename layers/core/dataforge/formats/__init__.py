"""Canonical conversations to lines of a file: one module per format, chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dataforge.formats import alpaca, chatml
from dataforge.records import Message


@dataclass(frozen=True, slots=True)
class Format:
    line: Callable[[tuple[Message, ...]], dict[str, object]]
    keeps_system_prompt: bool


FORMATS: dict[str, Format] = {
    "chatml": Format(chatml.line, keeps_system_prompt=True),
    "alpaca": Format(alpaca.line, keeps_system_prompt=False),
}

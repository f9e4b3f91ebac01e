"""OpenAI-style chat lines: {"messages": [{"role", "content"}]}."""

from __future__ import annotations

from dataforge.records import Message


def line(messages: tuple[Message, ...], _: int | None = None) -> dict[str, object]:
    """A user message stays whole, whatever text it brings along."""
    return {"messages": [{"role": m.role, "content": m.content} for m in messages]}

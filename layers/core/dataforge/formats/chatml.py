"""OpenAI-style chat lines: {"messages": [{"role", "content"}]}."""

from __future__ import annotations

from dataforge.records import Message


def line(messages: tuple[Message, ...]) -> dict[str, object]:
    return {"messages": [{"role": m.role, "content": m.content} for m in messages]}

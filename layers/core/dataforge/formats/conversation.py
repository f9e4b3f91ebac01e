"""A pair as the messages of a conversation: the one rule that the API, the review and every export share.

A pair of one question and its answer has no turns of its own; a conversation has all its user and assistant messages in
`turns`, and its `question` and `answer` are the first and the last of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from dataforge.records import Message

Turns = Sequence[Mapping[str, Any]]
"""{"role": "user" | "assistant", "content": ...}, user first, assistant last."""


def messages(question: str, answer: str, turns: Turns = (), *, system_prompt: str | None = None) -> tuple[Message, ...]:
    """In order, the system message first if there is one."""
    said = tuple(Message(cast(Any, t["role"]), str(t["content"])) for t in turns) or (
        Message("user", question), Message("assistant", answer),
    )
    return (Message("system", system_prompt), *said) if system_prompt else said


def edited(turns: Turns, *, question: str | None = None, answer: str | None = None) -> list[dict[str, Any]]:
    """The turns after an edit of the pair's question (the first user message) or answer (the last assistant message).

    Empty turns stay empty: there question and answer are all that is said.
    """
    after: list[dict[str, Any]] = [dict(turn) for turn in turns]
    first = next((n for n, turn in enumerate(after) if turn["role"] == "user"), None)
    last = next((n for n, turn in reversed(list(enumerate(after))) if turn["role"] == "assistant"), None)
    if question is not None and first is not None:
        after[first]["content"] = question
    if answer is not None and last is not None:
        after[last]["content"] = answer
    return after

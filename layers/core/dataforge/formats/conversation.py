"""A pair as the messages of a conversation: the one rule that the API, the search, the review and every export share.

`question` is the first user message and `answer` the last assistant message; what was said between them stands in
`between`, which is empty for one question and its answer. So nothing is stored twice, and an edit of question or answer
needs no second place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from dataforge.records import Message

Between = Sequence[Mapping[str, Any]]
"""{"role": "user" | "assistant", "content": ...}, assistant first, user last."""


def messages(
    question: str, answer: str, between: Between = (), *, system_prompt: str | None = None
) -> tuple[Message, ...]:
    """In order, the system message first if there is one."""
    middle = tuple(Message(cast(Any, m["role"]), str(m["content"])) for m in between)
    said = (Message("user", question), *middle, Message("assistant", answer))
    return (Message("system", system_prompt), *said) if system_prompt else said

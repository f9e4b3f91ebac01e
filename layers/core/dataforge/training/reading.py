"""Values of a training line: the first of some names that is there, as text or as messages of a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

from dataforge.errors import Invalid
from dataforge.records import Message
from dataforge.text.normal_forms import repair_surrogates
from dataforge.training.option_fields import kind_of

Line: TypeAlias = Mapping[str, Any]
Role: TypeAlias = Literal["system", "user", "assistant"]

ROLES: dict[str, Role] = {
    **dict.fromkeys(("user", "human", "prompter", "customer"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "agent"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}
"""As they are called elsewhere -> as they are called here."""
MOST_TURNS = 1000
QUOTED = 40
"""Characters of a value that a message repeats."""


def found(line: Line, names: Sequence[str]) -> str | None:
    """The first of the names that the line has, with a value; None: none of them."""
    for name in names:  # a loop: this is called a dozen times for every line
        if line.get(name) is not None:
            return name
    return None


def required(line: Line, names: Sequence[str]) -> str:
    """The text under one of the names; the first one is named where all are missing. Raises Invalid."""
    name = found(line, names)
    if name is None:
        raise missing(names[0])
    return text(line[name], name)


def optional(line: Line, names: Sequence[str]) -> str:
    """The text under one of the names, which may be empty; "" where there is none. Raises Invalid."""
    name = found(line, names)
    return "" if name is None else text(line[name], name, may_be_empty=True)


def missing(name: str) -> Invalid:
    return Invalid(f"Missing required field '{name}'", field=name)


def text(value: Any, name: str, *, may_be_empty: bool = False) -> str:
    """A text or a number; a list of text parts, as some chat formats have them, is joined. Raises Invalid."""
    if isinstance(value, list):
        value = _joined(value, name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**300 else value
    if not isinstance(value, str):
        raise Invalid(f"Field '{name}' must be a text, not {kind_of(value)}", field=name)
    if not may_be_empty and not value.strip():
        raise Invalid(f"Field '{name}' is empty", field=name)
    return repair_surrogates(value).replace("\0", "")


def _joined(parts: list[Any], name: str) -> str:
    """Raises Invalid for parts that are no text, an image for instance: dropped, they would be lost silently."""
    texts = [p.get("text") if isinstance(p, dict) else p for p in parts]
    if not all(isinstance(t, str) for t in texts):
        raise Invalid(f"Field '{name}' holds parts that are no text: only text can be trained on", field=name)
    return "\n".join(cast(list[str], texts))


def messages(value: Any, name: str) -> tuple[Message, ...]:
    """A text is one user message. Raises Invalid naming the turn."""
    if isinstance(value, str):
        return (Message("user", text(value, name)),)
    if not isinstance(value, list) or not value:
        raise Invalid(f"Field '{name}' must be a list of messages, not {kind_of(value)}", field=name)
    if len(value) > MOST_TURNS:
        raise Invalid(f"Field '{name}' has {len(value)} messages: at most {MOST_TURNS} can be read", field=name)
    return tuple(_message(turn, f"{name}[{number}]") for number, turn in enumerate(value))


def _message(turn: Any, name: str) -> Message:
    if not isinstance(turn, dict):
        raise Invalid(f"Field '{name}' must be an object with role and content, not {kind_of(turn)}", field=name)
    said = turn.get("role", turn.get("from"))
    role = ROLES.get(said.strip().lower()) if isinstance(said, str) else None
    if turn.get("tool_calls") or turn.get("function_call") or said in ("tool", "function", "function_call"):
        raise Invalid(f"Field '{name}' calls a tool: tool calls cannot be trained yet", field=name)
    if role is None:
        given = repr(said[:QUOTED]) if isinstance(said, str) else kind_of(said)
        raise Invalid(f"Field '{name}.role' must be system, user or assistant, not {given}", field=name)
    content = turn.get("content", turn.get("value"))
    if content is None:
        raise missing(f"{name}.content")
    return Message(role, text(content, f"{name}.content", may_be_empty=role == "system"))


def answer(value: Any, name: str) -> str:
    """A text, or messages of which the only one is the assistant's. Raises Invalid."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and not {"role", "from"}.isdisjoint(value[0]):
        said = messages(value, name)
        if len(said) > 1 or said[0].role != "assistant":
            raise Invalid(f"Field '{name}' must hold one message of the assistant", field=name)
        return said[0].content
    return text(value, name)


def without_empty(said: Iterable[Message]) -> tuple[Message, ...]:
    """A system message without words says nothing; the others are checked when they are read."""
    return tuple(m for m in said if m.content.strip() or m.role != "system")

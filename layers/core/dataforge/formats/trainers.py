"""What a trainer refuses in a file: its rules, one entry of TRAINERS for each trainer.

Sources: the documentation of OpenAI's fine-tuning (chat and preference formats), of Amazon Bedrock ("Prepare data for
fine-tuning"), of TRL ("Dataset formats") and of LLaMA-Factory (`data/README.md`). Limits that depend on the model, such
as Bedrock's numbers of records, are not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

from dataforge import tokens

Line: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Violation:
    field: str
    message: str


Check: TypeAlias = Callable[[Line], Iterable[Violation]]


@dataclass(frozen=True, slots=True)
class Trainer:
    title: str
    line: Check
    least_lines: int = 1
    one_shape: bool = True
    """Whether all lines must have the same fields."""


OPENAI_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
OPENAI_MESSAGE = (
    *("role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal", "audio"),
)
OPENAI_FIELDS = ("messages", "tools", "parallel_tool_calls", "functions")
OPENAI_PREFERENCE = ("input", "preferred_output", "non_preferred_output")
OPENAI_TOKENS = 65_536
"""Of one example, by the newer models; longer ones are cut off."""
BEDROCK_VERSION = "bedrock-conversation-2024"
TRL_ROLES = ("system", "developer", "user", "assistant", "tool")
SHAREGPT_ODD, SHAREGPT_EVEN = ("human", "observation", "user"), ("gpt", "function_call", "assistant")


def _openai(line: Line) -> Iterator[Violation]:
    if "preferred_output" in line or "non_preferred_output" in line:
        yield from _openai_preference(line)
        return
    yield from _unknown(line, OPENAI_FIELDS)
    yield from _chat(line.get("messages"), "messages", OPENAI_ROLES, keys=OPENAI_MESSAGE, ends=True)
    for at, message in _messages(line.get("messages")):
        weight = message.get("weight")
        if weight is not None and (message.get("role") != "assistant" or weight not in (0, 1)):
            yield Violation(f"messages[{at}].weight", "weight must be 0 or 1, on messages of the assistant only")
    yield from _too_long(line)


def _openai_preference(line: Line) -> Iterator[Violation]:
    yield from _unknown(line, OPENAI_PREFERENCE)
    asked = line.get("input")
    messages = asked.get("messages") if isinstance(asked, dict) else None
    yield from _chat(messages, "input.messages", OPENAI_ROLES, keys=OPENAI_MESSAGE)
    for name in OPENAI_PREFERENCE[1:]:
        yield from _chat(line.get(name), name, ("assistant",), keys=OPENAI_MESSAGE, ends=True)
        if isinstance(line.get(name), list) and len(line[name]) != 1:
            yield Violation(name, f"{name} must hold one message of the assistant")
    yield from _too_long(line)


def _too_long(line: Line) -> Iterator[Violation]:
    """A token has at least one byte, so most lines need no count."""
    said = [str(m.get("content") or "") for name in line for _, m in _messages(line[name])]
    if sum(len(text.encode("utf-8", "surrogatepass")) for text in said) > OPENAI_TOKENS:
        count = sum(map(tokens.count, said))
        if count > OPENAI_TOKENS:
            yield Violation("messages", f"The example has about {count:,} tokens; at most {OPENAI_TOKENS:,} are read")


def _bedrock(line: Line) -> Iterator[Violation]:
    if "messages" not in line and "schemaVersion" not in line:
        yield from _unknown(line, ("prompt", "completion"))
        yield from _texts(line, ("prompt", "completion"))
        return
    yield from _unknown(line, ("schemaVersion", "system", "messages"))
    if line.get("schemaVersion") != BEDROCK_VERSION:
        yield Violation("schemaVersion", f'schemaVersion must be "{BEDROCK_VERSION}"')
    if "system" in line:
        yield from _parts(line["system"], "system")
    before = "assistant"
    for at, message in _messages(line.get("messages")):
        role = message.get("role")
        if role not in ("user", "assistant") or role == before:
            yield Violation(f"messages[{at}].role", "roles must be user and assistant in turns, the user first")
        before = str(role)
        yield from _parts(message.get("content"), f"messages[{at}].content")
    if before != "assistant" or not isinstance(line.get("messages"), list) or not line["messages"]:
        yield Violation("messages", "messages must end with one of the assistant")


def _parts(value: Any, name: str) -> Iterator[Violation]:
    """Bedrock's content: a list of {"text": ...}."""
    parts = value if isinstance(value, list) else []
    if not parts or not all(isinstance(p, dict) and _is_text(p.get("text")) for p in parts):
        yield Violation(name, f'{name} must be a list of {{"text": ...}} with words in it')


def _trl(line: Line) -> Iterator[Violation]:
    """messages; text; prompt with completion; [prompt with] chosen and rejected; prompt, completion and label."""
    if "messages" in line:
        yield from _chat(line["messages"], "messages", TRL_ROLES)
        return
    if "text" in line:
        yield from _texts(line, ("text",))
        return
    wanted = ("chosen", "rejected") if "chosen" in line or "rejected" in line else ("prompt", "completion")
    names = tuple(dict.fromkeys((*(("prompt",) if "prompt" in line else ()), *wanted)))
    if not any(name in line for name in names):
        yield Violation("messages", "None of messages, text, prompt with completion, chosen with rejected")
        return
    if len({isinstance(line.get(name), list) for name in names}) > 1:
        yield Violation(names[0], f"{', '.join(names)} must all be texts, or all be lists of messages")
    for name in names:
        if isinstance(line.get(name), list):
            yield from _chat(line[name], name, TRL_ROLES)
        else:
            yield from _texts(line, (name,))
    if "label" in line and not isinstance(line["label"], bool):
        yield Violation("label", "label must be true or false")


def _llama_factory(line: Line) -> Iterator[Violation]:
    """alpaca or sharegpt; OpenAI's messages with tags in dataset_info.json."""
    if "conversations" in line or "messages" in line:
        yield from _sharegpt(line)
        return
    yield from _texts(line, ("instruction", *(("chosen", "rejected") if "chosen" in line else ("output",))))
    for name in ("input", "system"):
        if line.get(name) is not None and not isinstance(line[name], str):
            yield Violation(name, f"{name} must be a text")
    history = line.get("history") or []
    if not isinstance(history, list) or not all(isinstance(t, list) and len(t) == 2 for t in history):
        yield Violation("history", "history must be a list of pairs: what was asked, what was answered")


def _sharegpt(line: Line) -> Iterator[Violation]:
    name, role, text = (
        ("conversations", "from", "value") if "conversations" in line else ("messages", "role", "content")
    )
    turns = [m for _, m in _messages(line.get(name))]
    if turns and turns[0].get(role) == "system":
        turns = turns[1:]
    if not turns or not isinstance(line.get(name), list):
        yield Violation(name, f"{name} must be a list of messages")
        return
    for at, turn in enumerate(turns):
        allowed = SHAREGPT_EVEN if at % 2 else SHAREGPT_ODD
        if turn.get(role) not in allowed:
            yield Violation(f"{name}[{at}].{role}", f"message {at + 1} must be of {' or '.join(allowed)}")
        if not isinstance(turn.get(text), str):
            yield Violation(f"{name}[{at}].{text}", f"{text} must be a text")
    if len(turns) % 2 and "chosen" not in line:
        yield Violation(name, f"{name} must end with an answer")


def _chat(
    value: Any, name: str, roles: Collection[str], *, keys: Collection[str] = (), ends: bool = False
) -> Iterator[Violation]:
    """ends: the last message must be the assistant's. keys: those that a message may have; empty: any."""
    if not isinstance(value, list) or not value:
        yield Violation(name, f"{name} must be a list of messages")
        return
    for at, message in enumerate(value):
        if not isinstance(message, dict):
            yield Violation(f"{name}[{at}]", "a message must be an object")
            continue
        if message.get("role") not in roles:
            yield Violation(f"{name}[{at}].role", f"role must be one of {', '.join(roles)}")
        calls = message.get("tool_calls") or message.get("function_call")
        if not calls and not _is_text(message.get("content")) and not _has_parts(message.get("content")):
            yield Violation(f"{name}[{at}].content", "content must be a text that is not empty")
        if keys:
            yield from (Violation(f"{name}[{at}].{v.field}", v.message) for v in _unknown(message, keys))
    last = value[-1]
    if ends and isinstance(last, dict) and last.get("role") != "assistant":
        yield Violation(name, f"{name} must end with a message of the assistant")


def _messages(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for at, message in enumerate(value if isinstance(value, list) else []):
        if isinstance(message, dict):
            yield at, message


def _has_parts(content: Any) -> bool:
    return isinstance(content, list) and any(isinstance(p, dict) and _is_text(p.get("text")) for p in content)


def _texts(line: Line, names: Iterable[str]) -> Iterator[Violation]:
    for name in names:
        if not _is_text(line.get(name)):
            yield Violation(name, f"{name} must be a text that is not empty")


def _unknown(line: Line, known: Collection[str]) -> Iterator[Violation]:
    for name in line:
        if name not in known:
            yield Violation(str(name)[:60], f"{str(name)[:60]} is no field of this format")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


TRAINERS: dict[str, Trainer] = {
    "openai": Trainer("OpenAI fine-tuning", _openai, least_lines=10),
    "bedrock": Trainer("Amazon Bedrock customization", _bedrock),
    "trl": Trainer("TRL", _trl),
    "llama-factory": Trainer("LLaMA-Factory", _llama_factory),
}


def of_file(name: str, lines: int, shapes: Mapping[str, int]) -> list[str]:
    """What the trainer refuses of the whole file. lines: that it could read; shapes: how many lines are of each."""
    trainer = TRAINERS[name]
    few = [f"{trainer.title} needs at least {trainer.least_lines} examples, the file has {lines}"]
    mixed = [f"All lines must have the same fields; these are of different shapes: {', '.join(shapes)}"]
    return list(
        chain(few if lines < trainer.least_lines else (), mixed if trainer.one_shape and len(shapes) > 1 else ())
    )

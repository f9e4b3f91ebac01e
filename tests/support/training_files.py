"""Small files of training records, one in each shape that trainers read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

EXCHANGES = [
    ("When does the harbour office open on Saturdays?", "On Saturdays the harbour office opens at nine."),
    ("How many bicycles fit on the evening ferry?", "The evening ferry carries up to forty bicycles."),
    ("Who repairs a broken mooring line?", "The quay team repairs mooring lines, day and night."),
    ("What does a weekly berth cost in winter?", "A weekly berth costs 180 crowns from November to March."),
]


def _chat(question: str, answer: str, *, role: str, text: str, names: tuple[str, str]) -> list[dict[str, str]]:
    return [{role: names[0], text: question}, {role: names[1], text: answer}]


def _messages(question: str, answer: str) -> list[dict[str, str]]:
    return _chat(question, answer, role="role", text="content", names=("user", "assistant"))


SHAPES = {
    "chatml": lambda q, a: {"messages": _messages(q, a)},
    "alpaca": lambda q, a: {"instruction": q, "input": "", "output": a},
    "sharegpt": lambda q, a: {
        "conversations": _chat(q, a, role="from", text="value", names=("human", "gpt")),
    },
    "preference": lambda q, a: {"prompt": q, "chosen": a, "rejected": "No idea at all, ask somebody else."},
    "openai-preference": lambda q, a: {
        "input": {"messages": _messages(q, a)[:1]},
        "preferred_output": _messages(q, a)[1:],
        "non_preferred_output": [{"role": "assistant", "content": "No idea at all, ask somebody else."}],
    },
    "prompt-completion": lambda q, a: {"prompt": q, "completion": a},
    "prompt-completion-messages": lambda q, a: {"prompt": _messages(q, a)[:1], "completion": _messages(q, a)[1:]},
    "bedrock": lambda q, a: {
        "schemaVersion": "bedrock-conversation-2024",
        "messages": [{"role": m["role"], "content": [{"text": m["content"]}]} for m in _messages(q, a)],
    },
    "records": lambda q, a: {"slot": 1, "question": q, "answer": a, "evidence": [], "chunk_id": "chunk_1_0001"},
}
"""Name -> a line of a question and its answer."""


def write(path: Path, lines: Iterable[Mapping[str, Any] | str]) -> Path:
    """A line that is text is written as it is."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def of_shape(name: str, path: Path) -> Path:
    return write(path, [SHAPES[name](question, answer) for question, answer in EXCHANGES])


def read(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

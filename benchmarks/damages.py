"""Replies as models really write them: valid ones of every recipe's shape, and the ways in which they come damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataforge.recipes import RECIPES
from dataforge.recipes.draft_reading import ReplyForm

Record = dict[str, Any]

PIECES = (
    "The ferry",
    "leaves at 10:15",
    "it's",
    "the crews'",
    'a "berth"',
    'He said "no",',
    '"Why?"',
    "{name}",
    "[see 3]",
    'print("x")',
    '{"name": "x"}',
    "a, b and c",
    "note: wait",
    "50 %",
    "#4",
    "// not a comment",
    "/* nor this */",
    "C:\\dir",
    "\\d+",
    "Ünïcödé",
    "船は十時",
    "🚢",
    "\n- item",
    "\n\n",
    "```py\nx\n```",
    "<think>",
    "</think>",
    "true",
    "null,",
    "“so”",
    "}]",
    "{{x}}",
    "a\tb",
    "«ça»",
    "...",
    "'quoted'",
    "end.",
    '("in brackets")',
    "e.g.",
    "\u2028",
    "=",
    "key: value",
)
"""What the texts of records are made of: whatever JSON, or its damages, could be confused by."""

KINDS: dict[str, ReplyForm] = {kind: recipe.form for kind, recipe in RECIPES.items()}


@dataclass(frozen=True)
class Damage:
    """do: from a wrapper key and records to the text of a reply. exact: every record can be read again; else those that
    are read have exactly their text."""

    do: Callable[[str, list[Record]], str]
    exact: bool = True


def alike(found: Record, record: Record) -> bool:
    """As far as the record's own fields go."""
    return all(found.get(key) == value for key, value in record.items())


def usable(found: list[Record], record: Record) -> list[Record]:
    """Those that a recipe could take for a record like this one: all fields there, and of the right type."""
    return [
        f
        for f in found
        if all(isinstance(f.get(k), type(v)) for k, v in record.items())
        and all(set(t) == {"user", "assistant"} for t in f.get("turns", []) if isinstance(t, dict))
    ]


def dumped(key: str, records: list[Record], **style: Any) -> str:
    return json.dumps({key: records}, ensure_ascii=False, **style)


def _strings(text: str, change: Callable[[str], str]) -> str:
    """Every string literal of a JSON text, quotes included, replaced."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda m: change(m[0]), text)


def _structure(text: str, change: Callable[[str], str]) -> str:
    """Everything between the string literals replaced."""
    parts = re.split(r'("(?:[^"\\]|\\.)*")', text)
    return "".join(part if n % 2 else change(part) for n, part in enumerate(parts))


def _other_quotes(text: str, opening: str, closing: str) -> str:
    """As a model writes them: its own quotes escaped, ours not."""

    def change(literal: str) -> str:
        inner = literal[1:-1].replace('\\"', '"')
        if opening == "'":
            inner = inner.replace("'", "\\'")
        return f"{opening}{inner}{closing}"

    return _strings(text, change)


def _bare_keys(text: str) -> str:
    return re.sub(r'("(?:[^"\\]|\\.)*")(\s*:)?', lambda m: m[1][1:-1] + m[2] if m[2] else m[0], text)


def _python(_: str, records: list[Record]) -> str:
    return repr({_: [{**r, "checked": True, "note": None} for r in records]})


def _jsonl(_: str, records: list[Record]) -> str:
    return "\n".join(json.dumps(r, ensure_ascii=False) for r in records)


DAMAGES: dict[str, Damage] = {
    "none": Damage(dumped),
    "code fence": Damage(lambda k, r: f"```json\n{dumped(k, r, indent=2)}\n```"),
    "prose around": Damage(lambda k, r: f"Here you {{go}}, as [asked]:\n{dumped(k, r)}\nSay {{if}} you want more."),
    "reasoning before": Damage(lambda k, r: f'<think>They want {{"{k}": [...]}}. Easy.</think>\n{dumped(k, r)}'),
    "reasoning, opening mark lost": Damage(lambda k, r: f"They want {{two}} of them.\n</think>\n{dumped(k, r)}"),
    "trailing commas": Damage(lambda k, r: _structure(dumped(k, r), lambda s: re.sub(r"([}\]])", r",\1", s))),
    "commas twice": Damage(lambda k, r: _structure(dumped(k, r), lambda s: s.replace(",", ",,"))),
    "missing commas": Damage(lambda k, r: _structure(dumped(k, r, indent=1), lambda s: s.replace(",", ""))),
    "single quotes": Damage(lambda k, r: _other_quotes(dumped(k, r), "'", "'")),
    "smart quotes": Damage(lambda k, r: _other_quotes(dumped(k, r), "“", "”")),
    "bare keys": Damage(lambda k, r: _bare_keys(dumped(k, r))),
    "Python literals": Damage(_python),
    "comments": Damage(
        lambda k, r: _structure(
            dumped(k, r, indent=1), lambda s: s.replace(",\n", ", // and so on\n").replace("[\n", "[ /* here */\n")
        )
    ),
    "line ends not escaped": Damage(lambda k, r: _strings(dumped(k, r), lambda s: s.replace("\\n", "\n"))),
    "quotes not escaped": Damage(lambda k, r: _strings(dumped(k, r), lambda s: s.replace('\\"', '"')), exact=False),
    "doubled braces": Damage(lambda k, r: _structure(dumped(k, r), lambda s: s.replace("{", "{{").replace("}", "}}"))),
    "JSON lines": Damage(_jsonl),
    "objects in sequence": Damage(lambda k, r: "\n\n".join(dumped(k, [one], indent=1) for one in r)),
    "wrapped deeper": Damage(lambda k, r: json.dumps({"result": {k: r}}, ensure_ascii=False)),
    "list alone": Damage(lambda _, r: json.dumps(r)),
    "said twice": Damage(lambda k, r: f"{dumped(k, r)}\n\nHere it is again:\n{dumped(k, r)}"),
    "brackets not closed": Damage(lambda k, r: dumped(k, r)[:-2]),
    "closing brace forgotten": Damage(lambda k, r: dumped(k, r).replace("}, {", ", {", 1), exact=False),
    "closing quote forgotten": Damage(
        lambda k, r: re.sub(r'([a-z.])", "', r'\1, "', dumped(k, r), count=1), exact=False
    ),
}

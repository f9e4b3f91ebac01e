"""How a careless teacher spoils a good answer. Each function returns None where the answer offers no place for it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][a-zé]+(?: [A-Z][a-zé]+)*")
_INVENTED = (
    "and the duty manager must sign the form in red ink",
    "which was decided after the storm of 1987",
    "unless the customer belongs to the founders' club",
    "and a copy is sent to the ministry of transport every Friday",
    "because the insurance of the company demands it",
    "and children under twelve receive a blue wristband for it",
)

Spoiler: TypeAlias = Callable[[Any, Sequence[Any], random.Random], "str | None"]
"""Of a line of records.jsonl with its `passage`, among all lines."""


def other_number(line: Any, _: Sequence[Any], rng: random.Random) -> str | None:
    """Another number of the passage where there is one, else one that is a little off."""
    answer = line["answer"]
    found = list(_NUMBER.finditer(answer))
    if not found:
        return None
    at = rng.choice(found)
    others = sorted(set(_NUMBER.findall(line["passage"])) - {m.group() for m in found})
    digits = re.sub(r"\D", "", at.group())
    new = rng.choice(others) if others else str(int(digits) + rng.choice((1, 3, 7)))
    return str(answer[: at.start()] + new + answer[at.end() :])


def names_exchanged(line: Any, _: Sequence[Any], rng: random.Random) -> str | None:
    """A name for another one of the passage, and the other way round."""
    answer = line["answer"]
    mine = sorted(set(_NAME.findall(answer)))
    others = sorted(set(_NAME.findall(line["passage"])) - set(mine))
    if not mine or not others:
        return None
    one, other = rng.choice(mine), rng.choice(others)
    return str(answer.replace(one, "\0").replace(other, one).replace("\0", other))


def other_answer(line: Any, lines: Sequence[Any], rng: random.Random) -> str | None:
    """A true sentence that answers another question about the same passage."""
    others = [x["answer"] for x in lines if x["passage"] == line["passage"] and x["answer"] != line["answer"]]
    return str(rng.choice(others)) if others else None


def half_invented(line: Any, _: Sequence[Any], rng: random.Random) -> str | None:
    """It goes on with something that nobody wrote."""
    return f"{line['answer'].rstrip('.')}, {rng.choice(_INVENTED)}."


SPOILERS: dict[str, Spoiler] = {
    "number changed": other_number,
    "names exchanged": names_exchanged,
    "answer to another question": other_answer,
    "half invented": half_invented,
}

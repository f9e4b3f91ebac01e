"""Rules that every record must keep, checked by a light model after it was written.

A checker that cannot be understood lets the record pass: the rules steer a data set, they must not be able to stop it.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataforge.recipes.judging import JudgedRecord, rendered
from dataforge.recipes.record_lists import listed, numbered, whole_number
from dataforge.records import Answer, Message, Passage, Question

KIND = "invariants"

_RULES = """You check records of training data against numbered rules. For each record list the numbers of the rules
that it clearly breaks, in "violated"; an empty list where it breaks none. A rule about something that does not occur in
the record is kept. Do not guess: what is not clearly broken is kept.
Reply with JSON only: {"checks": [{"n": 1, "violated": []}]}"""


def question(records: Sequence[JudgedRecord], rules: Sequence[str], *, domain: str) -> Question:
    listing = "\n".join(f"{n}. {rule}" for n, rule in enumerate(rules, 1))
    shown = "\n\n".join(rendered(n, r) for n, r in enumerate(records, 1))
    schema = listed("checks", {"violated": {"type": "array", "items": {"type": "integer"}}})
    return Question(
        (
            Message("system", _RULES),
            Message("user", f"Rules:\n{listing}\n\n{shown}\n\nCheck all {len(records)}."),
        ),
        Passage(domain),
        (),
        kind=KIND,
        temperature=0.0,
        max_tokens=128 + 60 * len(records),
        json_schema=schema,
    )


def read(answer: Answer, count: int, rules: int) -> list[list[int] | None]:
    """Per record the rules it breaks, from 0; None where the reply does not say, which counts as kept."""
    made: list[list[int] | None] = []
    for found in numbered(answer, count, {"checks", "violated"}):
        broken = found.get("violated") if found else None
        if isinstance(broken, list):
            made.append(sorted({n - 1 for n in map(whole_number, broken) if n is not None and 1 <= n <= rules}))
        else:
            made.append(None)
    return made

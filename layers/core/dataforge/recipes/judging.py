"""The judge: three scores from 1 to 10 for what a model wrote, and any number of fields of the caller's own.

It reads what was asked and answered, not schemas, so every kind of record can be judged; one call looks
at a few of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from dataforge.recipes.reply_json import objects
from dataforge.records import Answer, Message, Passage, Question

KIND = "judge"
SCORES = ("relevance", "accuracy", "completeness")
LEAST_OVERALL = 6.0
"""A record whose overall score is below this is rejected."""

_RULES = """You judge records of training data. Be strict: most records are mediocre, a 9 or 10 is rare, a 5 has a clear
flaw, a 3 or less misleads whoever learns from it. Judge each on its own, from 1 to 10 with at most one decimal:
- relevance: does the response answer what was really asked, and does it belong to the domain?
- accuracy: is what it says true, safe and consistent? A correction of a false premise, or a well put refusal of a
  harmful request, is accurate.
- completeness: are the points there that the asker needs? Length alone is no merit."""


@dataclass(frozen=True, slots=True)
class JudgedRecord:
    """What was asked and what was answered, as they will be learnt."""

    asked: str
    answered: str
    note: str = ""
    """What the judge should know of this one."""


@dataclass(frozen=True, slots=True)
class JudgeScores:
    """Scores 1-10 with one decimal."""

    relevance: float
    accuracy: float
    completeness: float
    fields: Mapping[str, float] = field(default_factory=dict)

    @property
    def overall(self) -> float:
        return round((self.relevance + self.accuracy + self.completeness) / 3, 1)

    @property
    def passes(self) -> bool:
        return self.relevance + self.accuracy + self.completeness >= 3 * LEAST_OVERALL


def question(records: Sequence[JudgedRecord], *, domain: str, fields: Sequence[str] = (), seed: int = 0) -> Question:
    """fields: names of further properties to score, each explained by its name."""
    names = [*SCORES, *fields]
    form = ", ".join(f'"{n}": 7.5' for n in names)
    rules = _RULES + "".join(f"\n- {name}: how much of this property the record has" for name in fields)
    shown = "\n\n".join(rendered(n, r) for n, r in enumerate(records, 1))
    return Question(
        (
            Message("system", f'{rules}\nReply with JSON only: {{"verdicts": [{{"n": 1, {form}}}]}}'),
            Message("user", f"Domain: {domain}\n\n{shown}\n\nJudge all {len(records)}."),
        ),
        Passage(domain),
        (),
        kind=KIND,
        temperature=0.0,
        max_tokens=256 + 200 * len(records),
        json_schema=listed("verdicts", {name: {"type": "number"} for name in names}),
        seed=seed,
    )


def rendered(number: int, shown: JudgedRecord) -> str:
    note = f"\n<note>{shown.note}</note>" if shown.note else ""
    return (
        f'<record n="{number}">\n<asked>\n{shown.asked}\n</asked>\n<answered>\n{shown.answered}\n</answered>{note}'
        "\n</record>"
    )


def read(answer: Answer, count: int, fields: Sequence[str] = ()) -> list[JudgeScores | None]:
    """One per record; None where the reply does not have all scores of it."""
    made: list[JudgeScores | None] = []
    for found in numbered(answer, count, {"verdicts", *SCORES, *fields}):
        scores = {name: score(found.get(name)) for name in (*SCORES, *fields)} if found else {}
        known = {name: value for name, value in scores.items() if value is not None}
        whole = bool(scores) and len(known) == len(scores)
        made.append(_scores(known, fields) if whole else None)
    return made


def _scores(known: Mapping[str, float], fields: Sequence[str]) -> JudgeScores:
    relevance, accuracy, completeness = (known[s] for s in SCORES)
    return JudgeScores(relevance, accuracy, completeness, {f: known[f] for f in fields})


def score(value: object) -> float | None:
    """1-10, one decimal; None for what is no such number."""
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):  # a text, or an integer beyond every float
        return None
    return round(number, 1) if 1 <= number <= 10 else None


def numbered(answer: Answer, count: int, fields: Collection[str]) -> list[dict[str, object] | None]:
    """The reply's objects by their "n" (1..count); by order when none carries one. fields: what they may hold. An
    object whose "n" is no number of a record is one of none."""
    found = objects(answer.text, fields=fields)
    if not any("n" in f for f in found):
        return [*found[:count], *([None] * (count - len(found)))]
    placed: dict[int, dict[str, object]] = {}
    for one in found:
        if (number := whole_number(one.get("n"))) is not None:
            placed.setdefault(number, one)
    return [placed.get(n) for n in range(1, count + 1)]


def whole_number(value: object) -> int | None:
    """None for what is no integer, or one with more digits than any number of a record has."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9 else None


def listed(name: str, properties: Mapping[str, object]) -> dict[str, object]:
    """JSON schema of {name: [{"n": 1, ...properties}]}."""
    own = {"n": {"type": "integer"}, **properties}
    item = {"type": "object", "additionalProperties": False, "required": list(own), "properties": own}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name],
        "properties": {name: {"type": "array", "items": item}},
    }

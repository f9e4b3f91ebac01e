"""The judge: three scores from 1 to 10 for what a model wrote, and any number of fields of the caller's own.

It reads what was asked and answered, not schemas, so every kind of record can be judged; one call looks
at a few of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dataforge.recipes import verifying
from dataforge.recipes.record_lists import MATERIAL, listed, numbered, score, tagged
from dataforge.records import Answer, Message, Passage, Question

KIND = "judge"
SCORES = ("relevance", "accuracy", "completeness")
LEAST_OVERALL = 6.0
"""A record whose overall score is below this is rejected."""

_RULES = f"""You judge records of training data. Be strict: most records are mediocre, a 9 or 10 is rare, a 5 has a
clear flaw, a 3 or less misleads whoever learns from it. Judge each on its own. {MATERIAL}
Say first, of each, where "supported" is what is true, or follows from what was asked:
{verifying.EVIDENCE_RULES}
Then score it from 1 to 10 with at most one decimal:
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
    words: tuple[str, ...] = ()
    """Of the response, which the judge takes to be wrong; each of them stands there."""
    reason: str = ""

    @property
    def overall(self) -> float:
        return round((self.relevance + self.accuracy + self.completeness) / 3, 1)

    @property
    def passes(self) -> bool:
        return self.relevance + self.accuracy + self.completeness >= 3 * LEAST_OVERALL


def question(records: Sequence[JudgedRecord], *, domain: str, fields: Sequence[str] = (), seed: int = 0) -> Question:
    """fields: names of further properties to score, each explained by its name."""
    names = [*SCORES, *fields]
    form = '"unsupported": [], "reason": "...", ' + ", ".join(f'"{n}": 7.5' for n in names)
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
        max_tokens=256 + 300 * len(records),
        json_schema=listed("verdicts", {**verifying.EVIDENCE, **{name: {"type": "number"} for name in names}}),
        seed=seed,
    )


def rendered(number: int, shown: JudgedRecord) -> str:
    said = [tagged("asked", shown.asked), tagged("answered", shown.answered)]
    said += [tagged("note", shown.note)] if shown.note else []
    return "\n".join((f'<record n="{number}">', *said, "</record>"))


def read(answer: Answer, records: Sequence[JudgedRecord], fields: Sequence[str] = ()) -> list[JudgeScores | None]:
    """One per record; None where the reply does not have all scores of it."""
    made: list[JudgeScores | None] = []
    known = {"verdicts", *verifying.EVIDENCE, *SCORES, *fields}
    for record, found in zip(records, numbered(answer, len(records), known, whole="unsupported"), strict=True):
        scores = {name: score(found.get(name)) for name in (*SCORES, *fields)} if found else {}
        given = {name: value for name, value in scores.items() if value is not None}
        whole = bool(scores) and len(given) == len(scores)
        made.append(_scores(given, fields, verifying.evidence(found or {}, [record.answered])) if whole else None)
    return made


def _scores(known: Mapping[str, float], fields: Sequence[str], evidence: tuple[tuple[str, ...], str]) -> JudgeScores:
    relevance, accuracy, completeness = (known[s] for s in SCORES)
    return JudgeScores(relevance, accuracy, completeness, {f: known[f] for f in fields}, *evidence)

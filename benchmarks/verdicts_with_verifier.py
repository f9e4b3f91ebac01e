"""What a verifier adds to the verdicts of the checks, on labelled records: whom it is asked about, what comes of it.

    python -m benchmarks.verdicts_with_verifier [--data FILE] [--noise 0.1] [--seeds 20]

The verifier is scripted: it knows the label of each record and says the opposite of it in one of ten. It is asked with
the product's own question, several records at a time, and its replies are read and applied as in a run. The verdicts of
the checks are those of the 10-fold cross-validation of `benchmarks.verdicts`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.judged import DATA, Judged, read, share
from benchmarks.verdicts import Judgement, cross_validated, look
from dataforge.quality import rulings
from dataforge.quality.findings import Finding, reasons
from dataforge.quality.record_scoring import RecordScore
from dataforge.quality.verification import CRITERIA
from dataforge.recipes import verifying
from dataforge.recipes.record_lists import shielded
from dataforge.recipes.verifying import ShownRecord
from dataforge.records import Answer, Draft, Grounding

TOGETHER = 3
"""Records of one question."""
_NUMBER = re.compile(r'<record n="(\d+)"[^>]*>(.*?)</record>', re.DOTALL)
Asked = Callable[[RecordScore], bool]


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares: of all records sent, and of the good ones; of the good ones rejected, and flagged; of those to reject
    accepted without a flag, of those to review the same."""

    sent: float
    good_sent: float
    lost: float
    flagged: float
    bad: float
    doubtful: float


def score_of(judgement: Judgement) -> RecordScore:
    """As the checks left the record."""
    outcome = {"rejected": "reject", "flagged": "review"}.get(judgement.outcome)
    found = (Finding("checks", "reject" if outcome == "reject" else "review"),) if outcome else ()
    return RecordScore(Grounding(0.0), judgement.probability, reasons(found), found)


def shown(judged: Judged) -> ShownRecord:
    r = judged.record
    draft = Draft(r.question, r.answer, turns=r.turns, material_at=r.material_at)
    return verifying.of_draft(draft, [r.source] if r.source else [])


def run(found: Sequence[Judgement], asked: Asked, *, noise: float, seed: int) -> Figures:
    scores = {j.judged.id: score_of(j) for j in found}
    sent = [j.judged for j in found if asked(scores[j.judged.id])]
    counts = (len(sent), sum(j.severity == "good" for j in sent))
    rng = random.Random(seed)
    for some in _calls(sent):
        records = [shown(j) for j in some]
        said = {_key(r): _said(j, rng.random() < noise) for r, j in zip(records, some, strict=True)}
        answer = _reply(verifying.question(records, seed=seed).messages[1].content, said)
        for judged, verification in zip(some, verifying.read(answer, records, seed=seed), strict=True):
            before = scores[judged.id]
            after = rulings.applied(before, verification) if verification else rulings.unverified(before, "silent")
            scores[judged.id] = after
    return _figures(found, scores, *counts)


def _calls(sent: Sequence[Judged]) -> Iterator[list[Judged]]:
    """Records of one passage are asked about together."""
    for _, group in groupby(sorted(sent, key=lambda j: j.row["passage"]), key=lambda j: j.row["passage"]):
        some = list(group)
        yield from (some[at : at + TOGETHER] for at in range(0, len(some), TOGETHER))


def _key(record: ShownRecord) -> str:
    return json.dumps([m.content for m in record.turns if m.role != "system"])


def _said(judged: Judged, is_wrong: bool) -> str:
    severity = judged.severity
    return severity if not is_wrong else "reject" if severity == "good" else "good"


def _reply(text: str, said: Mapping[str, str]) -> Answer:
    """What the scripted verifier writes of the records that the question shows."""
    told = []
    for number, inner in _NUMBER.findall(text):
        label, answer = next((label, key) for key, label in said.items() if _is_shown(key, inner))
        told.append(_verdict(int(number), label, json.loads(answer)[-1]))
    return Answer(json.dumps({"records": told}), "scripted")


def _is_shown(key: str, inner: str) -> bool:
    return all(f">\n{shielded(text)}\n<" in inner for text in json.loads(key))


def _verdict(number: int, label: str, answer: str) -> dict[str, Any]:
    verdict: dict[str, Any] = {"n": number, "unsupported": [], "reason": "As it is labelled."}
    verdict |= {**dict.fromkeys(CRITERIA, "yes"), "score": 9}
    if label == "reject":
        verdict |= {"unsupported": answer.split()[:1], "supported": "no", "score": 2}
    elif label == "review":
        verdict |= {"stands_alone": "no", "score": 5}
    return verdict


def _figures(found: Sequence[Judgement], scores: Mapping[str, RecordScore], sent: int, good: int) -> Figures:
    def of(severity: str, holds: Callable[[RecordScore], bool]) -> float:
        return share(holds(scores[j.judged.id]) for j in found if j.judged.severity == severity)

    return Figures(
        sent / len(found),
        good / max(1, sum(j.judged.severity == "good" for j in found)),
        of("good", lambda s: bool(s.reasons)),
        of("good", lambda s: not s.reasons and bool(s.flags)),
        of("reject", lambda s: not s.findings),
        of("review", lambda s: not s.findings),
    )


def mean(found: Sequence[Judgement], asked: Asked, *, noise: float, seeds: int) -> Figures:
    runs = [run(found, asked, noise=noise, seed=seed) for seed in range(seeds)]
    names = Figures.__dataclass_fields__
    return Figures(**{name: statistics.fmean(getattr(one, name) for one in runs) for name in names})


def lowest(found: Sequence[Judgement], part: float) -> Asked:
    """Of all records this part is sent: what the checks left open, flagged ones first, the least probable first."""
    left = [s for s in map(score_of, found) if not s.reasons]
    ordered = sorted((not s.flags, s.score) for s in left)
    if round(part * len(found)) >= len(ordered):
        return lambda score: not score.reasons
    last = ordered[max(0, round(part * len(found)) - 1)] if part else (False, -1.0)
    return lambda score: not score.reasons and (not score.flags, score.score) <= last


def table(found: Sequence[Judgement], *, noise: float, seeds: int) -> list[str]:
    rows: dict[str, Asked] = {
        "off": lambda _: False,
        "uncertain": lambda score: rulings.is_asked(score, "uncertain"),
        **{f"{part:.0%} least probable": lowest(found, part) for part in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)},
        "all": lambda score: rulings.is_asked(score, "all"),
    }
    heads = ("asked about", "sent", "of the good", "good lost", "good flagged", "reject accepted", "review accepted")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, asked in rows.items():
        f = mean(found, asked, noise=noise, seeds=seeds)
        cells = " | ".join(f"{100 * v:.1f} %" for v in (f.sent, f.good_sent, f.lost, f.flagged, f.bad, f.doubtful))
        lines.append(f"| {name} | {cells} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--noise", type=float, default=0.1, help="share of records that the verifier is wrong about")
    parser.add_argument("--seeds", type=int, default=20, help="runs over which the figures are averaged")
    options = parser.parse_args()
    found = cross_validated(look(read(options.data)))
    print(f"A verifier that is wrong about {options.noise:.0%} of {len(found)} records:\n")
    print("\n".join(table(found, noise=options.noise, seeds=options.seeds)))


if __name__ == "__main__":
    sys.exit(main())

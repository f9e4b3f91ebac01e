"""The verdicts of the checks measured on labelled records: what is rejected, flagged, accepted, by kind and language.

    python -m benchmarks.verdicts [--data FILE] [--fit] [--before COMMIT] [--curve] [--ablation]

The records are cut in two halves by passage (editions of one text stay together). `--fit` fits the weights of the
verdict on the first half and writes them to `quality/weights.json`; the report is on the other half, and beside it a
10-fold cross-validation by passage over all records. `--before COMMIT` measures the checks of that commit beside them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.grounding import auc
from benchmarks.judged import DATA, Judged, read, share, spread
from dataforge.quality import verdict
from dataforge.quality.checks import CHECKS
from dataforge.quality.checks.check import Signal
from dataforge.quality.verdict import Weights

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "layers/core/dataforge/quality/weights.json"
FOLDS = 10
_RIDGE = 0.03
_BINS = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """A record with what the checks say of it."""

    judged: Judged
    signals: dict[str, Signal]
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Judgement:
    judged: Judged
    outcome: str
    """`rejected`, `flagged` or `accepted`."""
    probability: float
    alone: bool = False
    """Rejected or flagged by a check that needs no others."""


@dataclass(frozen=True, slots=True)
class _Group:
    """A row of the table."""

    severity: str
    kind: str = ""
    language: str = ""

    def holds(self, judged: Judged) -> bool:
        return (
            judged.severity == self.severity
            and self.kind in ("", judged.kind)
            and self.language in ("", judged.language)
        )


def look(judged: Sequence[Judged]) -> list[Seen]:
    """What every check says of every record."""
    seen = []
    for j in judged:
        record, began = j.record, time.process_time()
        found = verdict.signals(record)
        seen.append(Seen(j, found, (time.process_time() - began) * 1000))
    return seen


def fit(seen: Sequence[Seen]) -> Weights:
    """Logistic regression whose weights may only speak against a record, with a little ridge (projected gradient)."""
    names = list(CHECKS)
    x = np.array([[s.signals[n].strength if n in s.signals else 0.0 for n in names] + [1.0] for s in seen])
    y = np.array([s.judged.severity != "good" for s in seen], dtype=float)
    ridge = np.array([_RIDGE] * len(names) + [0.0])
    step = 1 / (np.linalg.norm(x, 2) ** 2 / 4 + _RIDGE)
    weights = ahead = np.zeros(x.shape[1])
    for n in range(2000):
        p = 1 / (1 + np.exp(-x @ ahead))
        new = ahead - step * (x.T @ (p - y) + ridge * ahead)
        new[:-1] = np.maximum(new[:-1], 0.0)
        ahead, weights = new + n / (n + 3) * (new - weights), new
    kept = {name: round(float(w), 3) for name, w in zip(names, weights[:-1], strict=True) if w >= 0.0005}
    return Weights(round(float(weights[-1]), 3), kept)


def judge(seen: Sequence[Seen], weights: Weights) -> list[Judgement]:
    found = []
    for s in seen:
        said = verdict.decide(s.signals, weights=weights)
        outcomes = {f.outcome for f in said.findings}
        outcome = "rejected" if "reject" in outcomes else "flagged" if outcomes else "accepted"
        alone = any(CHECKS[f.check].weight != "weigh" for f in said.findings)
        found.append(Judgement(s.judged, outcome, said.probability, alone))
    return found


def cross_validated(seen: Sequence[Seen]) -> list[Judgement]:
    part = spread([s.judged for s in seen], FOLDS)
    found: dict[str, Judgement] = {}
    for fold in range(FOLDS):
        weights = fit([s for s, p in zip(seen, part, strict=True) if p != fold])
        mine = judge([s for s, p in zip(seen, part, strict=True) if p == fold], weights)
        found |= {j.judged.id: j for j in mine}
    return [found[s.judged.id] for s in seen]


def before(commit: str, judged: Sequence[Judged], data: Path) -> list[Judgement]:
    """What the checks of an earlier commit said: rejected or accepted, and their score."""
    with tempfile.TemporaryDirectory() as folder:
        tree = subprocess.run(["git", "archive", commit, "layers/core"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "x", "-C", folder], input=tree.stdout, check=True)
        run = [sys.executable, str(Path(__file__).with_name("verdicts_before.py")), str(data)]
        done = subprocess.run(run, env={"PYTHONPATH": f"{folder}/layers/core"}, check=True, capture_output=True)
    said = json.loads(done.stdout)
    return [Judgement(j, "rejected" if said[j.id]["reasons"] else "accepted", said[j.id]["score"]) for j in judged]


def calibration_error(found: Sequence[Judgement]) -> float:
    """Expected, over ten bins of equal width."""
    p = np.array([j.probability for j in found])
    good = np.array([j.judged.severity == "good" for j in found], dtype=float)
    bins = np.minimum((p * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(p[bins == b].mean() - good[bins == b].mean()) * (bins == b).sum() for b in range(_BINS) if (bins == b).any()
    ]
    return float(sum(gaps) / len(p))


def figures(found: Sequence[Judgement]) -> dict[str, float]:
    """By the row of the table."""
    good = [j for j in found if j.judged.severity == "good"]
    bad = [j for j in found if j.judged.severity == "reject"]
    doubtful = [j for j in found if j.judged.severity == "review"]
    p = [j.probability for j in good]
    return {
        "good: rejected": _share(good, "rejected"),
        "good: flagged": _share(good, "flagged"),
        "reject: rejected": _share(bad, "rejected"),
        "reject: accepted": _share(bad, "accepted"),
        "reject, kinds of form: accepted": _share([j for j in bad if not j.judged.is_fact], "accepted"),
        "reject, kinds of fact: accepted": _share([j for j in bad if j.judged.is_fact], "accepted"),
        "review: accepted": _share(doubtful, "accepted"),
        "AUC": auc(p, [j.probability for j in bad + doubtful]),
        "AUC, kinds of fact": auc(p, [j.probability for j in bad if j.judged.is_fact]),
        "calibration error": calibration_error(found),
    }


def _share(found: Sequence[Judgement], outcome: str) -> float:
    return share(j.outcome == outcome for j in found)


def table(columns: dict[str, Sequence[Judgement]]) -> list[str]:
    values = {name: figures(found) for name, found in columns.items()}
    lines = ["| | " + " | ".join(f"{n} ({len(columns[n])})" for n in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row in next(iter(values.values())):
        cells = [_cell(row, v[row]) for v in values.values()]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return lines


def _cell(row: str, value: float) -> str:
    return f"{value:.3f}" if "AUC" in row or "error" in row else f"{100 * value:.1f} %"


def by_kind(columns: dict[str, Sequence[Judgement]]) -> list[str]:
    """Rejected / flagged / accepted in percent, by kind and by language."""
    first = next(iter(columns.values()))
    lines = ["| kind | n | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    languages = list(dict.fromkeys(j.judged.language for j in first))
    for severity in ("good", "reject", "review"):
        kinds = sorted({j.judged.kind for j in first if j.judged.severity == severity})
        lines += [_row(kind, columns, _Group(severity, kind=kind)) for kind in kinds]
    for severity in ("good", "reject", "review"):
        lines += [_row(f"{severity}, {one}", columns, _Group(severity, language=one)) for one in languages]
    return lines


def _row(name: str, columns: dict[str, Sequence[Judgement]], group: _Group) -> str:
    parts = [[j for j in found if group.holds(j.judged)] for found in columns.values()]
    cells = [
        " / ".join(f"{100 * _share(p, o):.0f}" for o in ("rejected", "flagged", "accepted")) if p else "-"
        for p in parts
    ]
    return f"| {name} | {len(parts[0])} | " + " | ".join(cells) + " |"


def curve(found: Sequence[Judgement]) -> list[str]:
    """What the line of doubt does: the share of good records flagged against the bad ones accepted."""
    lines = ["| flagged below | good flagged or rejected | reject accepted | review accepted |", "|---|---|---|---|"]
    for line in np.arange(0.3, 0.86, 0.05):
        shares = [
            share(j.alone or j.probability < line for j in found if j.judged.severity == s)
            for s in ("good", "reject", "review")
        ]
        good, bad, doubtful = shares
        lines.append(f"| {line:.2f} | {100 * good:.0f} % | {100 * (1 - bad):.0f} % | {100 * (1 - doubtful):.0f} % |")
    return lines


def checks_alone(seen: Sequence[Seen], weights: Weights) -> list[str]:
    """How often each check speaks: on good records, on each severity of bad ones."""
    lines = ["| check | weight | good | reject | review |", "|---|---|---|---|---|"]
    for name in CHECKS:
        counts = [sum(name in s.signals for s in seen if s.judged.severity == v) for v in ("good", "reject", "review")]
        lines.append(f"| {name} | {weights.by_check.get(name, 0):.2f} | " + " | ".join(map(str, counts)) + " |")
    return lines


def ablation(seen: Sequence[Seen]) -> list[str]:
    """What the cross-validation comes to without the checks of one module."""
    modules = {name: check.look.__module__.rpartition(".")[2] for name, check in CHECKS.items()}
    lines = ["| without | AUC | AUC, kinds of fact |", "|---|---|---|"]
    for module in ("nothing", *dict.fromkeys(modules.values())):
        kept = [replace(s, signals={n: x for n, x in s.signals.items() if modules[n] != module}) for s in seen]
        found = figures(cross_validated(kept))
        lines.append(f"| {module} | {found['AUC']:.3f} | {found['AUC, kinds of fact']:.3f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--fit", action="store_true", help="fit the weights on the first half and write them")
    parser.add_argument("--before", metavar="COMMIT", help="measure the checks of a commit beside today's")
    parser.add_argument("--curve", action="store_true", help="also what other lines would do, and each check alone")
    parser.add_argument("--ablation", action="store_true", help="also what each module of checks brings")
    options = parser.parse_args()
    seen = look(read(options.data))
    half = spread([s.judged for s in seen], 2)
    other = [s for s, h in zip(seen, half, strict=True) if h]
    if options.fit:
        weights = fit([s for s, h in zip(seen, half, strict=True) if not h])
        WEIGHTS.write_text(json.dumps({"bias": weights.bias, "weights": weights.by_check}, indent=2) + "\n")
    weights = _written()
    crossed = cross_validated(seen)
    columns: dict[str, Sequence[Judgement]] = {}
    if options.before:
        columns["before"] = before(options.before, [s.judged for s in seen], options.data)
    columns |= {"cross-validated": crossed, "half not fitted on": judge(other, weights)}
    spent = sorted(s.milliseconds for s in seen)
    print("\n".join([*table(columns), "", *by_kind(columns), ""]))
    if options.curve:
        print("\n".join([*curve(crossed), "", *checks_alone(seen, weights), ""]))
    if options.ablation:
        print("\n".join([*ablation(seen), ""]))
    print(f"{statistics.median(spent):.2f} ms CPU a record (median), {spent[-1]:.0f} at most, {sum(spent):.0f} in all")


def _written() -> Weights:
    stored = json.loads(WEIGHTS.read_text())
    return Weights(stored["bias"], stored["weights"])


if __name__ == "__main__":
    sys.exit(main())

"""The report of a checked file as a page for people (`quality.html_report`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dataforge import VERSION
from dataforge.quality.html_report import Chart, Example, Fact, Note, Outcome, Page, Reason, ReasonGroup, Table
from dataforge.workflows.checking.summary import RUBRIC

_LETTERS = {"A": "good", "B": "usable", "C": "needs work", "D": "not fit to train on as it is"}
_MEASURES = {
    "pass_rate": "share of the lines that are neither rejected nor unreadable",
    "diversity": "how far a line stands from its nearest neighbour",
    "accepted": "share of the lines that no check speaks against",
}


def page(file: Path, report: Mapping[str, Any], made_at: str) -> Page:
    return Page(
        title=f"Quality report: {file.name}",
        lead=_lead(report),
        made=f"Made by Data Forge {VERSION} on {made_at}, without a model and without a network.",
        facts=tuple(_facts(report)),
        outcomes=(
            Outcome("accepted", report["accepted"], "Nothing speaks against them.", "good"),
            Outcome("flagged", report["flagged"], "Doubtful: a person should look at them.", "doubt"),
            Outcome("rejected", report["rejected"], "A certain defect, or a repetition of an earlier line.", "bad"),
            Outcome("unreadable", report["unreadable"], "No training record could be read from the line.", "lost"),
        ),
        groups=tuple(_groups(report)),
        samples=[_example(one) for one in report["examples"]["accepted"]],
        charts=(
            Chart(
                "Scores",
                report["score_histogram"],
                "Lines by the probability that a careful reviewer would accept them, as the checks estimate it.",
            ),
        ),
        tables=tuple(_tables(report)),
        notes=tuple(_notes(file, report)),
    )


def _lead(report: Mapping[str, Any]) -> str:
    kept = report["accepted"] + report["flagged"]
    return (
        f"Grade {report['grade']}: {_LETTERS[report['grade']]}. {kept:,} of {report['lines']:,} lines can be kept, "
        f"{report['flagged']:,} of them should be looked at by a person."
    )


def _facts(report: Mapping[str, Any]) -> Iterator[Fact]:
    yield Fact("Lines", f"{report['lines']:,}", ", ".join(f"{n} {c:,}" for n, c in report["shapes"].items()))
    yield Fact(
        "Strictness", report["policy"]["level"], ", ".join(f"{n}={s}" for n, s in report["policy"]["single"].items())
    )
    values = {
        "pass_rate": report["pass_rate"],
        "diversity": report["diversity_score"],
        "accepted": report["accepted_rate"],
    }
    for name, letter in report["grades"].items():
        least = ", ".join(f"{grade} from {value:.2f}" for grade, value in RUBRIC[name])
        yield Fact(
            f"{name.replace('_', ' ').capitalize()}: {letter}", f"{values[name]:.3f}", f"{_MEASURES[name]}; {least}"
        )
    origins = report["sources"]["lines"]
    yield Fact("Sources", f"{sum(origins.values()) - origins['none']:,} lines have one", _origins(origins))
    yield Fact(
        "Time", f"{report['seconds']:,.1f} s", f"{report['lines'] / max(report['seconds'], 0.001):,.0f} lines a second"
    )


def _origins(counts: Mapping[str, int]) -> str:
    words = {"own": "in the line", "named": "named by it", "search": "found by search", "none": "none"}
    return ", ".join(f"{words[name]} {count:,}" for name, count in counts.items() if count)


def _groups(report: Mapping[str, Any]) -> Iterator[ReasonGroup]:
    for outcome, title, tone in (
        ("rejected", "Why lines were rejected", "bad"),
        ("flagged", "Why lines are doubtful", "doubt"),
    ):
        reasons = [
            Reason(
                name,
                count,
                report["checks"].get(name, ""),
                [_example(e) for e in report["examples"][outcome].get(name, ())],
            )
            for name, count in report[f"{outcome}_by_check"].items()
        ]
        yield ReasonGroup(title, "bad" if tone == "bad" else "doubt", reasons)
    problems = [Example(one["message"], "", f"line {one['line']}") for one in report["problems"][:10]]
    if problems:
        yield ReasonGroup(
            "Lines that cannot be read", "lost", [Reason("unreadable", report["unreadable"], "", problems)]
        )


def _tables(report: Mapping[str, Any]) -> Iterator[Table]:
    says = "Passages, those that a line was made from, and these lines."
    for name in ("documents", "sections"):
        rows = [[r["name"], r["passages"], r["used"], r["lines"]] for r in report["sources"].get(name, ())]
        yield Table(f"Coverage by {name.removesuffix('s')}", ("", "passages", "used", "lines"), rows, says)
    if report["trainer"]:
        found = report["trainer"]["violations"][:20]
        yield Table(
            f"What {report['trainer']['name']} would refuse",
            ("field", "line", "why"),
            [[v["field"], v["line"], v["message"]] for v in found],
            " ".join(report["trainer"]["file"]),
        )


def _example(one: Mapping[str, Any]) -> Example:
    return Example(
        one["question"],
        one["answer"],
        where=f"line {one['line']}",
        words=one["words"],
        detail=one["detail"],
        score=one["score"],
    )


def _notes(file: Path, report: Mapping[str, Any]) -> Iterator[Note]:
    if report["rejected"] or report["flagged"]:
        yield Note(
            "How to get rejected lines back",
            "The file itself was not changed. Write the lines apart, look at the rejected ones, and add those that are "
            "right to the kept ones; or say what a single check should do.",
            (
                f"dataforge check {file.name} --out kept.jsonl --flagged doubtful.jsonl --rejected bad.jsonl",
                "jq -c 'select(.line == 12) | .record' bad.jsonl >> kept.jsonl",
                f"dataforge check {file.name} --checks NAME=review --out kept.jsonl",
            ),
        )

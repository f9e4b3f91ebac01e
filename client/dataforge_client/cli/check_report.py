"""The report of `dataforge check` as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_SHOWN = 100
"""Characters of a question."""


def lines(file: Path, report: Mapping[str, Any], outputs: Mapping[str, Any]) -> Iterator[str]:
    """outputs: by the name of the option; None where it was not given."""
    shapes = ", ".join(f"{name} {count:,}" for name, count in report["shapes"].items())
    yield f"{file}: {report['lines']:,} lines ({shapes})"
    yield ""
    for name in ("accepted", "flagged", "rejected", "unreadable"):
        yield f"  {name:<11}{report[name]:>9,}  {report[name] / report['lines']:>6.1%}"
    sources = report["sources"]
    if "passages" in sources:
        found = sources["lines"]
        yield ""
        yield (
            f"Sources: {sources['passages']:,} passages of {len(sources['documents']):,} documents; a source was found "
            f"for {report['lines'] - report['unreadable'] - found['none']:,} lines, {found['none']:,} have none"
        )
        yield from (f"  {one['name']} cannot be read: {one['message']}" for one in sources["failed"][:5])
    for outcome in ("rejected", "flagged"):
        yield from _reasons(outcome, report)
    yield from _problems(report)
    yield from _trainer(report["trainer"])
    yield ""
    letters = ", ".join(f"{name.replace('_', ' ')} {letter}" for name, letter in report["grades"].items())
    yield f"Grade {report['grade']} ({letters})"
    yield from _next(report, outputs)


def _reasons(outcome: str, report: Mapping[str, Any]) -> Iterator[str]:
    counts: Mapping[str, int] = report[f"{outcome}_by_check"]
    if not counts:
        return
    yield ""
    yield f"{outcome.capitalize()} because of:"
    for name, count in counts.items():
        yield f"  {count:>7,}  {name}"
        for example in report["examples"][outcome].get(name, ())[:1]:
            words = f" [{', '.join(example['words'][:5])}]" if example["words"] else ""
            yield f"           line {example['line']}: {_short(example['question'])}{words}"


def _problems(report: Mapping[str, Any]) -> Iterator[str]:
    if report["problems"]:
        yield ""
        yield "Lines that cannot be read:"
        yield from (f"  {problem['message']}" for problem in report["problems"][:5])
        if report["unreadable"] > 5:
            yield f"  ... and {report['unreadable'] - 5:,} more"


def _trainer(found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    yield ""
    if found["accepted"]:
        yield f"{found['name']} would take the file."
        return
    yield f"{found['name']} would refuse the file ({found['refused_lines']:,} lines):"
    yield from (f"  {message}" for message in found["file"])
    yield from (f"  line {v['line']}, {v['field']}: {v['message']}" for v in found["violations"][:5])


def _next(report: Mapping[str, Any], outputs: Mapping[str, Any]) -> Iterator[str]:
    for name in ("out", "flagged", "rejected", "verdicts", "html"):
        if outputs.get(name):
            yield f"Wrote {outputs[name]}"
    if outputs.get("out") and report["flagged"] and not outputs.get("flagged"):
        yield f"The {report['flagged']:,} doubtful lines are in {outputs['out']}; --flagged FILE keeps them apart."
    elif report["rejected"] and not outputs.get("out"):
        yield "Keep the good lines with --out FILE, and the others with --rejected FILE."


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."

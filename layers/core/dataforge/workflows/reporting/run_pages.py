"""What the pages about a run have in common, whatever its kind: outcomes, reasons, cost, model, time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, cast

from dataforge import VERSION, clock
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.quality import html_report, report_examples
from dataforge.quality.html_report import Example, Fact, Outcome, Page, Reason, ReasonGroup, Tone
from dataforge.quality.report_examples import Examples, shown
from dataforge.store.runs import Run
from dataforge.workflows import lifecycle, run_files
from dataforge.workflows.engine.context import DEFECTS

logger = logging.getLogger(__name__)

REPORT_PAGE = "report.html"
HTML = "text/html; charset=utf-8"
MOST_FAILED_READ = 2000
"""Lines of failed.jsonl that examples are taken from."""
MOST_REASONS = 40
"""Of a group on a page."""
MOST_WORDS = 10

GROUPS: tuple[tuple[str, str, Tone], ...] = (
    ("rejected", "Why records were rejected", "bad"),
    ("flagged", "Why records are doubtful", "doubt"),
    ("failed", "Why slots brought no record", "lost"),
)


def write(run: Run, make: Callable[[], Page]) -> None:
    """The page beside the other files of the run."""
    write_to(run_files.key_of(run, REPORT_PAGE), make)


def write_to(key: str, make: Callable[[], Page]) -> None:
    """A defect in making it is logged, and costs the page only."""
    try:
        page = make()
    except DEFECTS:
        logger.exception("a quality report could not be made")
        return
    current().files.write(key, html_report.render(page), content_type=HTML)


def outcomes(run: Run, flagged: int) -> Sequence[Outcome]:
    return (
        Outcome("accepted", run.delivered - flagged, "Delivered; nothing speaks against them.", "good"),
        Outcome("flagged", flagged, "Delivered, but doubtful: a person should look at them.", "doubt"),
        Outcome("rejected", run.rejected, "Written, but not good enough to be delivered.", "bad"),
        Outcome("failed", run.failed, "Asked for, but the model gave no usable record.", "lost"),
    )


def groups(run: Run, found: Examples[Example]) -> Sequence[ReasonGroup]:
    """counts: those of the run where it has them, else what was seen in its files."""
    kept = {name: cast("dict[str, int]", run.reasons.get(name) or {}) for name in ("rejected", "failed")}
    made = []
    for name, title, tone in GROUPS:
        counts: Mapping[str, int] = kept.get(name) or found.counts.get(name) or {}
        made.append(ReasonGroup(title, tone, reasons(name, found, counts)))
    return made


def reasons(group: str, found: Examples[Example], counts: Mapping[str, int] | None = None) -> list[Reason]:
    """Of a group, the most frequent first. counts: where others know better than what was seen."""
    told = found.counts.get(group) or {} if counts is None else counts
    return [
        Reason(reason, count, report_examples.says(reason), found.of(group, reason))
        for reason, count in islice(report_examples.descending(told).items(), MOST_REASONS)
    ]


def facts(run: Run, model: str) -> Iterator[Fact]:
    """run: with its usage as far as it is known."""
    usage = lifecycle.usage(run)
    cost = cast("float | None", usage["cost_usd"])
    calls, tokens = (
        cast(int, usage["teacher_calls"]),
        cast(int, usage["input_tokens"]) + cast(int, usage["output_tokens"]),
    )
    yield Fact("Asked for", f"{run.requested:,}", f"{run.asked:,} slots were tried")
    yield Fact("Model", model)
    yield Fact("Cost", "not known" if cost is None else f"{cost:,.4f} USD", f"{calls:,} calls, {tokens:,} tokens")
    yield Fact("Time", _time(run), f"begun {run.created_at}")
    if run.stop_reason:
        yield Fact("Ended before", lifecycle.STOPPED.get(run.stop_reason, run.stop_reason))
    yield Fact("Run", run.run_id)


def made() -> str:
    return f"Made by Data Forge {VERSION} on {clock.now()}."


def note_failures(run: Run, found: Examples[Example]) -> None:
    lines: Iterable[Mapping[str, Any]] = run_files.read_records(run, "failed.jsonl")
    for line in islice(lines, MOST_FAILED_READ):
        found.count("failed", str(line["reason"]), partial(_failure, line))


def _failure(line: Mapping[str, Any]) -> Example:
    return Example(shown(line.get("detail") or ""), shown(line.get("reply") or ""), where=f"slot {line.get('slot')}")


def example(question: str, answer: str, line: Mapping[str, Any], finding: Item | None = None) -> Example:
    """line: of records.jsonl or rejected.jsonl. finding: the flag that it is shown for."""
    words = cast("list[str]", finding.get("words") or []) if finding else line.get("unsupported") or []
    score = line.get("quality_score")
    return Example(
        shown(question),
        shown(answer),
        where=f"slot {line.get('slot')}",
        words=[shown(str(word), 60) for word in words[:MOST_WORDS]],
        detail=shown(str(finding.get("detail") or "")) if finding else _repeats(line),
        score=score if isinstance(score, float) else None,
    )


def _repeats(line: Mapping[str, Any]) -> str:
    of, similarity = line.get("duplicate_of"), line.get("similarity")
    return f"repeats slot {of} (similarity {similarity})" if of is not None and similarity is not None else ""


def _time(run: Run) -> str:
    seconds = clock.seconds_since(run.created_at)
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"

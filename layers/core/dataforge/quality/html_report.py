"""A quality report as one static page: no script, nothing from another host, readable by a screen reader and on paper.

Pure: what it shows is a `Page`, which the callers build from a run, an export or a checked file. Every text may come
from a document, a model or a stranger, and is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Literal, TypeAlias

Tone: TypeAlias = Literal["good", "doubt", "bad", "lost"]
Row: TypeAlias = Sequence[str | int | float | None]

STYLE = (files("dataforge.quality") / "html_report.css").read_text("utf-8")
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy of the page, in the page itself and in every answer that carries it."""
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""What HTML must not hold, and marks that would reorder the text around them."""


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A part of what was asked for; the parts add up."""

    name: str
    count: int
    says: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Example:
    question: str
    answer: str
    where: str = ""
    """Where it stands: a line, a document."""
    words: Sequence[str] = ()
    """The words that show what is wrong."""
    detail: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    name: str
    count: int
    says: str = ""
    examples: Sequence[Example] = ()


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """Why records were rejected, flagged or lost."""

    title: str
    tone: Tone
    reasons: Sequence[Reason]


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    bars: Mapping[str, int]
    says: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    says: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    title: str
    text: str
    commands: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    title: str
    lead: str
    """One sentence that a manager reads first."""
    made: str
    """By which program and when."""
    facts: Sequence[Fact] = ()
    outcomes: Sequence[Outcome] = ()
    groups: Sequence[ReasonGroup] = ()
    samples: Sequence[Example] = ()
    """Some of the records that are good."""
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[Note] = ()


def tenths(scores: Iterable[float]) -> dict[str, int]:
    """Bars of a chart: how many scores of 0 to 1 lie in each tenth, the lowest first."""
    counts = Counter(min(max(int(score * 10), 0), 9) for score in scores)
    return {f"{n / 10:.1f}-{(n + 1) / 10:.1f}": counts[n] for n in range(10)}


def render(page: Page) -> bytes:
    """UTF-8; as large as what is in `page`, which its maker bounds."""
    return "".join(_document(page)).encode("utf-8")


def _document(page: Page) -> Iterator[str]:
    title = _text(page.title)
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="robots" content="noindex">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    )
    yield f'<header><h1 dir="auto">{title}</h1>\n<p class="lead" dir="auto">{_text(page.lead)}</p></header>\n<main>\n'
    yield from _outcomes(page.outcomes)
    yield from _facts(page.facts)
    for group in page.groups:
        yield from _group(group)
    for chart in page.charts:
        yield from _chart(chart)
    for table in page.tables:
        yield from _table(table)
    yield from _samples(page.samples)
    for note in page.notes:
        yield from _note(note)
    yield f"</main>\n<footer><p>{_text(page.made)}</p></footer>\n</body>\n</html>\n"


def _outcomes(outcomes: Sequence[Outcome]) -> Iterator[str]:
    if not outcomes:
        return
    whole = sum(o.count for o in outcomes)
    yield '<section aria-labelledby="outcomes"><h2 id="outcomes">What came of it</h2>\n'
    yield from _stack(outcomes, whole)
    yield '<ul class="outcomes">\n'
    for one in outcomes:
        yield (
            f'<li class="{one.tone}"><strong>{one.count:,}</strong> <span class="name">{_text(one.name)}</span> '
            f'<span class="share">{_share(one.count, whole)}</span><p>{_text(one.says)}</p></li>\n'
        )
    yield "</ul></section>\n"


def _stack(outcomes: Sequence[Outcome], whole: int) -> Iterator[str]:
    told = ", ".join(f"{o.name} {_share(o.count, whole)}" for o in outcomes)
    yield f'<svg class="stack" viewBox="0 0 1000 28" preserveAspectRatio="none" role="img" aria-label="{_text(told)}">'
    at = 0.0
    for one in outcomes:
        width = 1000 * one.count / whole if whole else 0.0
        if width:
            yield f'<rect class="{one.tone}" x="{at:.2f}" y="0" width="{width:.2f}" height="28"></rect>'
        at += width
    yield "</svg>\n"


def _facts(facts: Sequence[Fact]) -> Iterator[str]:
    if not facts:
        return
    yield '<section aria-labelledby="facts"><h2 id="facts">What was asked, and what it took</h2>\n<dl>\n'
    for fact in facts:
        note = f' <span class="note">{_text(fact.note)}</span>' if fact.note else ""
        yield f'<div><dt>{_text(fact.label)}</dt><dd dir="auto">{_text(fact.value)}{note}</dd></div>\n'
    yield "</dl></section>\n"


def _group(group: ReasonGroup) -> Iterator[str]:
    if not group.reasons:
        return
    yield f'<section class="{group.tone}"><h2>{_text(group.title)}</h2>\n'
    for reason in group.reasons:
        says = f" <span>{_text(reason.says)}</span>" if reason.says else ""
        yield f"<article><h3><code>{_text(reason.name)}</code> <strong>{reason.count:,}</strong>{says}</h3>\n"
        yield from map(_example, reason.examples)
        yield "</article>\n"
    yield "</section>\n"


def _samples(samples: Sequence[Example]) -> Iterator[str]:
    if samples:
        yield '<section class="good"><h2>Some of the good ones</h2>\n<article>'
        yield from map(_example, samples)
        yield "</article></section>\n"


def _example(example: Example) -> str:
    words = " ".join(f"<mark>{_text(word)}</mark>" for word in example.words)
    score = f"score {example.score:.2f}" if example.score is not None else ""
    about = " · ".join(_text(part) for part in (example.where, score, example.detail) if part)
    return (
        f'<figure><blockquote dir="auto"><p class="asked">{_text(example.question)}</p>'
        f"<p>{_text(example.answer)}</p></blockquote>"
        f"<figcaption><bdi>{about}</bdi>{' ' if words else ''}{words}</figcaption></figure>\n"
    )


def _chart(chart: Chart) -> Iterator[str]:
    """Upright bars with their numbers, which a screen reader hears as one sentence."""
    if not sum(chart.bars.values()):
        return
    most, many = max(chart.bars.values()), len(chart.bars)
    wide, told = 640 / many, ", ".join(f"{name}: {count}" for name, count in chart.bars.items())
    yield f"<section><h2>{_text(chart.title)}</h2>\n"
    if chart.says:
        yield f"<p>{_text(chart.says)}</p>\n"
    yield f'<svg class="chart" viewBox="0 0 640 210" role="img" aria-label="{_text(told)}">'
    for at, (name, count) in enumerate(chart.bars.items()):
        tall, left = 150 * count / most, at * wide
        middle = left + wide / 2
        yield (
            f'<rect x="{left + 3:.1f}" y="{175 - tall:.1f}" width="{wide - 6:.1f}" height="{tall:.1f}"></rect>'
            f'<text x="{middle:.1f}" y="{169 - tall:.1f}">{count:,}</text>'
            f'<text class="name" x="{middle:.1f}" y="196">{_text(name)}</text>'
        )
    yield "</svg></section>\n"


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        return
    yield f"<section><h2>{_text(table.title)}</h2>\n"
    if table.says:
        yield f"<p>{_text(table.says)}</p>\n"
    yield '<div class="wide"><table><thead><tr>'
    yield "".join(f'<th scope="col">{_text(name)}</th>' for name in table.columns)
    yield "</tr></thead>\n<tbody>\n"
    for row in table.rows:
        yield f"<tr>{''.join(_cells(row))}</tr>\n"
    yield "</tbody></table></div></section>\n"


def _cells(row: Row) -> Iterator[str]:
    for at, value in enumerate(row):
        tag, scope = ("th", ' scope="row"') if at == 0 else ("td", "")
        if isinstance(value, int | float):
            shown = f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
            yield f'<{tag}{scope} class="number">{shown}</{tag}>'
        else:
            yield f'<{tag}{scope} dir="auto">{_text(value or "")}</{tag}>'


def _note(note: Note) -> Iterator[str]:
    yield f"<section><h2>{_text(note.title)}</h2>\n<p>{_text(note.text)}</p>\n"
    yield "".join(f"<pre><code>{_text(command)}</code></pre>\n" for command in note.commands)
    yield "</section>\n"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0%"


def _text(text: str) -> str:
    return escape(_UNPRINTABLE.sub("\ufffd", text))

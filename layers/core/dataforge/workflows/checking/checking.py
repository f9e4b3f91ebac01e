"""`check_file`: every check over a file of JSON lines on this machine, without a project, a server or a network.

The file is read twice. The first walk looks at every line (`parallel`) and at its repeats; what it finds waits in a
temporary file. The second walk counts, and writes what is kept, flagged and rejected. So memory does not grow with the
file, and what a later line shows of an earlier one can still be told.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import orjson

from dataforge import clock
from dataforge.errors import Invalid
from dataforge.quality import decontamination, html_report
from dataforge.quality.decontamination import EvaluationItem
from dataforge.quality.findings import Finding
from dataforge.quality.passage_search import PassageIndex
from dataforge.quality.policy import STANDARD, Policy
from dataforge.quality.report_examples import Examples
from dataforge.training import jsonl
from dataforge.workflows.checking import page, parallel, source_files
from dataforge.workflows.checking.line_checks import CheckedLine, LineChecker
from dataforge.workflows.checking.outputs import Outputs, replacing
from dataforge.workflows.checking.source_files import Sources
from dataforge.workflows.checking.summary import Summary

_AT_ONCE = 2000
"""Lines that are compared with those before them in one go."""


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What `dataforge check` was asked."""

    file: Path
    policy: Policy = STANDARD
    sources: Sequence[tuple[Path, str]] = ()
    """Documents, or files of passages, each with its name."""
    against: Sequence[Path] = ()
    """Evaluation sets, JSON lines, that no record may hold an item of."""
    trainer: str | None = None
    """A key of `formats.trainers.TRAINERS`."""
    out: Path | None = None
    flagged: Path | None = None
    rejected: Path | None = None
    verdicts: Path | None = None
    html: Path | None = None
    processes: int | None = None


Progress = Callable[[int, int], None]
"""Called now and then with the lines and the bytes read so far."""


@dataclass(slots=True)
class _Spool:
    """What the first walk found, in files: the lines without their texts, and the texts of those that are compared."""

    lines: IO[bytes]
    texts: IO[bytes]
    compared: int = 0
    examples: Examples[CheckedLine] = field(default_factory=Examples)
    """Of the accepted lines."""

    def add(self, line: CheckedLine) -> None:
        self.lines.write(orjson.dumps(line.to_json()) + b"\n")
        if line.outcome in ("accepted", "flagged"):
            self.texts.write(orjson.dumps(line.compared) + b"\n")
            self.compared += 1
        if line.outcome == "accepted":
            self.examples.sample(lambda: line)

    def __iter__(self) -> Iterator[CheckedLine]:
        self.lines.seek(0)
        return (CheckedLine.from_json(orjson.loads(one)) for one in self.lines)


@dataclass(frozen=True, slots=True)
class _Texts:
    """Read anew each time."""

    file: IO[bytes]

    def __iter__(self) -> Iterator[str]:
        self.file.seek(0)
        return map(orjson.loads, self.file)


@dataclass(slots=True)
class _Read:
    """A file's bytes; counts them as they are read."""

    path: Path
    size: int = field(default=0)

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while chunk := file.read(1 << 20):
                self.size += len(chunk)
                yield chunk


def check_file(request: CheckRequest, progress: Progress = lambda _lines, _bytes: None) -> dict[str, Any]:
    """The report. Raises Invalid, naming line and field, where no line of the file can be read."""
    started = time.monotonic()
    sources = source_files.load(request.sources)
    index = PassageIndex(sources.passages) if request.sources else None
    checker = LineChecker(request.policy, index, request.trainer)
    with ExitStack() as files:
        spool = _Spool(files.enter_context(tempfile.TemporaryFile()), files.enter_context(tempfile.TemporaryFile()))
        read = _Read(request.file)
        lines = parallel.checked(parallel.numbered(read), checker, request.processes)
        for number, line in enumerate(_with_repeats(_decontaminated(lines, request.against)), start=1):
            spool.add(line)
            if number % 100 == 0:
                progress(number, read.size)
        report = _finish(request, spool, sources)
    report["policy"] = {"level": request.policy.level, "single": dict(request.policy.single)}
    report["seconds"] = round(time.monotonic() - started, 3)
    if request.html:
        with replacing(request.html) as file:
            file.write(html_report.render(page.page(request.file, report, clock.now())))
    return report


def _finish(request: CheckRequest, spool: _Spool, sources: Sources) -> dict[str, Any]:
    summary = Summary(spool.examples.samples, sources if request.sources else None, request.trainer)
    for line in spool:
        summary.see(line)
    if not summary.readable:
        first = summary.problems[0]["message"] if summary.problems else "it holds no lines"
        raise Invalid(f"{request.file} cannot be read: {first}", field="file")
    with Outputs.opened(request.out, request.flagged, request.rejected, request.verdicts) as outputs:
        if outputs.any:
            for (_, raw), line in zip(parallel.numbered(_Read(request.file)), spool, strict=True):
                outputs.write(line, raw)
    return summary.report(_diversity(spool))


def _decontaminated(lines: Iterable[CheckedLine], against: Sequence[Path]) -> Iterator[CheckedLine]:
    """Lines that hold an item of an evaluation set, or are nearly one, are rejected."""
    if not against:
        yield from lines
        return
    index = decontamination.index_of(chain.from_iterable(map(_items, against)))
    waiting = iter(lines)
    while block := list(islice(waiting, _AT_ONCE)):
        good = [n for n, line in enumerate(block) if line.outcome in ("accepted", "flagged")]
        for found in index.find([(block[n].question, block[n].answer, block[n].compared) for n in good]):
            how = "shares words in a row with" if found.similarity is None else "is nearly the same as"
            n = good[found.index]
            block[n] = block[n].with_findings([Finding("contaminated", "reject", detail=f"It {how} {found.item}")])
        yield from block


def _items(path: Path) -> Iterator[EvaluationItem]:
    """Raises Invalid where a set holds nothing to compare with."""
    rows = (jsonl.row(number, line).value or {} for number, line in parallel.numbered(_Read(path)))
    items = decontamination.items_of(rows, path.name)
    first = next(items, None)
    if first is None:
        raise Invalid(f"{path} holds no question, prompt or message to compare with", field="against")
    return chain([first], items)


def _with_repeats(lines: Iterable[CheckedLine]) -> Iterator[CheckedLine]:
    """Near-repetitions of an earlier line that was not rejected are rejected."""
    from dataforge.quality.duplicates import Screen  # numpy: see text.normal_forms

    screen, numbers, waiting = Screen(), list[int](), iter(lines)
    while block := list(islice(waiting, _AT_ONCE)):
        good = [n for n, line in enumerate(block) if line.outcome in ("accepted", "flagged")]
        start = len(numbers)
        numbers += [block[n].number for n in good]
        for found in screen.check([block[n].compared for n in good]):
            n = good[found.index - start]
            block[n] = block[n].with_findings([_repeat(numbers[found.of], found.similarity)])
        yield from block


def _repeat(of: int, similarity: float) -> Finding:
    return Finding("near_duplicate", "reject", detail=f"Repeats line {of} (similarity {similarity:.2f})")


def _diversity(spool: _Spool) -> float | None:
    from dataforge.quality.report import diversity_of

    return diversity_of(_Texts(spool.texts), spool.compared)

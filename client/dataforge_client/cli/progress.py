"""Progress output in three forms: live bars for a terminal, plain lines for a log, JSON lines for a program."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, TextIO

from dataforge_client.cli.formatting import amount, duration, money, rate_text
from dataforge_client.cli.terminal import json_text, visible, write_line

if TYPE_CHECKING:
    from rich.progress import TaskID

Stage = Literal["upload", "parse", "generate", "validate", "export"]
STAGES: tuple[Stage, ...] = ("upload", "parse", "generate", "validate", "export")
LINE_INTERVAL = 10.0
"""Seconds between two lines of one stage."""


@dataclass(frozen=True, slots=True)
class ProgressUpdate:
    """Progress of one stage. rate: per second. cost: US dollars so far; None: unknown, or a stage without costs."""

    stage: Stage
    done: float
    total: float
    unit: str
    rate: float | None = None
    cost: float | None = None
    finished: bool = False

    @property
    def seconds_left(self) -> float | None:
        left = self.total - self.done
        return left / self.rate if self.rate and left > 0 and not self.finished else None

    @property
    def columns(self) -> tuple[str, str, str, str]:
        """Texts for count, rate, time left and cost."""
        left = self.seconds_left
        return (
            amount(self.done, self.total, self.unit),
            rate_text(self.rate, self.unit),
            "done" if self.finished else "" if left is None else f"about {duration(left)} left",
            "" if self.cost is None else money(self.cost),
        )


class Reporter(Protocol):
    """Where progress goes. A context manager; notes are also printed after its exit."""

    def __enter__(self) -> Reporter: ...
    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None: ...
    def update(self, update: ProgressUpdate) -> None: ...
    def note(self, message: str) -> None: ...
    def event(self, kind: str, values: Mapping[str, object]) -> None: ...


class BarReporter:
    """Live bars on stderr, one for each stage."""

    def __init__(self, stages: Sequence[Stage] = STAGES) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        fields = ["{task.description}", *("{task.fields[" + name + "]}" for name in ("count", "rate", "left", "cost"))]
        stage, *numbers = (TextColumn(field, table_column=Column(no_wrap=True)) for field in fields)
        self._bars = Progress(
            stage,
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=8)),
            *numbers,
            console=Console(stderr=True, highlight=False),
            refresh_per_second=8,
            expand=True,
        )
        self._tasks: dict[Stage, TaskID] = {
            stage: self._bars.add_task(stage, total=1, count="", rate="", left="", cost="") for stage in stages
        }

    def __enter__(self) -> BarReporter:
        self._bars.start()
        return self

    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        self._bars.stop()

    def update(self, update: ProgressUpdate) -> None:
        count, rate, left, cost = update.columns
        self._bars.update(
            self._tasks[update.stage],
            completed=update.done if update.total else float(update.finished),
            total=update.total or 1,
            count=count,
            rate=rate,
            left=left,
            cost=cost,
        )

    def note(self, message: str) -> None:
        self._bars.console.print(visible(message), markup=False, soft_wrap=True)

    def event(self, kind: str, values: Mapping[str, object]) -> None:
        pass


class LineReporter:
    """One line per stage at its start, every `every` seconds, and at its end."""

    def __init__(
        self, out: TextIO | None = None, *, every: float = LINE_INTERVAL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out, self._throttle = out or sys.stderr, Throttle(every, clock)

    def __enter__(self) -> LineReporter:
        return self

    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        pass

    def update(self, update: ProgressUpdate) -> None:
        if self._throttle.due(update):
            self.note(f"{update.stage:<9} " + "  ".join(text for text in update.columns if text))

    def note(self, message: str) -> None:
        write_line(message, self._out)

    def event(self, kind: str, values: Mapping[str, object]) -> None:
        pass


class JsonReporter:
    """One JSON object per line on stdout, at most one per second for each stage."""

    def __init__(
        self, out: TextIO | None = None, *, every: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out, self._throttle = out or sys.stdout, Throttle(every, clock)

    def __enter__(self) -> JsonReporter:
        return self

    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        pass

    def update(self, update: ProgressUpdate) -> None:
        if self._throttle.due(update):
            self.event(
                "progress",
                {
                    "stage": update.stage,
                    "done": update.done,
                    "total": update.total,
                    "unit": update.unit,
                    "rate": update.rate,
                    "seconds_left": update.seconds_left,
                    "cost_usd": update.cost,
                    "finished": update.finished,
                },
            )

    def note(self, message: str) -> None:
        self.event("note", {"message": message})

    def event(self, kind: str, values: Mapping[str, object]) -> None:
        print(json_text({"type": kind, **values}), file=self._out, flush=True)


class QuietReporter(LineReporter):
    """For --quiet: no output. Errors are not sent through a reporter."""

    def update(self, update: ProgressUpdate) -> None:
        pass

    def note(self, message: str) -> None:
        pass


class Throttle:
    """Selects the updates to print: the first and the last of each stage, and one every `every` seconds between."""

    def __init__(self, every: float, clock: Callable[[], float]) -> None:
        self._every, self._clock = every, clock
        self._last: dict[Stage, float] = {}
        self._finished: set[Stage] = set()

    def due(self, update: ProgressUpdate) -> bool:
        now = self._clock()
        if update.finished:
            if update.stage in self._finished:
                return False
            self._finished.add(update.stage)
        else:
            self._finished.discard(update.stage)  # another round of the same stage
            if now - self._last.get(update.stage, float("-inf")) < self._every:
                return False
        self._last[update.stage] = now
        return True


def make_reporter(*, as_json: bool, quiet: bool, stages: Sequence[Stage] = STAGES) -> Reporter:
    if as_json:
        return JsonReporter()
    if quiet:
        return QuietReporter()
    return BarReporter(stages) if is_interactive() else LineReporter()


def is_interactive() -> bool:
    """Whether stderr is a terminal that can redraw a line, and not a CI job."""
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM", "dumb") != "dumb"

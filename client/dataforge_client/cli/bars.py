"""Progress of a run in three voices: live bars for a terminal, plain lines for a log, NDJSON for a program."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, TextIO

from dataforge_client.cli.texts import amount, duration, money, speed

if TYPE_CHECKING:
    from rich.progress import TaskID

Stage = Literal["upload", "parse", "generate", "validate", "export"]
STAGES: tuple[Stage, ...] = ("upload", "parse", "generate", "validate", "export")
PLAIN_EVERY = 10.0
"""Seconds between two lines of one stage."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far one stage is. rate: per second. cost: dollars so far; None: unknown, or not a stage that costs."""

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
    def texts(self) -> tuple[str, str, str, str]:
        """count, rate, time left, money."""
        left = self.seconds_left
        return (
            amount(self.done, self.total, self.unit),
            speed(self.rate, self.unit),
            "done" if self.finished else "" if left is None else f"about {duration(left)} left",
            "" if self.cost is None else money(self.cost),
        )


class Reporter(Protocol):
    """A context manager; after it is left, notes still come through."""

    def __enter__(self) -> Reporter: ...
    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None: ...
    def step(self, step: Step) -> None: ...
    def note(self, message: str) -> None: ...
    def event(self, kind: str, values: Mapping[str, object]) -> None: ...


class Bars:
    """Live bars on stderr, one for each stage."""

    def __init__(self, stages: Sequence[Stage] = STAGES) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        words = ["{task.description}", *("{task.fields[" + name + "]}" for name in ("count", "rate", "left", "money"))]
        stage, *numbers = (TextColumn(word, table_column=Column(no_wrap=True)) for word in words)
        self._bars = Progress(
            stage,
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=8)),
            *numbers,
            console=Console(stderr=True, highlight=False),
            refresh_per_second=8,
            expand=True,
        )
        self._tasks: dict[Stage, TaskID] = {
            stage: self._bars.add_task(stage, total=1, count="", rate="", left="", money="") for stage in stages
        }

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        self._bars.stop()

    def step(self, step: Step) -> None:
        count, rate, left, cost = step.texts
        self._bars.update(
            self._tasks[step.stage],
            completed=step.done if step.total else float(step.finished),
            total=step.total or 1,
            count=count,
            rate=rate,
            left=left,
            money=cost,
        )

    def note(self, message: str) -> None:
        self._bars.console.print(message, markup=False, soft_wrap=True)

    def event(self, kind: str, values: Mapping[str, object]) -> None:
        pass


class Lines:
    """One line per stage at its start, every `every` seconds, and at its end."""

    def __init__(
        self, out: TextIO | None = None, *, every: float = PLAIN_EVERY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out, self._throttle = out or sys.stderr, Throttle(every, clock)

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        pass

    def step(self, step: Step) -> None:
        if self._throttle.due(step):
            self.note(f"{step.stage:<9} " + "  ".join(text for text in step.texts if text))

    def note(self, message: str) -> None:
        print(message, file=self._out, flush=True)

    def event(self, kind: str, values: Mapping[str, object]) -> None:
        pass


class Events:
    """One JSON object a line on stdout, at most one a second per stage."""

    def __init__(
        self, out: TextIO | None = None, *, every: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out, self._throttle = out or sys.stdout, Throttle(every, clock)

    def __enter__(self) -> Events:
        return self

    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        pass

    def step(self, step: Step) -> None:
        if self._throttle.due(step):
            self.event(
                "progress",
                {
                    "stage": step.stage,
                    "done": step.done,
                    "total": step.total,
                    "unit": step.unit,
                    "rate": step.rate,
                    "seconds_left": step.seconds_left,
                    "cost_usd": step.cost,
                    "finished": step.finished,
                },
            )

    def note(self, message: str) -> None:
        self.event("note", {"message": message})

    def event(self, kind: str, values: Mapping[str, object]) -> None:
        print(json.dumps({"type": kind, **values}, ensure_ascii=False), file=self._out, flush=True)


class Silence(Lines):
    """--quiet: nothing but what goes wrong, which does not come this way."""

    def step(self, step: Step) -> None:
        pass

    def note(self, message: str) -> None:
        pass


class Throttle:
    """Lets a stage's first and last step through, and one every so many seconds between."""

    def __init__(self, every: float, clock: Callable[[], float]) -> None:
        self._every, self._clock = every, clock
        self._last: dict[Stage, float] = {}
        self._finished: set[Stage] = set()

    def due(self, step: Step) -> bool:
        now = self._clock()
        if step.finished:
            if step.stage in self._finished:
                return False
            self._finished.add(step.stage)
        else:
            self._finished.discard(step.stage)  # a further round of the same stage
            if now - self._last.get(step.stage, float("-inf")) < self._every:
                return False
        self._last[step.stage] = now
        return True


def reporter(*, as_json: bool, quiet: bool, stages: Sequence[Stage] = STAGES) -> Reporter:
    if as_json:
        return Events()
    if quiet:
        return Silence()
    return Bars(stages) if live() else Lines()


def live() -> bool:
    """Whether stderr is a terminal that can redraw a line, with a person before it."""
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM", "dumb") != "dumb"

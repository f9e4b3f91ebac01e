"""A training on the screen: a live chart of the loss, plain lines, or JSON lines."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from dataforge_client.cli.formatting import duration
from dataforge_client.cli.loss_chart import Point, chart_lines
from dataforge_client.cli.progress import LINE_INTERVAL, is_interactive
from dataforge_client.cli.terminal import json_text, visible, write_line

if TYPE_CHECKING:
    from dataforge_client.training_models import TrainingStatus

CHART_HEIGHT = 12


class TrainingView(Protocol):
    """A context manager; notes are also printed after its exit."""

    def __enter__(self) -> TrainingView: ...
    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None: ...
    def state(self, now: TrainingStatus) -> None: ...
    def note(self, message: str) -> None: ...
    def event(self, kind: str, values: Mapping[str, object]) -> None: ...


class ChartView:
    """The loss as a chart on stderr, drawn again with every new state."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False)
        self._points: list[Point] = []

    def __enter__(self) -> ChartView:
        self._live.start()
        return self

    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        self._live.stop()

    def state(self, now: TrainingStatus) -> None:
        from rich.text import Text

        add_point(self._points, now)
        size = shutil.get_terminal_size((80, 24))
        height = min(CHART_HEIGHT, size.lines - 4)
        lines = chart_lines(
            self._points,
            steps=max(now.total_steps, now.current_step),
            width=size.columns - 1,
            height=height,
            dots="utf" in (self._console.encoding or "").lower(),
        )
        text = "\n".join((*lines, visible(state_text(now))))
        self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)

    def note(self, message: str) -> None:
        self._live.console.print(visible(message), markup=False, soft_wrap=True)

    def event(self, kind: str, values: Mapping[str, object]) -> None:
        pass


class LineView:
    """One line for every new stage, then one every `every` seconds, and one at the end."""

    def __init__(
        self, out: TextIO | None = None, *, every: float = LINE_INTERVAL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out, self._every, self._clock = out or sys.stderr, every, clock
        self._stage: str | None = ""
        self._last = float("-inf")

    def __enter__(self) -> LineView:
        return self

    def __exit__(self, k: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        pass

    def state(self, now: TrainingStatus) -> None:
        if now.closed or now.stage != self._stage or self._clock() - self._last >= self._every:
            self._stage, self._last = now.stage, self._clock()
            self.note(state_text(now))

    def note(self, message: str) -> None:
        write_line(message, self._out)

    def event(self, kind: str, values: Mapping[str, object]) -> None:
        pass


class JsonView(LineView):
    """One JSON object on stdout for every new state, as the API returns it."""

    def state(self, now: TrainingStatus) -> None:
        self.event("progress", now.raw)

    def note(self, message: str) -> None:
        self.event("note", {"message": message})

    def event(self, kind: str, values: Mapping[str, object]) -> None:
        print(json_text({"type": kind, **values}), file=sys.stdout, flush=True)


class QuietView(LineView):
    """For --quiet: no output."""

    def state(self, now: TrainingStatus) -> None:
        pass

    def note(self, message: str) -> None:
        pass


def make_view(*, as_json: bool, quiet: bool) -> TrainingView:
    if as_json:
        return JsonView()
    if quiet:
        return QuietView()
    return ChartView() if is_interactive() else LineView()


def add_point(points: list[Point], now: TrainingStatus) -> None:
    """The loss of this state, once for every step. A training that was interrupted goes on from an earlier step."""
    if now.loss is None or now.stage not in (None, "training"):
        return
    while points and points[-1][0] >= now.current_step:
        points.pop()
    points.append((now.current_step, now.loss))


def state_text(now: TrainingStatus) -> str:
    """`training  step 120 of 684  epoch 3 of 12  loss 0.4348  1,266 tokens/s  about 2 min 22 s left`."""
    parts = [now.stage or now.status]
    if now.total_steps:
        parts.append(f"step {now.current_step:,} of {now.total_steps:,}")
    if now.total_epochs:
        parts.append(f"epoch {now.current_epoch} of {now.total_epochs}")
    figures = {"loss": now.loss, "eval loss": now.eval_loss}
    parts += [f"{name} {value:.4f}" for name, value in figures.items() if value is not None]
    if now.learning_rate and not now.closed:
        parts.append(f"rate {now.learning_rate:.2e}")
    if now.tokens_per_second and not now.closed:
        parts.append(f"{now.tokens_per_second:,.0f} tokens/s")
    if now.mfu is not None and not now.closed:
        parts.append(f"MFU {now.mfu:.0%}")
    if now.memory_mb and not now.closed:
        parts.append(f"{now.memory_mb / 1000:.1f} GB")
    if now.seconds_left is not None and not now.closed:
        parts.append(f"about {duration(now.seconds_left)} left")
    if now.message and now.stage != "training":
        parts.append(now.message)
    return "  ".join(parts)

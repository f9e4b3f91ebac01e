"""What a trainer says, as progress of the job: steps, losses, speed, time left."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback

from dataforge_training import flops
from dataforge_training.progress import Progress

SMOOTHED_STEPS = 20
"""Speed is that of the last so many steps."""


@dataclass(frozen=True)
class Span:
    """The part of a job that one training is: steps and epochs of the trainings before and after it."""

    before: int = 0
    after: int = 0
    epochs_before: int = 0
    epochs_after: int = 0


WHOLE = Span()


class ReportSteps(TrainerCallback):
    """Turns what a trainer says into progress; `span` tells which part of the job its training is."""

    def __init__(
        self, progress: Progress, *, every: int, flops_per_token: float, peak_flops: float | None, span: Span
    ) -> None:
        self._progress = progress
        self._span = span
        self._every = every
        self._flops_per_token = flops_per_token
        self._peak_flops = peak_flops
        self._losses: deque[float] = deque(maxlen=every)
        self._marks: deque[tuple[float, int, float]] = deque(maxlen=SMOOTHED_STEPS + 1)
        self._tokens = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._marks.append((time.monotonic(), state.global_step, self._tokens))
        self._progress.write(
            stage="training",
            step=self._span.before + state.global_step,
            total_steps=self._span.before + state.max_steps + self._span.after,
            epoch=self._epoch(state),
            total_epochs=self._span.epochs_before + state.num_train_epochs + self._span.epochs_after,
        )

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        logs = logs or {}
        if "eval_loss" in logs:
            self._progress.write(eval_loss=logs["eval_loss"])
            self._marks.clear()
        if "loss" not in logs:
            return
        self._losses.append(logs["loss"])
        seen = logs.get("num_tokens") or state.num_input_tokens_seen
        self._tokens = float(seen or 0)
        self._marks.append((time.monotonic(), state.global_step, self._tokens))
        self._progress.set(
            step=self._span.before + state.global_step,
            epoch=self._epoch(state),
            loss=sum(self._losses) / len(self._losses),
            learning_rate=logs.get("learning_rate"),
            **self._speed(state),
        )
        if state.global_step % self._every == 0 or state.global_step == state.max_steps:
            self._progress.write()

    def _epoch(self, state: Any) -> float:
        return round(self._span.epochs_before + (state.epoch or 0.0), 3)

    def _speed(self, state: Any) -> dict[str, Any]:
        """Tokens per second, MFU and seconds left, from the last steps."""
        (then, first, tokens), (now, last, more) = self._marks[0], self._marks[-1]
        if last == first or now <= then:
            return {}
        rate = (more - tokens) / (now - then)
        mfu = flops.utilisation(rate, self._flops_per_token, self._peak_flops) if self._peak_flops else None
        return {
            "tokens_per_second": round(rate, 1) if rate > 0 else None,
            "mfu": round(mfu, 4) if mfu else None,
            "seconds_left": round((state.max_steps + self._span.after - last) * (now - then) / (last - first), 1),
        }

"""SIGTERM: write a checkpoint at the end of the step, say so, exit with 0. SageMaker allows 120 s for that."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch.distributed as dist
from transformers import TrainerCallback

from dataforge_training.errors import Interrupted

GRACE_S = 100.0
"""A step that takes longer is given up: the job goes on from the checkpoint before."""


class Stop:
    """Whether the job was asked to stop. During training the current step is finished first."""

    def __init__(self, give_up: Callable[[], None]) -> None:
        self.requested = False
        self._steps_are_running = False
        self._give_up = give_up

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes over SIGTERM."""
        before = signal.signal(signal.SIGTERM, self._asked)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _asked(self, _number: int, _frame: object) -> None:
        if self.requested:
            return
        self.requested = True
        timer = threading.Timer(GRACE_S, self._leave)
        timer.daemon = True
        timer.start()
        if not self._steps_are_running:
            raise Interrupted

    def _leave(self) -> None:
        self._give_up()
        os._exit(0)

    @contextmanager
    def steps(self) -> Iterator[None]:
        """Within, a request waits for the end of the step; after it, raises Interrupted."""
        self._steps_are_running = True
        try:
            yield
        finally:
            self._steps_are_running = False
        if agreed(self.requested):
            raise Interrupted


class StopAtStep(TrainerCallback):
    """Ends the training with a checkpoint once a stop was requested; all processes end at the same step."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if agreed(self._stop.requested):
            control.should_save = True
            control.should_training_stop = True
            control.should_evaluate = False
        return control

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """An evaluation is not worth waiting for."""
        if agreed(self._stop.requested):
            raise Interrupted


def agreed(requested: bool) -> bool:
    """Whether any process of the job was asked to stop."""
    if not (dist.is_available() and dist.is_initialized()):
        return requested
    import torch

    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    flag = torch.tensor([int(requested)], device=device)
    dist.all_reduce(flag, op=dist.ReduceOp.MAX)
    return bool(flag.item())

"""Writes of the runner that wait until the disk takes them; the execution stands still meanwhile, nothing is lost."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from dataforge.platform.embedded import refusals
from dataforge.platform.embedded.execution_frames import ExecutionEnded

log = logging.getLogger(__name__)

REFUSED_SECONDS = 1.0
"""Between two tries of a write that the disk refuses."""


class Patience:
    """Writes that the disk refuses are tried again until they succeed, or until the runner closes."""

    def __init__(self) -> None:
        self.closing = threading.Event()
        self.refusal: str | None = None
        """Why the last write was refused; None once one has succeeded."""

    def wait(self, problem: sqlite3.OperationalError) -> None:
        """Returns when it is time for the next try. Raises the problem when it is another one, ExecutionEnded when the
        runner closes."""
        why = refusals.reason(problem)
        if why is None:
            raise problem
        if self.refusal is None:
            log.error("paused: the executions cannot be stored: %s", why)
        self.refusal = why
        if self.closing.wait(REFUSED_SECONDS):
            raise ExecutionEnded from problem

    def succeeded(self) -> None:
        if self.refusal is not None:
            log.info("the executions can be stored again")
        self.refusal = None


Method = TypeVar("Method", bound=Callable[..., Any])


def patient(write: Method) -> Method:
    """A method of a store with one write transaction, and with a `patience`: it is tried until the disk takes it."""

    @wraps(write)
    def until_written(self: Any, *args: object, **kwargs: object) -> object:
        while True:
            try:
                answer = write(self, *args, **kwargs)
            except sqlite3.OperationalError as problem:
                self.patience.wait(problem)
                continue
            self.patience.succeeded()
            return answer

    return cast(Method, until_written)

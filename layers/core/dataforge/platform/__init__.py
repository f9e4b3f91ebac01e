"""The backend that this process uses: AWS or one machine."""

from __future__ import annotations

import os

from dataforge.platform.ports import Platform

_current: Platform | None = None


def use(platform: Platform | None) -> None:
    """Set the backend of this process; the one-machine server, its workers and tests call it. None unsets it."""
    global _current
    _current = platform


def current() -> Platform:
    """The backend of this process. On Lambda it is built from the environment at the first call."""
    global _current
    if _current is None:
        from dataforge.platform.aws import build  # botocore costs 0.3 s: imported only on AWS

        _current = build()
    return _current


def prepare() -> None:
    """Called at import time by functions that serve interactive requests.

    If Lambda is about to take a snapshot of this process (SnapStart), the backend and its clients are created now and
    restored with it; elsewhere each is created when it is needed.
    """
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from dataforge.platform.aws import warm

        warm(current())

"""Which wall this process is plugged into."""

from __future__ import annotations

import os

from dataforge.platform.ports import Platform

_current: Platform | None = None


def use(platform: Platform | None) -> None:
    """Plug this process in; the one-machine server, its workers and tests call it. None unplugs."""
    global _current
    _current = platform


def current() -> Platform:
    """The wall of this process. On Lambda it is built from the environment at the first call."""
    global _current
    if _current is None:
        from dataforge.platform.aws import build  # botocore costs 0.3 s: only where it is the wall

        _current = build()
    return _current


def prepare() -> None:
    """Called while a function that answers people is loaded. Where Lambda is about to keep a snapshot of this process
    (SnapStart), the wall and its clients are made now and restored with it; elsewhere each is made when it is needed.
    """
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from dataforge.platform.aws import warm

        warm(current())

"""When the one-machine server ends by itself: it is asked to, or no command uses it and it has nothing to do.

<home>/server.start    locked while a command finds, starts or stops the server
<home>/server.users    locked (shared) by each command that uses the server; see the client's `cli/server_users.py`
<home>/server.stop     asks the server to end
"""

from __future__ import annotations

import fcntl
import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.2
"""Seconds between two looks at the request to stop."""
USERS_EVERY = 1.0
"""Seconds between two looks for users."""
IDLE_SECONDS = 5.0
"""How long nobody has used a server that ends when unused; its last command stops it at once, unless it was killed."""


def watch(
    home: Path, *, unused: bool, is_busy: Callable[[], bool], stop: Callable[[], None], closing: threading.Event
) -> ExitStack:
    """Call `stop` once it is time; returns then, or when `closing` is set. unused: end also when no command uses the
    server and `is_busy` says that no run goes on.

    Returns the locks that keep commands from this server: keep them until the process is gone, so that the next command
    starts a server of its own.
    """
    request = home / "server.stop"
    request.unlink(missing_ok=True)  # of an earlier server that was killed
    used = looked = time.monotonic()
    while not closing.wait(LOOK_EVERY):
        if request.exists():
            request.unlink(missing_ok=True)
            logger.info("asked to stop")
            stop()
            break
        now = time.monotonic()
        if not unused or now - looked < USERS_EVERY:
            continue
        looked = now
        with ExitStack() as held:
            if not _nobody(home, held) or is_busy():
                used = now
            elif now - used >= IDLE_SECONDS:
                logger.info("no command uses this server any more")
                kept = held.pop_all()
                stop()
                return kept
    return ExitStack()


def _nobody(home: Path, held: ExitStack) -> bool:
    """Whether no command uses the server; then none can begin to before `held` ends."""
    for name in ("server.start", "server.users"):
        file = held.enter_context((home / name).open("a"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True

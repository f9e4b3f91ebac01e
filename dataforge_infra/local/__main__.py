"""`python -m dataforge_infra.local --home DIR`: the one-machine server, started by the `dataforge` command."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from dataforge import log, settings
from dataforge.errors import SchemaMismatch
from dataforge_infra.local.server import serve

UNLIMITED_RATES = ("DATAFORGE_RATE_DATA_FORGE", "DATAFORGE_RATE_DATASETS", "DATAFORGE_RATE_TRAINING")
"""Rate limits that are off here unless they are set: there is one user, and the command polls."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dataforge_infra.local", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".dataforge"), help="data folder")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8765, help="port to listen on; 0 picks a free one")
    parser.add_argument(
        "--stop-when", choices=("asked", "unused"), default="asked", help="unused: also when no command uses it"
    )
    arguments = parser.parse_args()
    for name in UNLIMITED_RATES:  # before the settings are read
        os.environ[name] = os.environ.get(name) or "0"
    log.configure(settings.get().log_level)
    # uvicorn raises the signal that ended it again; by default SIGTERM would then kill the process before its cleanup.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.umask(0o077)  # what is written is for this user only
    try:
        serve(arguments.home.resolve(), arguments.host, arguments.port, stop_when=arguments.stop_when)
    except KeyboardInterrupt:
        return 130
    except (RuntimeError, OSError, SchemaMismatch) as problem:
        print(f"Cannot start: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

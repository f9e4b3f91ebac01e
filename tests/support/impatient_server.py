"""`python -m tests.support.impatient_server [NAME=VALUE ...] --home DIR ...`: the one-machine server with other limits.

NAME is one of those of `dataforge_infra.local.http_server`, of the JSON body (`idle_seconds`, `total_seconds`), or
`descriptors`, the most that the process may have, or `log`, a file for its stderr.
"""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import replace

from dataforge_functions.api import each_request
from dataforge_infra.local import http_server
from dataforge_infra.local.__main__ import main


def apply(name: str, value: str) -> None:
    if name == "log":
        os.dup2(os.open(value, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    elif name == "descriptors":
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(value), int(value)))
    elif name in ("idle_seconds", "total_seconds"):
        each_request.JSON_BODY = replace(each_request.JSON_BODY, **{name: float(value)})
    else:
        assert hasattr(http_server, name), name
        setattr(http_server, name, float(value) if "SECONDS" in name else int(value))


if __name__ == "__main__":
    while "=" in sys.argv[1]:
        name, _, value = sys.argv.pop(1).partition("=")
        apply(name, value)
    sys.exit(main())

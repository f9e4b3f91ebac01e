"""One warm worker of the one-machine server: builds the platform, then runs handlers by name."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path

from dataforge import log, platform, settings
from dataforge.platform.embedded.workers import serve
from dataforge.platform.ports import Item
from infra import catalog
from infra.local.platform import build


def never(function: str, _event: Item, _timeout_s: float) -> Item:
    raise RuntimeError(f"A worker runs no state machines ({function})")


def resolve(handler: str) -> Callable[[Item, object], Item]:
    """Only what the catalog names can be run."""
    if handler not in {f.handler for f in catalog.FUNCTIONS.values()}:
        raise LookupError(f"{handler} is no handler of the catalog")
    module, _, name = handler.rpartition(".")
    found: Callable[[Item, object], Item] = getattr(importlib.import_module(module), name)
    return found


_HEAVY = ("aiohttp", "dataforge.quality.diversity", "dataforge.teachers.openai_compatible")
"""What the functions import where they use it, for the sake of cold starts that a worker does not have."""


def warm_up() -> None:
    """Import the state functions while nobody waits for them."""
    for name, function in catalog.FUNCTIONS.items():
        if name != "api":
            resolve(function.handler)
    for module in _HEAVY:
        importlib.import_module(module)


def main() -> None:
    log.configure(settings.get().log_level)
    platform.use(build(Path(os.environ["DATAFORGE_HOME"]), base_url=lambda: "", invoke=never))
    warm_up()
    serve(resolve)


if __name__ == "__main__":
    main()

"""A warm worker of the one-machine server: builds the backend, then runs handlers by name."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path

from dataforge import log, platform, settings
from dataforge.platform.embedded.worker_pool import serve
from dataforge.platform.ports import Item
from dataforge.workflows import kinds
from dataforge_infra import catalog
from dataforge_infra.local.platform import build


def no_workflows(function: str, _event: Item, _timeout_s: float) -> Item:
    raise RuntimeError(f"A worker runs no state machines ({function})")


def resolve(handler: str) -> Callable[[Item, object], Item]:
    """The handler; only those of the catalog can be run."""
    if handler not in {f.handler for f in catalog.FUNCTIONS.values()}:
        raise LookupError(f"{handler} is no handler of the catalog")
    module, _, name = handler.rpartition(".")
    found: Callable[[Item, object], Item] = getattr(importlib.import_module(module), name)
    return found


_HEAVY = (
    "aiohttp",
    "dataforge.quality.diversity",
    "dataforge.teachers.openai_compatible",
    "dataforge.workflows.engine.provider_batch.pending",
)
"""Modules that functions import where they use them, for fast cold starts, which a worker does not have."""


def warm_up() -> None:
    """Import the state functions, and what they import on first use, before the first request."""
    for name, function in catalog.FUNCTIONS.items():
        if name != "api":
            resolve(function.handler)
    for kind in kinds.KINDS.values():
        for step in kind.steps():
            kind.step(step)
    for module in _HEAVY:
        importlib.import_module(module)


def main() -> None:
    log.configure(settings.get().log_level)
    platform.use(build(Path(os.environ["DATAFORGE_HOME"]), base_url=lambda: "", invoke=no_workflows))
    warm_up()
    serve(resolve)


if __name__ == "__main__":
    main()

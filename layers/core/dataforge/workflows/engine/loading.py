"""Trained models in a run: set up before it starts, and waited for while they are loaded.

The functions of runs may wake what answers with a model and ask it; only the API may make it. Loading takes minutes, in
which nothing is paid for: a batch waits, over as many invocations as it takes, but not for ever.
"""

from __future__ import annotations

from collections.abc import Iterable

from dataforge import clock
from dataforge.platform import current
from dataforge.store import trained_models
from dataforge.teachers import Model, trained_catalogue
from dataforge.workflows import run_files
from dataforge.workflows.engine.context import BatchContext

LONGEST_SECONDS = 3600
"""From when a batch first met a model that was being loaded. An instance with a GPU may take half an hour to come."""


def set_up(models: Iterable[Model]) -> None:
    """Before a run is begun, and before anything is reserved for it. Raises ModelLoading while something is made for
    one of them, NotConfigured, Conflict (MODEL_NOT_LOADABLE)."""
    for model in models:
        if model.provider == trained_catalogue.PROVIDER and model.org_id is not None:
            trained = trained_models.get(model.org_id, int(model.model))
            current().inference.set_up(trained_catalogue.served(trained))


def may_wait(context: BatchContext) -> bool:
    """Whether the batch goes on waiting. Blocks: the first time is on file, for later invocations."""
    if context.loading_since is None:
        context.loading_since = _first_time(context)
    return clock.epoch() - context.loading_since < LONGEST_SECONDS


def _first_time(context: BatchContext) -> int:
    name = f"loading-{context.name}.json"
    known = run_files.read_json(context.run, name)
    if isinstance(known, int):
        return known
    now = clock.epoch()
    run_files.write_json(context.run, name, now)
    return now

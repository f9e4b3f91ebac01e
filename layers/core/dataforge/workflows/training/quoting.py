"""What a training would take, said before anything starts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from dataforge.errors import Invalid
from dataforge.platform import current
from dataforge.training import estimate, examples, jsonl, memory, options
from dataforge.training.estimate import Estimate
from dataforge.training.measuring import Lengths
from dataforge.training.options import Options
from dataforge.workflows.training import base_models, data_in
from dataforge.workflows.training.data_sources import Source

READ_SECONDS = 5.0
"""How long lines are measured; the tokens of the rest follow from their number."""


def quote(org_id: str, request: Mapping[str, Any]) -> Estimate:
    """Raises what `starting.start` raises for the request itself; nothing is written."""
    chosen = options.read(request)
    instance = memory.choose(chosen) if current().name == "aws" else None
    base_models.check(org_id, chosen)
    source = data_in.check(org_id, chosen).dataset
    lengths, lines = _measured(source, chosen)
    if instance is not None and chosen.max_seq_length is None and lengths.longest > memory.DEFAULT_TOKENS:
        instance = memory.choose(chosen, lengths.longest)
    return estimate.estimate(chosen, instance, lines=lines, tokens=round(lengths.mean * lines))


def _measured(source: Source, chosen: Options) -> tuple[Lengths, int]:
    """Tokens of the lines that there is time for, and the number of all lines."""
    end, lengths, lines = time.monotonic() + READ_SECONDS, Lengths(), 0
    rows = jsonl.rows(current().files.stream(source.key), enough=lambda: time.monotonic() > end)
    for row in rows:
        lines += 1
        if row.value is None:
            continue
        try:
            lengths.add(examples.convert(row.value, chosen.task, chosen.strategy, True))
        except Invalid:  # of a line that `data_in.check` had no time for: the training names it
            continue
    return lengths, lines

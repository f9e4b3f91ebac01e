"""Records of a run held against the evaluation sets that its configuration names (`config.decontaminate`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import BinaryIO, cast

import orjson

from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.quality import decontamination
from dataforge.quality.decontamination import Contamination, EvaluationItem
from dataforge.quality.findings import Finding
from dataforge.recipes import drafts
from dataforge.store import run_log
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.generation.config import GenerationConfig
from dataforge.workflows.generation.scoring import ScoredRecord
from dataforge.workflows.training import data_sources

CONTAMINATED = "contaminated"
SETS_FILE = "evaluation_sets.json"
"""Name of each evaluation set -> key of its file, settled when the run was asked for."""


def check(org_id: str, names: Sequence[str]) -> Item:
    """The key of each set's file. Raises NotFound, Invalid or Conflict as `data_sources.find` does."""
    return {name: data_sources.find(org_id, name, name="decontaminate").key for name in names}


class EvaluationSets:
    """The evaluation sets of a run; nothing is read where it names none."""

    def __init__(self, run: Run, config: GenerationConfig) -> None:
        keys = cast("dict[str, str]", run_files.read_json(run, SETS_FILE) or {}) if config.decontaminate else {}
        items = chain.from_iterable(_items(run, name, key) for name, key in keys.items())
        self._index = decontamination.index_of(items) if keys else None

    def mark(self, records: Sequence[ScoredRecord]) -> list[ScoredRecord]:
        """The records, those that hold an item rejected. One that was rejected before stays as it is."""
        marked = list(records)
        if self._index is None:
            return marked
        good = [n for n, r in enumerate(marked) if not r.reasons]
        for found in self._index.find([drafts.said(marked[n].draft) for n in good]):
            n = good[found.index]
            marked[n] = _rejected(marked[n], found)
        return marked


def _rejected(record: ScoredRecord, found: Contamination) -> ScoredRecord:
    how = "shares words in a row with" if found.similarity is None else "is nearly the same as"
    finding = Finding(CONTAMINATED, "reject", detail=f"It {how} {found.item}")
    score = replace(record.score, findings=(*record.score.findings, finding))
    return replace(record, reasons=(CONTAMINATED,), score=score)


def _items(run: Run, name: str, key: str) -> Iterator[EvaluationItem]:
    try:
        with current().files.open(key) as file:
            yield from decontamination.items_of(_lines(file), name)
    except FileNotFoundError:
        run_log.write(run.run_id, "validating", f"The evaluation set {name} cannot be read any more", level="warning")


def _lines(file: BinaryIO) -> Iterator[Item]:
    """What is no JSON object holds nothing to compare."""
    for line in file:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            value = None
        yield value if isinstance(value, dict) else {}

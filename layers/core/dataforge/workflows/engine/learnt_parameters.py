"""What the models of a run refused, for all its batches: each would be refused once more by every one of them.

`parameters.json` of a run: by teacher, what `ports.Learner.learnt` gave.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from dataforge.platform.ports import Item
from dataforge.store.runs import Run
from dataforge.teachers.ports import Learner, Teacher
from dataforge.workflows import run_files

_FILE = "parameters.json"


def load(run: Run, teachers: Iterable[Teacher]) -> None:
    """Blocks."""
    learners = [t for t in teachers if isinstance(t, Learner)]
    known = _stored(run) if learners else {}
    for teacher in learners:
        if teacher.name in known:
            teacher.load(known[teacher.name])


def keep(run: Run, teachers: Iterable[Teacher]) -> None:
    """Of two batches that end at the same moment one may be lost: then the next batch asks once more. Blocks."""
    learnt = {t.name: found for t in teachers if isinstance(t, Learner) and (found := t.learnt())}
    known = _stored(run) if learnt else {}
    if {**known, **learnt} != known:
        run_files.write_json(run, _FILE, {**known, **learnt})


def _stored(run: Run) -> dict[str, Item]:
    return cast("dict[str, Item]", run_files.read_json(run, _FILE) or {})

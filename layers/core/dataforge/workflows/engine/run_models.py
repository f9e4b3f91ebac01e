"""The models of a run, as they were when it was begun."""

from __future__ import annotations

from typing import cast

from dataforge.platform.ports import Item
from dataforge.store.runs import Run
from dataforge.teachers import Model, Teacher, build, catalogue, resolve


def model_of(run: Run, role: str = "") -> Model:
    """What the run was begun with, whatever the catalogue says by now. role: critic or judge of a synthetic run; empty:
    who writes."""
    others = cast("dict[str, Item]", run.config.get("teachers") or {})
    known = others.get(role) if role else run.teacher
    return catalogue.from_item(known) if known else resolve(str(run.config[role or "model_id"]), org_id=run.org_id)


def teacher_of(run: Run, role: str = "") -> Teacher:
    return build(model_of(run, role))

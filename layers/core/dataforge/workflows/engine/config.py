"""What the engine reads of a run's configuration: models and limits, the same for every kind of run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from dataforge.platform.ports import Item
from dataforge.store.runs import Run
from dataforge.teachers import Model, Teacher, build, catalogue, resolve
from dataforge.workflows import kinds

ROLES = ("critic", "judge", "verifier")
"""Who may have a part in a run besides the writer."""
DISPENSABLE = {"verify": "verifier"}
"""Kinds of question that a run can do without, and the role that is asked: where that one refuses or is out of reach,
the rest of the run goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    model_id: str
    """The writer, by the name that the caller gave."""
    mode: str
    """realtime or batch."""
    max_cost_usd: float | None
    role_models: Mapping[str, str]
    """The models of the other roles, by role; only those that the run needs."""
    concurrency: int | None
    """Calls in flight at most, where the caller wants fewer than the settings allow."""
    batch_roles: Sequence[str]
    """Roles besides the writer whose questions go out as batch jobs; the others are asked in real time."""

    @property
    def in_batch_mode(self) -> bool:
        return self.mode == "batch"


def of(run: Run) -> EngineConfig:
    config, limit = run.config, run.config.get("max_cost_usd")
    # A configuration of documents is the caller's, and may hold any key: none of it names a teacher that is asked.
    named: Item = config if kinds.of(run.kind).questions_in_turn else {r: _name(m) for r, m in run.checkers.items()}
    concurrency = config.get("concurrency")
    return EngineConfig(
        model_id=str(config.get("model_id") or ""),
        mode=str(config.get("mode") or "realtime"),
        max_cost_usd=float(limit) if isinstance(limit, int | float) else None,
        role_models={role: str(named[role]) for role in ROLES if named.get(role)},
        concurrency=concurrency if isinstance(concurrency, int) else None,
        batch_roles=tuple(map(str, cast("list[str]", config.get("by_job") or []))),
    )


def _name(model: object) -> str:
    return str(cast(Item, model)["id"])


def model_of(run: Run, role: str = "") -> Model:
    """The model as it was when the run began, whatever the catalogue says by now. role: empty for the writer."""
    stored = cast("dict[str, Item]", run.config.get("teachers") or {})
    known = (run.checkers.get(role) or stored.get(role)) if role else run.teacher
    return (
        catalogue.from_item(cast(Item, known))
        if known
        else resolve(str(run.config[role or "model_id"]), org_id=run.org_id)
    )


def teacher_of(run: Run, role: str = "") -> Teacher:
    return build(model_of(run, role))

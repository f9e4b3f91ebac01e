"""A batch of a run of either kind, opened: what its calls are, and how they go whoever gets their replies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from dataforge.platform.ports import Item
from dataforge.records import Slot
from dataforge.workflows import state_input
from dataforge.workflows.engine.call_loop import Fetch
from dataforge.workflows.engine.context import BatchContext
from dataforge.workflows.generation import calls as document_calls
from dataforge.workflows.synthetic import generating
from dataforge.workflows.synthetic.starting import KIND as SYNTHETIC


@dataclass(frozen=True, slots=True)
class Opened:
    work: BatchContext
    calls: Sequence[Sequence[Slot]]
    concurrency: int
    """Calls that may be in flight in real time."""
    call: Callable[[Sequence[Slot], Fetch], Awaitable[list[Item]]]
    """The outcome of each slot of a call."""
    close: Callable[[], None]
    """When its part file is written."""
    roles: Mapping[str, str]
    """Of the teachers whose questions go out as jobs, by their names; empty: who writes. The others are asked in real
    time."""
    passes: Sequence[int] = (0,)
    """The first attempt number of each question that a call asks in turn, as far as it comes to it."""

    @property
    def teachers(self) -> list[str]:
        """The names of all."""
        return [self.work.teacher.name, *(t.name for t, _ in self.work.others)]


def opened(e: state_input.StateInput) -> Opened:
    return _OPEN.get(e.kind, _over_documents)(e)


def _over_documents(e: state_input.StateInput) -> Opened:
    batch, calls, concurrency = document_calls.opened(e)

    async def call(slots: Sequence[Slot], fetch: Fetch) -> list[Item]:
        return await document_calls.call_of(batch, slots, fetch=fetch)

    return Opened(batch, calls, concurrency, call, lambda: None, {batch.teacher.name: ""})


def _synthetic(e: state_input.StateInput) -> Opened:
    desk, calls, concurrency = generating.opened(e)

    async def call(slots: Sequence[Slot], fetch: Fetch) -> list[Item]:
        desk.fetch = fetch
        return await generating.call(desk, slots)

    by_job = cast("list[str]", desk.work.run.config.get("by_job") or [])
    # One model may play several parts; its questions go out together, under the first of them.
    parts = {"judge": desk.judge, "critic": desk.critic, "": desk.work.teacher}
    roles = {t.name: role for role, t in parts.items() if t is not None and (not role or role in by_job)}
    return Opened(desk.work, calls, concurrency, call, partial(generating.close, desk, e), roles, desk.passes)


_OPEN: dict[str, Callable[[state_input.StateInput], Opened]] = {SYNTHETIC: _synthetic}

"""Erases what was deleted: a project with everything below it, and bulk-deleted pairs once they cannot be restored.

The `erase` state machine, which waits and sweeps, is started first; then they are marked, so that nobody sees them any
more; then as much as fits into the request is swept at once. What fails before the mark has deleted nothing, and a
machine that finds no mark does nothing. What fails after the mark is the machine's to end, and no error to the caller.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import orjson

from dataforge import ids, settings
from dataforge.errors import ConditionFailed, Conflict, EraseUnfinished, NotFound
from dataforge.platform import current
from dataforge.platform.ports import Item, Key
from dataforge.store import exports, item_codec, projects, review_index, runs
from dataforge.store import undo as undo_store
from dataforge.store.projects import Project
from dataforge.store.review_facts import BLOCK
from dataforge.store.review_index import DELETED, NOTHING, Block, Change
from dataforge.workflows import kinds, lifecycle
from dataforge.workflows.engine.provider_batch import polling

logger = logging.getLogger(__name__)

AT_ONCE_SECONDS = 15.0
"""How long a request sweeps before it leaves the rest to the machine."""
SECOND_LOOK_SECONDS = 60
"""A batch that was running when its project was deleted may write once more; the machine comes after it."""
LATE_SECONDS = 3700
"""Upload URLs that were signed before live for an hour; the machine comes once more after them."""
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Deadline:
    """Raises EraseUnfinished when it is passed; what was erased until then stays erased."""

    at: float

    def check(self) -> None:
        if time.monotonic() > self.at:
            raise EraseUnfinished("There is more to erase; the next attempt goes on")


def delete_project(project: Project) -> None:
    """Out of sight at once; every row and object follows, at the latest by the machine.

    Raises NotFound when another call was first; whatever it raises, nothing is deleted.
    """
    _start(ids.new("erase"), project, "", SECOND_LOOK_SECONDS)  # of each call its own: one that found no mark is over
    project = projects.mark_deleted(project)
    try:
        _end_run(project)
        sweep_project(project, Deadline(time.monotonic() + AT_ONCE_SECONDS))
    except EraseUnfinished:
        return
    except Exception:
        logger.warning("project %s is deleted; its machine erases it", project.project_id, exc_info=True)


def start_purge(project: Project, token: str) -> None:
    """After the time in which the deletion can be taken back."""
    _start(f"purge_{ids.tail(token)}", project, token, settings.get().undo_minutes * 60 + SECOND_LOOK_SECONDS)


def erase(raw: Item, *, seconds: float) -> Item:
    """The state of the machine; the answer says whether to come again, and after how long.

    seconds: what is left of this invocation. Raises EraseUnfinished in time.
    """
    deadline = Deadline(time.monotonic() + seconds * 0.8)
    org_id, project_id, token = str(raw["org_id"]), str(raw["project_id"]), str(raw["token"])
    if token:
        with suppress(NotFound):  # its project is gone, and with it all pairs
            purge_pairs(projects.get(org_id, project_id), token, deadline)
    elif not _erase_project(org_id, project_id, str(raw["s3_prefix"]), deadline):
        return {**raw, "seconds": 0, "late_seconds": 0, "again": False}
    late = int(str(raw["late_seconds"]))
    return {**raw, "seconds": late, "late_seconds": 0, "again": late > 0}


def _erase_project(org_id: str, project_id: str, s3_prefix: str, deadline: Deadline) -> bool:
    """False for a project that is not deleted: the call that started this machine failed before its mark."""
    project = projects.row(org_id, project_id)
    if project is not None and project.status != projects.DELETED:
        return False
    if project is None:  # swept before; what was written since has nothing else to lead to it
        project = Project(
            org_id=org_id,
            project_id=project_id,
            user_id="",
            name="",
            description="",
            source_type="",
            config={},
            s3_prefix=s3_prefix,
            created_at="",
            updated_at="",
        )
    try:
        _end_run(project)
    except Exception:
        logger.warning("run %s of deleted project %s goes on", project.active_run, project_id, exc_info=True)
    sweep_project(project, deadline)
    return True


def sweep_project(project: Project, deadline: Deadline) -> None:
    """Everything below the project, its own row last, so that it can be redone from any point."""
    project_id = project.project_id
    current().files.delete_prefix(f"{project.s3_prefix}/")
    _drain("pairs", "pair_id", project_id, _pair_ids(project_id), deadline)
    for table, range_key in (
        ("pairs", "pair_id"),
        ("reviews", "block"),
        ("chunks", "chunk_id"),
        ("documents", "document_id"),
        ("uploads", "s3_key"),
    ):
        _drain(table, range_key, project_id, _names(table, range_key, project_id), deadline)
    current().tables.batch_delete(
        "exports", ({"project_id": project_id, "version": e.version} for e in exports.of_project(project_id))
    )
    for run in runs.briefs_of_project(project_id):
        deadline.check()
        for table, range_key in (("run_events", "at_seq"), ("replies", "slot")):
            runs.delete_rows(table, range_key, run.run_id, deadline.check)
        current().tables.delete("runs", {"org_id": run.org_id, "run_id": run.run_id})
    projects.delete_row(project)


def purge_pairs(project: Project, token: str, deadline: Deadline) -> None:
    """The texts of pairs that a bulk action deleted and nobody brought back."""
    known = undo_store.get(project.project_id, token)
    if known is None:
        return
    if known.get("ended") != "undone":
        _purge(project, token, deadline)
    current().files.delete(undo_key(project, token))
    undo_store.forget(project.project_id, token)


def _purge(project: Project, token: str, deadline: Deadline) -> None:
    try:
        undo_store.end(project.project_id, token, "purged")
    except ConditionFailed:
        ended = undo_store.get(project.project_id, token)
        if ended is None or ended["ended"] != "purged":  # else an attempt that was cut off has been here: go on
            return
    before = read_undo(project, token)
    touched = review_index.read_named(project.project_id, before)
    for block in touched:
        slots = _dead(block, before[block.key])
        names = [ids.pair_id(project.project_id, block.run, block.number * BLOCK + n) for n in slots]
        _drain("pairs", "pair_id", project.project_id, names, deadline)
        texts = [review_index.text_name(block.run, block.number * BLOCK + n) for n in slots]
        _drain("reviews", "block", project.project_id, texts, deadline)
    review_index.rewrite(project, touched, lambda b: _emptied(b, before[b.key]))


def _dead(block: Block, before: bytes) -> list[int]:
    return [n for n, was in enumerate(before) if was != NOTHING and block.states[n] == DELETED]


def _emptied(block: Block, before: bytes) -> Change | None:
    states = bytearray(block.states)
    for n in (dead := _dead(block, before)):
        states[n] = NOTHING
    return Change(block, bytes(states)) if dead else None


def read_undo(project: Project, token: str) -> dict[str, bytes]:
    """Block name -> the state of every slot that the action changed, as it was; NOTHING for the others."""
    raw: dict[str, str] = orjson.loads(current().files.read(undo_key(project, token)))
    return {name: states.encode("ascii") for name, states in raw.items()}


def undo_key(project: Project, token: str) -> str:
    return f"{project.s3_prefix}/undo/{token}.json"


def _start(run_id: str, project: Project, token: str, seconds: int) -> None:
    current().workflows.start(
        kinds.ERASE.machine,
        run_id,
        {
            "org_id": project.org_id,
            "project_id": project.project_id,
            "s3_prefix": project.s3_prefix,
            "token": token,
            "seconds": seconds,
            "late_seconds": 0 if token else LATE_SECONDS,
        },
    )


def _end_run(project: Project) -> None:
    """The run that holds the project, if it does not end by itself meanwhile."""
    if project.active_run is None:
        return
    try:
        run = runs.get(project.org_id, project.active_run)
    except NotFound:
        return
    if run.status in runs.ACTIVE:
        with suppress(Conflict):
            lifecycle.cancel(run)
        polling.cancel_jobs(run)
        for name in (run.run_id, lifecycle.recovery_name(run.run_id)):
            current().workflows.stop(kinds.of(run.kind).machine, name, cause="project deleted")
        lifecycle.finish(run, "cancelled", values=lifecycle.usage(run))


def _pair_ids(project_id: str) -> Iterator[str]:
    """As the index knows them, without reading a single pair."""
    for block in review_index.read(project_id):
        yield from (
            ids.pair_id(project_id, block.run, block.number * BLOCK + n)
            for n, state in enumerate(block.states)
            if state != NOTHING
        )


def _names(table: str, range_key: str, project_id: str) -> Iterator[str]:
    found = item_codec.items_of(table, {"project_id": project_id}, attributes=(range_key,))
    return (str(i[range_key]) for i in found)


def _drain(table: str, range_key: str, project_id: str, names: Iterable[str], deadline: Deadline) -> None:
    keys: Iterator[Key] = ({"project_id": project_id, range_key: name} for name in names)
    while batch := list(islice(keys, _BATCH)):
        deadline.check()
        current().tables.batch_delete(table, batch)

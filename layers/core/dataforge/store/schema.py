"""Which form the data has, and how it is brought to today's.

| question                | access                                                        |
|---|---|
| what form the data has  | get orgs (org_id = `*data`, item = `schema`)                  |
| whose tables are these  | put_new of that row                                           |
| one step was carried out | update of that row where the number is the one before         |

A release that changes how rows or files look adds a step to STEPS, for good; nothing else tells one form from another.
The data's number moves only forward, one step at a time, each only from the number before it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataforge import VERSION, clock
from dataforge.errors import ConditionFailed, SchemaMismatch
from dataforge.platform import current
from dataforge.platform.ports import Item, Key
from dataforge.store import organisations
from dataforge.store.item_codec import from_item, to_item

logger = logging.getLogger(__name__)

FIRST = 1
"""The form of the first release; also of data that carries no number, because that release wrote none."""
_KEY: Key = {"org_id": "*data", "item": "schema"}
"""No organisation has this id."""
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Step:
    """From the form before to the next. It may be cut off and run again, also by two at once: write it so."""

    what: str
    run: Callable[[], None]


def _rows_stay_as_they_are() -> None:
    """For a form whose readers read rows of the form before as well, while code of before cannot read new ones."""


STEPS: tuple[Step, ...] = (Step("chunk rows carry the number of their parse", _rows_stay_as_they_are),)
"""In order; the n-th brings data from form FIRST + n to the one after it."""


@dataclass(frozen=True, slots=True)
class Schema:
    number: int
    product: str
    """The version that wrote it."""
    written_at: str


def needed(steps: Sequence[Step] = STEPS) -> int:
    """The number that this code reads and writes."""
    return FIRST + len(steps)


def stored() -> Schema | None:
    item = current().tables.get("orgs", _KEY)
    return from_item(Schema, item) if item else None


def check(steps: Sequence[Step] = STEPS) -> None:
    """Raises SchemaMismatch, with the way out, unless this code may work on the data. Fresh tables are claimed."""
    found = stored() or _claim(steps)
    if found.number > needed(steps):
        raise SchemaMismatch(newer(found, needed(steps)))
    if found.number < needed(steps):
        raise SchemaMismatch(
            f"The data has form {found.number} (Data Forge {found.product}) and Data Forge {VERSION} needs "
            f"{needed(steps)}: {_HOW[current().name]}",
            code="SCHEMA_OLDER",
        )


def newer(found: Schema, known: int) -> str:
    return (
        f"The data has form {found.number}, written by Data Forge {found.product} on {found.written_at}; this is "
        f"{VERSION}, which knows forms up to {known}. Nothing was changed. Use Data Forge {found.product} or newer, or "
        f"restore the tables and files to a moment before {found.written_at}"
    )


_HOW = {
    "aws": "run `dataforge deploy` again from the checkout that was deployed, it carries the missing steps out",
    "embedded": "start the server of this version on the folder, it carries the missing steps out",
}


def bring_up(steps: Sequence[Step] = STEPS, *, say: Callable[[str], None] = logger.info) -> list[str]:
    """Carry out what the data lacks; what each step did. Raises SchemaMismatch when the data is newer than this code.

    Killed in the middle, it goes on with the step that was not finished.
    """
    done: list[str] = []
    for _ in range(len(steps) + _ROUNDS):
        found = stored() or _claim(steps)
        if found.number > needed(steps):
            raise SchemaMismatch(newer(found, needed(steps)))
        if found.number == needed(steps):
            return done
        step = steps[found.number - FIRST]
        say(f"data form {found.number} to {found.number + 1}: {step.what}")
        step.run()
        try:
            current().tables.update("orgs", _KEY, set=_written(found.number + 1), where={"number": found.number})
            done.append(step.what)
        except ConditionFailed:
            continue  # another process was as far: go by what it wrote
    raise SchemaMismatch("The form of the data keeps changing: is another version at work on it?")


def _claim(steps: Sequence[Step]) -> Schema:
    """Write the number of tables that have none: today's where there is no organisation yet, else the first."""
    item: Item = {**_KEY, **_written(FIRST if organisations.list_all() else needed(steps))}
    try:
        current().tables.put_new("orgs", item)
    except ConditionFailed:
        item = current().tables.get("orgs", _KEY) or item
    return from_item(Schema, item)


def _written(number: int) -> Item:
    return to_item(Schema(number, VERSION, clock.now()))

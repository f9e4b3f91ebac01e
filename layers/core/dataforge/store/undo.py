"""Records of bulk actions that may be taken back, beside the review index.

| question                               | access                                                    |
|---|---|
| what a bulk action may take back       | get reviews (project_id, `undo#<token>`)                  |
| a new action                           | put_new reviews                                           |
| it is taken back, or purged: only once | update reviews where it has not ended                     |

The state of every pair before the action lies in a file of the project; the record says what the action was, until when
it can be taken back, and how that ended.
"""

from __future__ import annotations

from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Key
from dataforge.store import own_writes


def put(project_id: str, token: str, values: Item) -> None:
    own_writes.put_new("reviews", _key(project_id, token), values)


def get(project_id: str, token: str) -> Item | None:
    return current().tables.get("reviews", _key(project_id, token))


def change(project_id: str, token: str, values: Item) -> None:
    current().tables.update("reviews", _key(project_id, token), set=values)


def end(project_id: str, token: str, how: str) -> None:
    """Note how it ended: `undone` or `purged`. Raises ConditionFailed when it ended before."""
    own_writes.update("reviews", _key(project_id, token), set={"ended": how}, where={"ended": ABSENT})


def forget(project_id: str, token: str) -> None:
    current().tables.delete("reviews", _key(project_id, token))


def _key(project_id: str, token: str) -> Key:
    return {"project_id": project_id, "block": f"undo#{token}"}

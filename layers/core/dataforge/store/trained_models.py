"""Models that trainings have made, numbered 1, 2, 3 ... in each organisation; a number is never given twice.

| question                         | access                                                                     |
|---|---|
| a model, if it is the caller's   | get models (org_id, model_id)                                              |
| an organisation's models         | query models (org_id), model_id from 1                                     |
| a new one                        | transact: its row, last_model_id where it was read, the run's results      |
| it is in use until then          | update models, `holds.<who>` = epoch seconds                               |
| out of sight                     | update models, deleted_at where nobody holds it; every reader skips it     |

The row of a deleted model stays, without its files: runs and datasets name the model by its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from dataforge import clock
from dataforge.errors import ConditionFailed, Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Key, Put, Update, Where
from dataforge.store import item_codec, training_state
from dataforge.store.item_codec import from_item, to_item
from dataforge.store.runs import Run
from dataforge.store.training_state import TABLE

TRIES = 12
"""How often a number is taken while others take the same one."""
IN_USE = "MODEL_IN_USE"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    org_id: str
    model_id: int
    name: str
    base_model: str
    task: str
    provider: str
    strategy: str
    run_id: str
    """Of the training; `train_...`."""
    files_prefix: str
    """Folder of its files in Files: `model.json`, `adapter/`, `merged/`, ..."""
    created_at: str
    size_bytes: int = 0
    params: Item = field(default_factory=dict)
    """Every option of the training by its public name."""
    metrics: Item = field(default_factory=dict)
    """Of metrics.json: final_loss, perplexity, ..."""
    card: str = ""
    """The model card, Markdown."""
    details: Item = field(default_factory=dict)
    """Of model.json: what was changed and why (`notes`), versions, parameters, provenance."""
    evaluation: Item | None = None
    """Base against tuned on the held-out lines: see `workflows.training.evaluating`."""
    status: str = "ready"
    """evaluating or ready."""
    holds: Mapping[str, int] = field(default_factory=dict)
    """Who uses it -> epoch seconds until which at most."""
    deleted_at: str | None = None


def get(org_id: str, model_id: int) -> TrainedModel:
    """Raises NotFound, also for another organisation's model and for a deleted one."""
    item = current().tables.get(TABLE, _key(org_id, model_id)) if model_id > 0 else None
    if item is None or item.get("deleted_at"):
        raise NotFound(f"Model {model_id} not found")
    return from_item(TrainedModel, item)


def of_organisation(org_id: str) -> list[TrainedModel]:
    """Newest first."""
    rows = item_codec.items_of(TABLE, {"org_id": org_id}, descending=True)
    return [from_item(TrainedModel, i) for i in rows if i["model_id"] and not i.get("deleted_at")]


def of_run(run: Run) -> TrainedModel | None:
    """The model that a training has made; None before, and once it is deleted."""
    number = run.results.get("model_id")
    try:
        return get(run.org_id, number) if isinstance(number, int) else None
    except NotFound:
        return None


def add(run: Run, model: TrainedModel, results: Item) -> TrainedModel:
    """The model under its number, which it gets here, once for each run; `model_id` of the argument does not count.

    results: what the run's row keeps beside `model_id`. Raises Conflict when too many are added at once.
    """
    tables, run_key = current().tables, {"org_id": run.org_id, "run_id": run.run_id}
    for _ in range(TRIES):
        stored = tables.get("runs", run_key) or {}
        done = cast(Item, stored.get("results") or {}).get("model_id")
        if isinstance(done, int):
            return from_item(TrainedModel, cast(Item, tables.get(TABLE, _key(run.org_id, done))))
        last = training_state.of(run.org_id).last_model_id
        numbered = replace(model, model_id=last + 1)
        counted = Update(
            TABLE,
            training_state.key(run.org_id),
            set={"last_model_id": last + 1},
            where={"last_model_id": last},
        )
        noted = Update("runs", run_key, set={"results": {**results, "model_id": last + 1}})
        try:
            tables.transact([Put(TABLE, to_item(numbered), where={"model_id": ABSENT}), counted, noted])
        except ConditionFailed:
            continue
        return numbered
    raise Conflict("Models are being added too fast; try again in a moment")


def change(model: TrainedModel, values: Item) -> TrainedModel:
    """Raises NotFound for a model that was deleted."""
    where: Where = {"deleted_at": ABSENT}
    try:
        item = current().tables.update(TABLE, _key(model.org_id, model.model_id), set=values, where=where)
    except ConditionFailed:
        raise NotFound(f"Model {model.model_id} not found") from None
    return from_item(TrainedModel, item)


def hold(model: TrainedModel, who: str, seconds: int) -> None:
    """Keep the model from being deleted for so long at most; again with the same name prolongs it. who: without a dot.
    Raises NotFound for a model that was deleted."""
    change(model, {f"holds.{who}": clock.epoch() + seconds})


def release(model: TrainedModel, who: str) -> None:
    try:
        current().tables.update(TABLE, _key(model.org_id, model.model_id), remove=[f"holds.{who}"])
    except ConditionFailed:
        return


def mark_deleted(model: TrainedModel) -> None:
    """From now on nobody finds it. Raises Conflict (MODEL_IN_USE) while somebody holds it; NotFound."""
    for _ in range(TRIES):
        now = get(model.org_id, model.model_id)
        users = sorted(who for who, until in now.holds.items() if until > clock.epoch())
        if users:
            raise Conflict(
                f"Model {model.model_id} is in use ({', '.join(users)}): delete it once that has ended", code=IN_USE
            )
        where: Where = {"holds": dict(now.holds), "deleted_at": ABSENT}
        try:
            current().tables.update(
                TABLE, _key(model.org_id, model.model_id), set={"deleted_at": clock.now()}, where=where
            )
        except ConditionFailed:
            continue
        return
    raise Conflict(f"Model {model.model_id} is in use: delete it once that has ended", code=IN_USE)


def _key(org_id: str, model_id: int) -> Key:
    return {"org_id": org_id, "model_id": model_id}

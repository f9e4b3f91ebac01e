"""How far the batches (or documents) of a run are."""

from __future__ import annotations

from dataclasses import dataclass

from dataforge.platform import current
from dataforge.store import item_codec
from dataforge.store.item_codec import from_item


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one batch (or one document) of a run is; replaced, never added to, so repeating is harmless."""

    done: int = 0
    total: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    cached_tokens: int = 0
    teacher_calls: int = 0
    reason: str | None = None
    """Why a document failed; of batches the run's files say it."""


def parts(run_id: str) -> dict[str, Progress]:
    """By the name of the batch or document."""
    rows = item_codec.items_of("run_events", {"run_id": run_id}, begins=("at_seq", "progress#"))
    return {str(i["at_seq"]).removeprefix("progress#"): from_item(Progress, i) for i in rows}


def of_run(run_id: str, part: str = "") -> Progress:
    """The sum over a run's batches (those whose name begins with `part`)."""
    total = Progress()
    cursor = None
    while True:
        page = current().tables.query_page(
            "run_events", {"run_id": run_id}, begins=("at_seq", f"progress#{part}"), cursor=cursor
        )
        for one in (from_item(Progress, {"cost_usd": None, **i}) for i in page.items):
            cost = None if total.cost_usd is None or one.cost_usd is None else total.cost_usd + one.cost_usd
            total = Progress(
                total.done + one.done,
                total.total + one.total,
                total.failed + one.failed,
                total.input_tokens + one.input_tokens,
                total.output_tokens + one.output_tokens,
                cost,
                total.cached_tokens + one.cached_tokens,
                total.teacher_calls + one.teacher_calls,
            )
        cursor = page.cursor
        if cursor is None:
            return total

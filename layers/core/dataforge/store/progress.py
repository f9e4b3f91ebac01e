"""How far the batches (or documents) of a run are.

| question                                  | access                                                   |
|---|---|
| how far every part of a run is            | query run_events (run_id, begins `progress#[<part>]`)    |
| a part is so far now                      | put run_events (run_id, `progress#<part>`)               |
| how far it was                            | get run_events (run_id, `progress#<part>`)               |

A part is `r<round>b<batch>` for a batch, the same with `:verifier` for what its verifier took, the id of a document for
its parse, or the name of a call outside the batches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from dataforge.platform import current
from dataforge.platform.ports import Item, Put, Write
from dataforge.store import item_codec, retention
from dataforge.store.item_codec import from_item, to_item

_PREFIX = "progress#"
_VERIFIER = ":verifier"
_OF_ROUND = re.compile(r"r(\d+)b")
"""The beginning of a part's name that belongs to one round of a run."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one batch (or one document) of a run is; replaced, never added to, so repeating is harmless."""

    done: int = 0
    total: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """Dollars; None: the price is not known, and then neither is that of any sum it is in."""
    cached_tokens: int = 0
    teacher_calls: int = 0
    reason: str | None = None
    """Why a document failed; of batches the run's files say it."""

    def at_least(self, earlier: Progress) -> Progress:
        """These figures, or those of an earlier attempt that had come further."""
        known = None not in (self.cost_usd, earlier.cost_usd)
        return replace(
            earlier if self.done < earlier.done else self,
            total=self.total,
            input_tokens=max(self.input_tokens, earlier.input_tokens),
            output_tokens=max(self.output_tokens, earlier.output_tokens),
            cached_tokens=max(self.cached_tokens, earlier.cached_tokens),
            teacher_calls=max(self.teacher_calls, earlier.teacher_calls),
            cost_usd=max(self.cost_usd or 0.0, earlier.cost_usd or 0.0) if known else None,
        )

    def __add__(self, other: Progress) -> Progress:
        return Progress(
            done=self.done + other.done,
            total=self.total + other.total,
            failed=self.failed + other.failed,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=None if self.cost_usd is None or other.cost_usd is None else self.cost_usd + other.cost_usd,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            teacher_calls=self.teacher_calls + other.teacher_calls,
        )


def put(run_id: str, part: str, progress: Progress) -> None:
    """Replace the part's figures."""
    current().tables.put("run_events", _row(run_id, part, progress))


def write(run_id: str, part: str, progress: Progress) -> Write:
    """The same as a part of a transaction: what is counted happens if and only if it is counted."""
    return Put("run_events", _row(run_id, part, progress))


def _row(run_id: str, part: str, progress: Progress) -> Item:
    return {**to_item(progress), "run_id": run_id, "at_seq": f"{_PREFIX}{part}", "expires_at": retention.expiry()}


def of_part(run_id: str, part: str) -> Progress:
    """Zero when nothing is known of it."""
    item = current().tables.get("run_events", {"run_id": run_id, "at_seq": f"{_PREFIX}{part}"})
    return from_item(Progress, {"cost_usd": None, **item}) if item else Progress()


def of_verifier(part: str) -> str:
    """The part of a batch's progress that its verifier's replies took; their slots count in the batch's own."""
    return f"{part}{_VERIFIER}"


def spent_on_verifying(run_id: str) -> Progress:
    """The sum over the parts of verifiers."""
    total = Progress()
    for name, one in _parts(run_id):
        if name.endswith(_VERIFIER):
            total += one
    return total


def of_run(run_id: str, part: str = "") -> Progress:
    """The sum over a run's parts (those whose name begins with `part`)."""
    total = Progress()
    for _, one in _parts(run_id, part):
        total += one
    return total


def parts(run_id: str) -> dict[str, Progress]:
    """By the name of the batch or document."""
    return dict(_parts(run_id))


def of_round(run_id: str, round_number: int) -> tuple[Progress, Progress]:
    """The sum without the batches of other rounds, and that over all parts, from one reading of them."""
    stage = whole = Progress()
    for name, one in _parts(run_id):
        whole += one
        found = _OF_ROUND.match(name)
        if found is None or int(found[1]) == round_number:
            stage += one
    return stage, whole


def _parts(run_id: str, begins: str = "") -> Iterator[tuple[str, Progress]]:
    prefix = ("at_seq", f"{_PREFIX}{begins}")
    for item in item_codec.items_of("run_events", {"run_id": run_id}, begins=prefix):
        # to_item leaves None out: a row without a cost is one whose price is not known.
        yield str(item["at_seq"]).removeprefix(_PREFIX), from_item(Progress, {"cost_usd": None, **item})

"""What became of each slot of a batch, and the part file that holds it.

A batch writes one file when all its slots have an outcome, `round-<n>/part-<batch>.json`:

    {"usage": {"input_tokens", "output_tokens", "cached_tokens", "cost_usd", "replies"}, "outcomes": [...]}

with one object per slot, in slot order:

    drafted   {"slot", "reply", "teacher", <the fields of its content>, "lineage"}
    failed    {"slot", "chunk_id", "failed": reason, "detail", "said", "lineage"}

`lineage` is missing where no reply was given. The content of a draft is the kind's own:
`generation.pair_drafts.PairDraft` or `synthetic.candidates.DraftedRecord`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

import orjson

from dataforge.log import redact
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.records import Slot
from dataforge.store.replies import Reply
from dataforge.store.runs import Run
from dataforge.workflows import run_files


class Content(Protocol):
    """What a kind of run keeps of a draft."""

    def to_fields(self) -> Item:
        """Its fields in the part file; none is called slot, reply, teacher, lineage or failed."""
        ...


C = TypeVar("C", bound=Content)
ContentOf: TypeAlias = Callable[[Item], C]
"""Reads the content of a draft from the fields of its object in a part file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted(Generic[C]):
    """A slot with a record, as a reply gave it; whether it is delivered is decided by the assessment."""

    slot: int
    reply: str
    """Key of the stored reply."""
    teacher: str
    """The model that answered."""
    content: C
    lineage: Item | None = None
    """The call that wrote it and its share of the cost: see `engine.reply_lineage`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A slot without a record. reason: a word for programs; detail: a sentence for people."""

    slot: int
    chunk_id: str
    """Empty where the source is not a document."""
    reason: str
    detail: str
    said: str = ""
    """What the teacher wrote last instead of a record; empty where it wrote nothing."""
    lineage: Item | None = None


Outcome: TypeAlias = Drafted[C] | Failed


MAX_SAID = 4_000
"""Characters of a reply that a failed slot keeps; the slots of one call keep the same ones."""


def failed(slot: Slot, reason: str, detail: str, said: str = "") -> Failed:
    return Failed(
        slot=slot.index,
        chunk_id=slot.chunk_id,
        reason=reason,
        detail=redact(detail),
        said=redact(said[:MAX_SAID]),
    )


def to_item(outcome: Outcome[Any]) -> Item:
    """The outcome as its object in a part file."""
    lineage: Item = {} if outcome.lineage is None else {"lineage": outcome.lineage}
    if isinstance(outcome, Failed):
        return {
            "slot": outcome.slot,
            "chunk_id": outcome.chunk_id,
            "failed": outcome.reason,
            "detail": outcome.detail,
            **({"said": outcome.said} if outcome.said else {}),
            **lineage,
        }
    head: Item = {"slot": outcome.slot, "reply": outcome.reply, "teacher": outcome.teacher}
    return {**head, **outcome.content.to_fields(), **lineage}


def from_item(item: Item, content_of: ContentOf[C]) -> Outcome[C]:
    """Reads what `to_item` wrote, also what earlier releases wrote."""
    slot, lineage = cast(int, item["slot"]), cast("Item | None", item.get("lineage"))
    if "failed" in item:
        return Failed(
            slot=slot,
            chunk_id=str(item.get("chunk_id") or ""),
            reason=str(item["failed"]),
            detail=str(item["detail"]),
            said=str(item.get("said") or ""),
            lineage=lineage,
        )
    return Drafted(
        slot=slot,
        reply=str(item["reply"]),
        teacher=str(item["teacher"]),
        content=content_of(item),
        lineage=lineage,
    )


def part_file(round_number: int, batch: int) -> str:
    return f"round-{round_number}/part-{batch:04d}.json"


def failure_file(round_number: int, batch: int) -> str:
    """Why a batch died for good: {"error": ...}."""
    return f"round-{round_number}/failure-{batch:04d}.json"


def write_part(
    run: Run, round_number: int, batch: int, outcomes: Iterable[Outcome[Any]], *, replies: Sequence[Reply]
) -> None:
    """replies: all that the batch has used, for its usage."""
    items = [to_item(o) for o in sorted(outcomes, key=lambda o: o.slot)]
    run_files.write_json(run, part_file(round_number, batch), {"usage": usage_of(replies), "outcomes": items})


def read_part(run: Run, name: str, content_of: ContentOf[C]) -> dict[int, Outcome[C]]:
    """Outcomes by slot. name: of the part file. Raises FileNotFoundError."""
    part = orjson.loads(current().files.read(run_files.key_of(run, name)))
    return {item["slot"]: from_item(item, content_of) for item in part["outcomes"]}


def usage_of(replies: Sequence[Reply]) -> Item:
    """Tokens, dollars (None when one price is not known) and number of these replies."""
    costs = [r.cost_usd for r in replies]
    return {
        "input_tokens": sum(r.input_tokens for r in replies),
        "output_tokens": sum(r.output_tokens for r in replies),
        "cached_tokens": sum(r.cached_tokens for r in replies),
        "cost_usd": None if any(c is None for c in costs) else round(float(sum(c for c in costs if c is not None)), 8),
        "replies": len(replies),
    }

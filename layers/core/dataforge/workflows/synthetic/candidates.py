"""A record of a synthetic run on its way, and what is kept of it in the part file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from dataforge import clock
from dataforge.platform.ports import Item
from dataforge.recipes.judging import JudgeScores
from dataforge.recipes.synthetic.critic import Comparison
from dataforge.recipes.synthetic.shapes import Payload
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.store.replies import Reply
from dataforge.workflows.engine.outcomes import Drafted, Failed


@dataclass(slots=True, kw_only=True)
class DraftedRecord:
    """The content of a drafted outcome: a record with what was found out about it. Fields in the part file as here;
    those that are None or were never set are left out."""

    root: int
    """See `recipes.synthetic.slots.RecordSlot.root`."""
    payload: dict[str, Any]
    """The record itself, by the fields of its schema."""
    at: str
    """When it was written."""
    reasons: list[str] = field(default_factory=list)
    """Why it is rejected; empty: it is accepted."""
    details: list[str] = field(default_factory=list)
    soft_flags: list[str] = field(default_factory=list)
    """Invariants that it breaks without being rejected."""
    fields: Mapping[str, Any] | None = None
    """Metadata fields that the judge filled."""
    quality: Mapping[str, Any] | None = None
    """The judge's scores: relevance, accuracy, completeness, overall."""
    duplicate_of: int | None = None
    similarity: float | None = None
    is_duplicate: bool = False

    def to_fields(self) -> Item:
        fields: dict[str, Any] = {
            "root": self.root,
            "payload": self.payload,
            "at": self.at,
            "reasons": self.reasons,
            "details": self.details,
            "soft_flags": self.soft_flags,
        }
        if self.quality is not None:
            fields |= {"fields": self.fields or {}, "quality": self.quality}
        if self.is_duplicate:
            fields |= {"duplicate_of": self.duplicate_of, "similarity": self.similarity}
        return cast(Item, fields)


RecordOutcome = Drafted[DraftedRecord] | Failed


def of_fields(fields: Item) -> DraftedRecord:
    stored = cast("dict[str, Any]", fields)
    return DraftedRecord(
        root=stored["root"],
        payload=stored["payload"],
        at=stored["at"],
        reasons=stored["reasons"],
        details=stored["details"],
        soft_flags=stored["soft_flags"],
        fields=stored.get("fields"),
        quality=stored.get("quality"),
    )


@dataclass(slots=True)
class Candidate:
    """A record while its call is at work."""

    slot: RecordSlot
    payload: Payload
    reply: Reply
    reasons: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    comparison: Comparison | None = None
    scores: JudgeScores | None = None
    soft_flags: list[str] = field(default_factory=list)
    failed: tuple[str, str] | None = None
    """Reason and detail: the record cannot be completed."""

    @property
    def alive(self) -> bool:
        return not self.reasons and self.failed is None

    def outcome(self) -> Drafted[DraftedRecord]:
        comparison, scores = self.comparison, self.scores
        payload = dict(self.payload)
        if comparison is not None:
            payload |= {
                "chosen_score": comparison.chosen,
                "rejected_score": comparison.rejected,
                "reasoning": comparison.reasoning,
            }
        content = DraftedRecord(
            root=self.slot.root,
            payload=payload,
            at=clock.now(),
            reasons=self.reasons,
            details=self.details,
            soft_flags=self.soft_flags,
            fields=None if scores is None else dict(scores.fields),
            quality=None if scores is None else _scores(scores),
        )
        return Drafted(slot=self.slot.index, reply=self.reply.slot, teacher=self.reply.model, content=content)


def _scores(scores: JudgeScores) -> dict[str, Any]:
    return {
        "relevance": scores.relevance,
        "accuracy": scores.accuracy,
        "completeness": scores.completeness,
        "overall": scores.overall,
    }


def alive(candidates: Mapping[int, Candidate], slots: Sequence[RecordSlot]) -> list[Candidate]:
    """Those that nothing speaks against so far, in slot order."""
    return [candidates[s.index] for s in slots if s.index in candidates and candidates[s.index].alive]

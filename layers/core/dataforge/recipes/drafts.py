"""Drafts as plain JSON, between the state that writes them and the state that judges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from dataforge.records import Draft, Message


def to_json(draft: Draft) -> dict[str, Any]:
    return {**asdict(draft), "evidence": list(draft.evidence), "turns": turns_of(draft)}


def turns_of(draft: Draft) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in draft.turns]


def said(draft: Draft) -> list[str]:
    """All that a user or an assistant says in it, in order."""
    return [m.content for m in draft.turns] or [draft.question, draft.answer]


def from_json(fields: Mapping[str, object]) -> Draft:
    """Fields that an older version did not write take their defaults."""
    turns = cast("list[dict[str, Any]]", fields.get("turns") or [])
    return Draft(
        str(fields["question"]),
        str(fields["answer"]),
        question_type=str(fields.get("question_type", "factual")),
        difficulty=cast(Any, fields.get("difficulty", "medium")),
        evidence=tuple(cast("list[str]", fields.get("evidence") or [])),
        turns=tuple(Message(t["role"], t["content"]) for t in turns),
        material_at=cast("int | None", fields.get("material_at")),
    )

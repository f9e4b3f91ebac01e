"""Which call wrote a record and what it cost."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson

from dataforge.platform.ports import Item
from dataforge.records import Question, Slot
from dataforge.store.replies import Reply, is_verifiers
from dataforge.workflows.engine.outcomes import C, Drafted, Outcome


def prompt_hash(question: Question) -> str:
    """SHA-256, hex, of all that a teacher was given: equal hashes were equal requests."""
    sent = {
        "messages": [asdict(m) for m in question.messages],
        "kind": question.kind,
        "temperature": question.temperature,
        "max_tokens": question.max_tokens,
        "json_schema": question.json_schema,
        "seed": question.seed,
    }
    return hashlib.sha256(orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)).hexdigest()


def attempt_of(reply_key: str) -> int:
    """1: the first reply, 2: its correction, from 3: fresh tries."""
    return int(reply_key.rsplit("#", 1)[1]) + 1


def with_lineage(
    outcomes: Iterable[Outcome[C]], calls: Sequence[Sequence[Slot]], replies: Iterable[Reply]
) -> list[Outcome[C]]:
    """The outcomes with their `lineage`; one of a slot whose call has no reply stays as it is."""
    by_call: dict[int, dict[str, Reply]] = {}
    for reply in replies:
        by_call.setdefault(int(reply.slot.split("#")[0]), {})[reply.slot] = reply
    place = {slot.index: (call, n) for call in calls for n, slot in enumerate(call)}
    traced: list[Outcome[C]] = []
    for outcome in outcomes:
        call, n = place[outcome.slot]
        paid = by_call.get(call[0].index)
        traced.append(replace(outcome, lineage=_lineage(outcome, paid, n, len(call))) if paid else outcome)
    return traced


def _lineage(outcome: Outcome[Any], paid: dict[str, Reply], n: int, slots: int) -> Item:
    """Of the n-th slot of a call; for a failed slot the last reply counts, but no verifier's: it wrote none of it."""
    written = [key for key in paid if not is_verifiers(key)] or paid
    reply = paid.get(outcome.reply if isinstance(outcome, Drafted) else "") or paid[max(written)]
    costs = [r.cost_usd for r in paid.values()]
    # A stored 0.0 comes back as 0: the part file of a batch that runs again must be the same.
    cost = None if any(c is None for c in costs) else math.fsum(c for c in costs if c is not None)
    tokens_in, tokens_out = sum(r.input_tokens for r in paid.values()), sum(r.output_tokens for r in paid.values())
    return {
        "teacher": reply.model,
        "reply": reply.slot,
        "attempt": attempt_of(reply.slot),
        "prompt_hash": reply.prompt_hash,
        "answered_at": reply.answered_at,
        "job": reply.job or None,
        "input_tokens": _share(tokens_in, n, slots),
        "output_tokens": _share(tokens_out, n, slots),
        "cost_usd": None if cost is None else round(cost / slots, 12),
        "call": {
            "slots": slots,
            "attempts": len(paid),
            "input_tokens": tokens_in,
            "output_tokens": tokens_out,
            "cost_usd": None if cost is None else round(cost, 10),
        },
    }


def _share(total: int, n: int, parts: int) -> int:
    """The n-th of `parts` whole numbers that sum to `total` and differ by at most one."""
    return total * (n + 1) // parts - total * n // parts

"""Shares of calls, hashes of prompts, places of evidence."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dataforge.platform.ports import Item
from dataforge.records import Message, Passage, Question, Slot, Span
from dataforge.store.chunks import StoredChunk
from dataforge.store.replies import Reply, key_of
from dataforge.workflows.engine import reply_lineage
from dataforge.workflows.engine.outcomes import Drafted, Failed
from dataforge.workflows.generation import lineage

QUESTION = Question((Message("system", "Rules"), Message("user", "Ask")), Passage("text"), ())


def reply(first: int, attempt: int, tokens: int, cost: float | None) -> Reply:
    return Reply(
        "gen_1",
        key_of(first, attempt),
        "",
        f"model-{attempt}",
        "stop",
        tokens,
        tokens // 3,
        0,
        cost,
        f"hash-{attempt}",
        f"time-{attempt}",
    )


class Nothing:
    """A content without any field."""

    def to_fields(self) -> Item:
        return {}


def failed(slot: int) -> Failed:
    return Failed(slot=slot, chunk_id="chunk", reason="unreadable_reply", detail="")


PRICES = st.floats(0, 10, allow_nan=False)
CALLS = st.lists(
    st.tuples(st.integers(1, 6), st.lists(st.tuples(st.integers(0, 9999), PRICES), max_size=3)),
    min_size=1,
    max_size=8,
)


@given(CALLS)
def test_shares_add_up_to_the_whole(given_calls: list[tuple[int, list[tuple[int, float]]]]) -> None:
    calls: list[list[Slot]] = []
    replies: list[Reply] = []
    for size, attempts in given_calls:
        first = sum(map(len, calls))
        calls.append([Slot(first + n, "chunk") for n in range(size)])
        replies += [reply(first, n, tokens, cost) for n, (tokens, cost) in enumerate(attempts)]

    found = reply_lineage.with_lineage([failed(s.index) for c in calls for s in c], calls, replies)

    known: list[Any] = [o.lineage for o in found if o.lineage is not None]
    assert sum(k["input_tokens"] for k in known) == sum(r.input_tokens for r in replies)
    assert sum(k["output_tokens"] for k in known) == sum(r.output_tokens for r in replies)
    assert math.isclose(sum(k["cost_usd"] for k in known), sum(r.cost_usd or 0 for r in replies), abs_tol=1e-8)
    assert len(found) == sum(map(len, calls))
    assert len(known) == sum(len(c) for c, (_, attempts) in zip(calls, given_calls, strict=True) if attempts)


def test_a_record_is_of_its_reply_and_shares_all_attempts() -> None:
    call = [Slot(4, "chunk"), Slot(5, "chunk")]
    replies = [reply(4, 0, 10, 0.2), reply(4, 1, 20, 0.4)]

    first, lost = reply_lineage.with_lineage(
        [Drafted(slot=4, reply=key_of(4, 0), teacher="model-0", content=Nothing()), failed(5)], [call], replies
    )

    assert first.lineage == {
        "teacher": "model-0",
        "reply": key_of(4, 0),
        "attempt": 1,
        "prompt_hash": "hash-0",
        "answered_at": "time-0",
        "job": None,
        "input_tokens": 15,
        "output_tokens": 4,
        "cost_usd": 0.3,
        "call": {"slots": 2, "attempts": 2, "input_tokens": 30, "output_tokens": 9, "cost_usd": 0.6},
    }
    assert (lost.lineage["attempt"], lost.lineage["output_tokens"]) == (2, 5)


def test_one_reply_of_unknown_price_makes_the_cost_unknown() -> None:
    [found] = reply_lineage.with_lineage([failed(0)], [[Slot(0, "chunk")]], [reply(0, 0, 1, 0.5), reply(0, 1, 1, None)])

    assert found.lineage["cost_usd"] is None
    assert found.lineage["call"]["cost_usd"] is None


def test_equal_requests_have_equal_hashes_and_any_change_another() -> None:
    others = [
        replace(QUESTION, messages=QUESTION.messages[::-1]),
        replace(QUESTION, temperature=0.1),
        replace(QUESTION, max_tokens=1),
        replace(QUESTION, seed=1),
        replace(QUESTION, json_schema={"a": 1}),
    ]

    hashes = {reply_lineage.prompt_hash(q) for q in (QUESTION, *others)}

    assert len(hashes) == 1 + len(others)
    assert reply_lineage.prompt_hash(replace(QUESTION)) == reply_lineage.prompt_hash(QUESTION)


def test_evidence_has_a_place_in_the_document_unless_a_person_rewrote_the_chunk() -> None:
    chunk = StoredChunk("p", "c", "d", "The pier opens.", [], 0, "paragraph", 4, 100, 115, "now")
    span = Span(4, 8, "pier")

    assert lineage.spans([span], [chunk])[0] == {
        "start": 4,
        "end": 8,
        "text": "pier",
        "document_start": 104,
        "document_end": 108,
    }
    assert lineage.spans([span], [replace(chunk, rewritten=True)])[0]["document_start"] is None
    assert lineage.spans([span], [None])[0]["document_start"] is None

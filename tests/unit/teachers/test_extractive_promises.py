"""What the offline teacher promises of any text and any call: evidence, capacity, requested types, capabilities."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.errors import TeacherRefused
from dataforge.quality.checks import failing
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.duplicates import near_duplicates
from dataforge.quality.grounding import ground
from dataforge.records import Draft, Passage, Slot
from dataforge.teachers.extractive import ExtractiveTeacher, clauses, pairs
from tests.support.passages import HANDBOOK, ask, capacity, question_of, slots


def _defects(draft: Draft, passage: Passage) -> list[str]:
    record = CheckedRecord(draft.question, draft.answer, passage=passage.content)
    return failing(record, ("empty_answer", "question_too_short", "truncated", "refers_to_passage", "role_tokens"))


async def test_top_ups_go_on_where_the_calls_before_stopped_and_end_at_the_capacity() -> None:
    whole = await ask(slots(0, capacity(HANDBOOK) + 5))
    in_parts = [*await ask(slots(0, 3)), *await ask(slots(3, 4)), *await ask(slots(7, capacity(HANDBOOK)))]

    assert len(whole) == capacity(HANDBOOK) >= 9
    assert sorted(p["question"] for p in in_parts) == sorted(p["question"] for p in whole)  # type: ignore[type-var]
    assert await ask(slots(capacity(HANDBOOK), 2)) == []


async def test_the_answer_is_the_same_whatever_the_seed_and_the_document_s_name() -> None:
    first, second = await ask(slots(0, 6), seed=1), await ask(slots(0, 6), seed=2)

    assert first == second
    assert capacity(HANDBOOK) == capacity(Passage(HANDBOOK.content, HANDBOOK.heading_path, document_name="x.pdf"))


# checklist 32
async def test_within_a_call_slots_get_the_difficulty_they_wish_for_where_there_is_one() -> None:
    plain = await ask(slots(0, 5))
    levels = [str(p["difficulty"]) for p in plain]
    wished = [Slot(n, "c", d, ordinal=n) for n, d in enumerate(reversed(levels))]  # type: ignore[arg-type]

    given_ = await ask(wished)

    assert [p["difficulty"] for p in given_] == list(reversed(levels))


async def test_a_question_type_that_is_wished_for_is_given() -> None:
    made = await ask([Slot(0, "c", ordinal=n, question_type=k) for n, k in enumerate(["list", None, None, None, None])])

    types = {str(p["question_type"]) for p in made}
    assert "list" not in types or made[0]["question_type"] == "list"
    assert len(made) == 5


async def test_it_says_no_to_what_it_cannot_write() -> None:
    with pytest.raises(TeacherRefused, match="does not write"):
        await ExtractiveTeacher().ask(question_of(HANDBOOK, slots(0, 1), kind="poem"))


def test_its_capabilities_are_facts() -> None:
    can = ExtractiveTeacher().can

    assert can.offline
    assert can.kinds == ("qa", "instruction", "conversation", "summary", "classification")
    assert not can.labels
    assert can.capacity is not None
    assert can.capacity(question_of(HANDBOOK, ())) == len(pairs(HANDBOOK))


def test_types_and_difficulties_are_mixed() -> None:
    made = pairs(HANDBOOK)

    assert len({d.question_type for d in made}) >= 5
    assert {d.difficulty for d in made} == {"easy", "medium", "hard"} or len({d.difficulty for d in made}) >= 2


def hold_to_promises(passage: Passage) -> None:
    """Every evidence is there word for word; answers are supported; nothing is asked twice or badly formed."""
    made = pairs(passage)
    assert all(e in passage.content for d in made for e in d.evidence)
    assert all(d.evidence and not _defects(d, passage) for d in made)
    assert len({d.question for d in made}) == len(made)
    assert near_duplicates([f"{d.question}\n{d.answer}" for d in made]) == []
    for d in made:
        supported = ground(d.answer, passage.content, question=d.question, quoted=d.evidence)
        assert supported.score >= 0.5, (d, supported)


# checklist 105
def test_the_handbook_holds_to_the_promises() -> None:
    hold_to_promises(HANDBOOK)


NOUNS = st.sampled_from(
    ["the pump", "a ticket", "employees", "The Head of Sales", "route R5", "it", "IBM", "an officer"]
)
VERBS = st.sampled_from(["is", "are kept for", "must pay", "covers", "may not carry", "was founded in", "costs", "has"])


RESTS = st.sampled_from(
    [
        "21 days",
        "a device that moves water",
        "in the safe",
        "1911",
        "20 euros a year",
        "six berths",
        "the fee within 30 days",
        "because it rains",
        "by the manager",
        "every two years",
    ]
)


LINES = st.one_of(
    st.builds(lambda n, v, r: f"{n[0].upper()}{n[1:]} {v} {r}.", NOUNS, VERBS, RESTS),
    st.sampled_from(
        [
            "",
            "## Fares",
            "- a passport",
            "1. Press it.",
            "| R | Cost |",
            "| --- | --- |",
            "| R1 | 3 |",
            "| R2 | 4.50 |",
            "The following items are needed:",
            "```",
            "If it fails, call us.",
        ]
    ),
    st.text(max_size=60),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=14), st.lists(st.text(max_size=20), max_size=2))
def test_any_text_is_survived_and_the_promises_hold(lines: list[str], headings: list[str]) -> None:
    passage = Passage("\n".join(lines), tuple(headings))

    made = pairs(passage)

    assert capacity(passage) == len(made)
    assert all(e in passage.content for d in made for e in d.evidence)
    assert len({d.question for d in made}) == len(made)
    assert near_duplicates([f"{d.question}\n{d.answer}" for d in made]) == []
    assert all(d.question.endswith("?") and not _defects(d, passage) for d in made)


@given(st.text(max_size=300))
def test_no_sentence_breaks_the_reader(text: str) -> None:
    for clause in clauses.read_all(text):
        assert clause.subject
        assert clause.ask("When").endswith("?")

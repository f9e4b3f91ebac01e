"""Records that need several passages: evidence in each, in its own place; what one passage answers is rejected."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality import record_scoring
from dataforge.quality.record_scoring import RecordScore, ScoringCase
from dataforge.quality.sources import Joined
from dataforge.records import Draft, Span

FERRY = "The Aurora carries 180 passengers and 40 cars. It was built in 1998 in the yard of Skerrow."
CREW = "A vessel that carries more than 150 passengers sails with nine crew members. Smaller ones sail with six."
QUESTION = "With how many crew members does the Aurora have to sail?"
ANSWER = "The Aurora carries 180 passengers, and a vessel of more than 150 passengers sails with nine crew members."
QUOTES = (
    "The Aurora carries 180 passengers and 40 cars.",
    "A vessel that carries more than 150 passengers sails with nine crew members.",
)


def judged(draft: Draft, *further: str) -> RecordScore:
    return record_scoring.score(ScoringCase(draft=draft, passage=FERRY, further=further), record_scoring.ground_pair)


def test_a_pair_that_needs_both_is_good_and_its_evidence_is_found_in_each() -> None:
    found = judged(Draft(QUESTION, ANSWER, evidence=QUOTES), CREW)

    assert found.reasons == ()
    assert [(s.source, s.text) for s in found.grounding.spans] == [(0, QUOTES[0]), (1, QUOTES[1])]
    assert all((FERRY, CREW)[s.source][s.start : s.end] == s.text for s in found.grounding.spans)


def test_a_pair_that_needs_one_is_rejected_for_that() -> None:
    only = Draft(
        "How many cars does the Aurora carry, and where was it built?",
        "The Aurora carries 40 cars and was built in the yard of Skerrow.",
        evidence=(QUOTES[0],),
    )

    assert judged(only, CREW).reasons == ("single_source",)
    assert judged(Draft(only.question, only.answer, evidence=QUOTES), CREW).reasons == ("single_source",), (
        "a quote that the answer does not use is no evidence"
    )
    assert judged(only).reasons == ()


def test_what_neither_says_is_ungrounded_first() -> None:
    invented = Draft(QUESTION, "Captain Nilsen hires whomever the ministry of fisheries appoints in Bergen.")

    assert judged(invented, CREW).reasons == ("ungrounded",)


def test_many_quotes_of_one_do_not_hide_the_other() -> None:
    text = " ".join(f"Rule number {n} of the harbour speaks of boats." for n in range(9))
    quotes = tuple(f"Rule number {n} of the harbour speaks of boats." for n in range(8))

    assert Joined((text, CREW)).in_turns((*quotes, QUOTES[1], "of none"))[:2] == (quotes[0], QUOTES[1])


@given(st.lists(st.text(st.sampled_from("ab \n"), max_size=20), min_size=2, max_size=3), st.data())
def test_spans_are_slices_of_their_passages(texts: list[str], data: st.DataObject) -> None:
    joined = Joined(tuple(texts))
    whole = joined.text
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))

    found = joined.apart([Span(start, end, whole[start:end])])

    assert all(s.text == texts[s.source][s.start : s.end] and s.text.strip() for s in found)
    assert "".join("".join(s.text.split()) for s in found) == "".join(whole[start:end].split())

"""Whatever a model wraps its JSON in, the pairs come out; what cannot be read is reported, not dropped."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import BadReply
from dataforge.recipes import RECIPES
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.reply_json import objects
from dataforge.records import Answer, Passage, Question, Slot

PAIR = {
    "question": "What is a berth?",
    "answer": "A place at the quay.",
    "question_type": "definition",
    "difficulty": "easy",
    "evidence": ["A berth is a place at the quay."],
}
REPLY = json.dumps({"pairs": [PAIR, {**PAIR, "question": "Who assigns a berth?"}]})
SLOTS = [Slot(0, "chunk_a"), Slot(1, "chunk_a")]
ASKED, ASKED_ONE = (Question((), Passage("A berth is a place at the quay."), tuple(SLOTS[:n])) for n in (2, 1))


WRITTEN = st.text(st.characters(exclude_categories=["Cc"]) | st.sampled_from("\t\n"))
"""Other control characters are what a parser makes of LaTeX that was not escaped: mended or refused, see
`test_latex_escapes`."""


@pytest.mark.parametrize(
    "reply",
    [
        REPLY,
        f"```json\n{REPLY}\n```",
        f"Sure! Here are the pairs:\n{REPLY}\nLet me know if you need more {{of them}}.",
        f"<think>The user wants {{two}} pairs.</think>{REPLY}",
        json.dumps([PAIR, PAIR]),
        REPLY.replace("}]}", "},]}"),
        json.dumps({"thoughts": ["short"], "pairs": [PAIR, PAIR]}),
    ],
)
def test_pairs_are_read_out_of_what_models_really_write(reply: str) -> None:
    drafts = RECIPES["qa"].read(Answer(reply, "m"), ASKED)

    assert [d.answer for d in drafts] == ["A place at the quay."] * 2
    assert drafts[0].evidence == ("A berth is a place at the quay.",)


def test_a_reply_cut_in_the_middle_keeps_its_complete_pairs_and_says_why_the_rest_is_missing() -> None:
    cut = Answer(REPLY[:-60], "m", finish_reason="length")

    with pytest.raises(BadReply, match="cut off after 1 of 2") as caught:
        RECIPES["qa"].read(cut, ASKED)

    assert {n: d.question for n, d in caught.value.drafts.items()} == {0: "What is a berth?"}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("I cannot help with that.", "no JSON"),
        ('{"pairs": [{"question": "Only a question?"}]}', "lacked a non-empty string"),
        (json.dumps({"pairs": [PAIR]}), "1 of the 2 pairs"),
        ("", "no JSON"),
    ],
)
def test_what_cannot_be_read_is_explained_to_the_teacher(reply: str, said: str) -> None:
    with pytest.raises(BadReply, match=said):
        RECIPES["qa"].read(Answer(reply, "m"), ASKED)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    assert isinstance(objects(text), list)


@given(
    st.lists(st.fixed_dictionaries({"question": WRITTEN, "answer": WRITTEN}), min_size=1, max_size=5),
    st.sampled_from(["{}", "```json\n{}\n```", "Here you go:\n{}"]),
)
def test_a_round_trip_through_chatter_loses_nothing(pairs: list[dict[str, str]], wrapping: str) -> None:
    text = wrapping.replace("{}", json.dumps({"pairs": pairs}))

    assert objects(text) == pairs


# checklist 29
def test_the_owners_system_prompt_reaches_the_teacher_and_cannot_replace_the_rules() -> None:
    options = GenerationOptions(system_prompt="Write for ferry crews.", style="brief")

    question = RECIPES["qa"].question(Passage("A berth is a place.", ("Harbour",)), SLOTS, options)

    rules, request = question.messages
    assert rules.content.index("Answerable from the passage alone") < rules.content.index("Write for ferry crews.")
    assert "Harbour" in request.content
    assert "exactly 2 pairs" in request.content


@pytest.mark.parametrize(
    "reply",
    [
        "[" * 200_000,
        '{"a":' * 200_000,
        '{"pairs": ' * 50_000 + REPLY,
        '{"question": ' + "9" * 10_000 + "}",
    ],
)
def test_brackets_without_end_are_a_bad_reply_not_a_crash(reply: str) -> None:
    with pytest.raises(BadReply):
        RECIPES["qa"].read(Answer(reply, "m"), ASKED)


@pytest.mark.parametrize("field", ["question", "answer", "question_type", "evidence"])
def test_half_a_character_is_mended_so_that_the_pair_can_be_stored(field: str) -> None:
    value: object = "good \ud83d\ude00, half \ud83d"
    pair = {**PAIR, field: [value] if field == "evidence" else value}

    draft = RECIPES["qa"].read(Answer(json.dumps({"pairs": [pair]}), "m"), ASKED_ONE)[0]

    found = getattr(draft, field)
    assert (found[0] if field == "evidence" else found) == "good 😀, half \ufffd"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WRITTEN,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    )
)
def test_values_of_any_type_are_read_or_refused(value: object) -> None:
    for pair in ({**PAIR, "evidence": value}, {**PAIR, "difficulty": value}, {**PAIR, "question_type": value}):
        assert RECIPES["qa"].read(Answer(json.dumps([pair]), "m"), ASKED_ONE)[0].answer == PAIR["answer"]
    if not isinstance(value, str) or not value.strip():
        with pytest.raises(BadReply):
            RECIPES["qa"].read(Answer(json.dumps({"question": value, "answer": value}), "m"), ASKED_ONE)


def test_an_endless_answer_is_cut_and_an_endless_question_is_none() -> None:
    long = json.dumps([{**PAIR, "answer": "x" * 10**6}, {**PAIR, "question": "x" * 10**6}])

    with pytest.raises(BadReply) as bad:
        RECIPES["qa"].read(Answer(long, "m"), ASKED)

    assert {n: len(d.answer) for n, d in bad.value.drafts.items()} == {0: 20_000}

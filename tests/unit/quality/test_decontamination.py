"""Records that hold items of an evaluation set are named with the item; others are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality import decontamination
from dataforge.quality.decontamination import Contamination, EvaluationIndex, EvaluationItem, grams

LONG = (
    "The harbour master of Quellmouth keeps two journals, one for the tides and one for the ferries, and signs both of "
    "them every evening before the lamps are lit on the northern pier."
)
CHINESE = "码头管理员每天晚上在点亮北码头的灯之前都要在潮汐日志和渡轮日志上签字并记录当天的最高水位和天气情况"


def index(*lines: dict[str, object]) -> EvaluationIndex:
    return decontamination.index_of(decontamination.items_of(lines, "exam.jsonl"))


def test_thirteen_words_in_a_row_name_the_item() -> None:
    exam = index({"question": "What does a crane lift?", "answer": "Stones."}, {"text": LONG})

    found = exam.find(
        [
            ["Who signs?", f"As said: {LONG[20:130].upper()} - and so on."],
            ["Who signs?", "The harbour master keeps two journals and signs them."],
        ]
    )

    assert found == [Contamination(0, "exam.jsonl:2")]


def test_twelve_words_in_a_row_are_not_enough() -> None:
    words = LONG.split()

    found = index({"text": LONG}).find([["?", " ".join(words[3:15])], ["?", " ".join(words[3:16])]])

    assert [one.index for one in found] == [1]


def test_scripts_without_blanks_are_compared_by_characters() -> None:
    exam = index({"question": CHINESE})

    found = exam.find([["谁签字？", f"答：{CHINESE[5:27]}。"], ["谁签字？", CHINESE[5:20]]])

    assert [one.index for one in found] == [0]


def test_a_short_item_is_found_by_likeness() -> None:
    exam = index({"question": "When does the north pier open on Sundays?", "answer": "At five."})

    found = exam.find([["When does the north pier open on a Sunday?", "At five."], ["Who may fish?", "Members."]])

    assert [(one.index, one.item) for one in found] == [(0, "exam.jsonl:1")]
    assert (found[0].similarity or 0) > 0.7


@pytest.mark.parametrize(
    "line",
    [
        {"messages": [{"role": "user", "content": LONG}, {"role": "assistant", "content": "Yes."}]},
        {"conversations": [{"from": "human", "value": LONG}, {"from": "gpt", "value": "Yes."}]},
        {"instruction": "Summarise.", "input": LONG, "output": "Yes."},
        {"prompt": "Who signs?", "completion": LONG},
    ],
)
def test_lines_of_usual_forms_are_read(line: dict[str, object]) -> None:
    assert [one.item for one in index(line).find([["?", LONG]])] == ["exam.jsonl:1"]


def test_an_empty_set_finds_nothing() -> None:
    assert index({"id": 7}).find([["Who?", LONG]]) == []


@given(st.lists(st.text(alphabet="ab ", min_size=1, max_size=200), min_size=1, max_size=5), st.integers(0, 4))
def test_a_record_that_is_an_item_is_always_found(texts: list[str], chosen: int) -> None:
    items = [EvaluationItem(str(n), (text,)) for n, text in enumerate(texts)]
    text = texts[chosen % len(texts)]
    long_enough = len(list(grams(text))) > 0

    found = decontamination.index_of(items).find([["What?", text]])

    assert bool(found) or not long_enough

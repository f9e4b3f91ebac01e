"""Training data of every shape becomes the lines that the program reads; what cannot is told by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import FieldError, Invalid
from dataforge.formats import FORMATS, conversation
from dataforge.training import examples, jsonl, shapes
from dataforge.training.examples import check, convert
from tests.support.any_json import JSON
from tests.support.training import jsonl as as_jsonl

CHAT = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
QUICK = {"system_prompt": "Be kind.", "instruction": "Q", "response": "A", "metadata": {"difficulty": "easy"}}
FULL = {"instruction": "Q", "input": "C", "output": "A", "metadata": {}, "provenance": {"job_id": "syn_job_1"}}
PREFERENCE = {"prompt": "Q", "chosen": "A", "rejected": "B", "chosen_score": 9, "rejected_score": 3, "reasoning": "r"}
EVALUATION = {"input": "Q", "ideal_output": "A", "metrics": ["exact_match"]}
CONFLICT = {
    "record_id": "rec_1",
    "schema": "conflict_v1",
    "data": {
        "input": "Q",
        "axis": "safety vs autonomy",
        "responses": [{"drive": "safety", "output": "A"}, {"drive": "autonomy", "output": "B"}],
        "resolution": {"preferred_drive": "safety", "losing_drive": "autonomy", "confidence": 0.8},
    },
}
PAIR = conversation.messages("Q", "A", system_prompt="Be kind.")


def rows(lines: list[dict[str, Any]] | bytes) -> Iterator[jsonl.Row]:
    return jsonl.rows([lines if isinstance(lines, bytes) else as_jsonl(lines)])


def generation(line: dict[str, Any], *, chat: bool = False) -> dict[str, Any]:
    return convert(line, "text-generation", "sft", chat)


# checklist 179
@pytest.mark.parametrize(
    "line",
    [
        {"input": "Q", "output": "A"},
        {"prompt": "Q", "completion": "A"},
        {"prompt": "Q", "response": "A"},
        {"prompt": [{"role": "user", "content": "Q"}], "completion": [{"role": "assistant", "content": "A"}]},
        {"question": "Q", "answer": "A"},
        {"query": "Q", "response": "A"},
        {"messages": CHAT},
        {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
        {"messages": [{"role": "user", "content": [{"text": "Q"}]}, {"role": "assistant", "content": [{"text": "A"}]}]},
        FORMATS["alpaca"].line(PAIR, None),
        {"instruction": "Q", "response": "A"},
        PREFERENCE,
        EVALUATION,
        CONFLICT,
        {"prompt": "Q", "completion": "A", "system": " "},
    ],
    ids=lambda line: "+".join(line)[:40],
)
def test_every_shape_of_a_question_and_its_answer(line: dict[str, Any]) -> None:
    made = generation(line)

    assert (made["prompt"], made["completion"]) == ("Q", "A")
    assert generation(line, chat=True)["messages"] == CHAT


# checklist 180
@pytest.mark.parametrize("line", [FULL, {**FULL, "response": "A", "system_prompt": ""}])
def test_input_beside_an_instruction_is_context_and_the_instruction_stays(line: dict[str, Any]) -> None:
    assert generation(line)["prompt"] == "Q\n\nC"
    assert generation(line, chat=True)["messages"][0] == {"role": "user", "content": "Q\n\nC"}


# checklist 180
def test_an_exported_alpaca_line_trains_the_same_question_as_the_chat_line() -> None:
    asked = conversation.messages("Shorten this.\n\nThe gate closes.", "It closes.")
    alpaca, chat = FORMATS["alpaca"].line(asked, 15), FORMATS["chatml"].line(asked, 15)

    assert alpaca["input"] == "The gate closes."
    assert generation(alpaca, chat=True) == generation(chat, chat=True)


# checklist 179
def test_the_system_prompt_of_a_line_is_kept() -> None:
    made = generation(QUICK, chat=True)

    assert made["messages"] == [{"role": "system", "content": "Be kind."}, *CHAT]
    assert generation(QUICK)["prompt"] == "Be kind.\n\nQ"
    assert generation(FORMATS["chatml"].line(PAIR, None)) == generation(QUICK)


def test_earlier_turns_are_kept_as_messages_and_as_text() -> None:
    line = {"instruction": "And then?", "output": "A", "history": [["Q", "First."]]}

    assert [m["content"] for m in generation(line, chat=True)["messages"]] == ["Q", "First.", "And then?", "A"]
    assert generation(line)["prompt"] == "User: Q\n\nAssistant: First.\n\nUser: And then?\n\nAssistant:"


# checklist 164
@pytest.mark.parametrize(
    "line",
    [
        PREFERENCE,
        CONFLICT,
        {
            "prompt": CHAT[:1],
            "chosen": [{"role": "assistant", "content": "A"}],
            "rejected": [{"role": "assistant", "content": "B"}],
        },
        {"chosen": CHAT, "rejected": [CHAT[0], {"role": "assistant", "content": "B"}]},
        {
            "input": {"messages": CHAT[:1], "tools": []},
            "preferred_output": [{"role": "assistant", "content": "A"}],
            "non_preferred_output": [{"role": "assistant", "content": "B"}],
        },
        {"instruction": "Q", "input": "", "chosen": "A", "rejected": "B"},
    ],
    ids=lambda line: "+".join(line)[:40],
)
@pytest.mark.parametrize("strategy", ["dpo", "rlhf"])
def test_every_shape_of_two_answers(line: dict[str, Any], strategy: str) -> None:
    made = convert(line, "text-generation", strategy, False)
    chat = convert(line, "text-generation", strategy, True)

    assert (made["prompt"], made["chosen"], made["rejected"]) == ("Q", "A", "B")
    assert (chat["prompt"], chat["chosen"]) == (CHAT[:1], CHAT[1:])
    assert chat["rejected"] == [{"role": "assistant", "content": "B"}]


# checklist 167
@pytest.mark.parametrize(
    "line",
    [
        {"document": "Long.", "summary": "Short."},
        {"article": "Long.", "highlights": "Short."},
        {"input": "Long.", "output": "Short."},
        {"text": "Long.", "summary": "Short."},
    ],
)
def test_documents_and_their_summaries(line: dict[str, Any]) -> None:
    assert convert(line, "summarization", "sft", False) == {"document": "Long.", "summary": "Short."}


# checklist 180
def test_the_words_that_ask_for_a_summary_stay_with_the_document() -> None:
    line = {"instruction": "In one word.", "input": "Long.", "output": "Short."}

    assert convert(line, "summarization", "sft", False)["document"] == "In one word.\n\nLong."


# checklist 167
@pytest.mark.parametrize(
    "answers",
    [
        {"answers": {"text": ["nine"], "answer_start": [21]}},
        {"answers": {"text": ["nine"], "answer_start": [3]}},
        {"answers": ["nine"]},
        {"answers": [{"text": "nine", "answer_start": 21}]},
        {"answer": "nine"},
        {"answer": {"text": "nine"}},
        {"output": "nine"},
    ],
)
def test_an_answer_is_found_in_its_passage(answers: dict[str, Any]) -> None:
    line = {"context": "The ferry leaves at  nine.", "question": "When?", **answers}
    made = convert(line, "extractive-question-answering", "sft", False)

    assert made == {
        **{k: line[k] for k in ("context", "question")},
        "answers": {"text": ["nine"], "answer_start": [21]},
    }


# checklist 180
def test_of_an_instruction_about_a_passage_the_passage_is_the_context() -> None:
    line = {"instruction": "When?", "input": "At nine.", "output": "nine"}
    made = convert(line, "extractive-question-answering", "sft", False)

    assert (made["question"], made["context"], made["answers"]["answer_start"]) == ("When?", "At nine.", [3])


@given(st.text(alphabet="ab ", min_size=1, max_size=40), st.integers(0, 40), st.integers(1, 10), st.integers(-5, 60))
def test_the_place_of_an_answer_is_where_it_stands(context: str, at: int, length: int, said: int) -> None:
    text = context[at : at + length]
    if not text.strip() or not context.strip():
        return
    line = {"context": context, "question": "?", "answers": {"text": [text], "answer_start": [said]}}
    start = convert(line, "extractive-question-answering", "sft", False)["answers"]["answer_start"][0]

    places = [n for n in range(len(context)) if context.startswith(text, n)]
    near = min(max(said, 0), len(context))
    assert start in places
    assert abs(start - near) == min(abs(n - near) for n in places)


def test_id_and_topic_are_carried_over_from_the_line_or_its_metadata() -> None:
    assert generation({**QUICK, "metadata": {"id": 7, "category": "ferries"}})["id"] == "7"
    assert generation({**QUICK, "metadata": {"id": 7, "category": "ferries"}})["topic"] == "ferries"
    assert generation({**QUICK, "id": "a", "topic": "gates"})["topic"] == "gates"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"instruction": "Q", "input": "C"}, "Missing required field 'output'"),
        ({"prompt": "Q"}, "Missing required field 'completion'"),
        ({"output": "A"}, "Missing required field 'input'"),
        ({"prompt": "Q", "chosen": "A"}, "Missing required field 'rejected'"),
        ({"messages": CHAT[:1]}, "must end with a message of the assistant"),
        ({"messages": CHAT[1:]}, "must hold a message of the user"),
        ({"messages": []}, "must be a list of messages"),
        ({"messages": [{"role": "narrator", "content": "x"}, CHAT[1]]}, "messages[0].role"),
        ({"messages": [CHAT[0], {"role": "assistant", "tool_calls": [{}]}]}, "tool calls cannot be trained"),
        ({"messages": [{"role": "user", "content": [{"image": "x"}]}, CHAT[1]]}, "parts that are no text"),
        ({"input": "Q", "output": "  "}, "Field 'output' is empty"),
        ({"input": "Q", "output": {"a": 1}}, "Field 'output' must be a text, not an object"),
        ({"input": "Q", "output": True}, "Field 'output' must be a text, not true or false"),
    ],
)
def test_what_is_wrong_names_the_field(line: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as caught:
        generation(line)

    assert said in caught.value.message


@pytest.mark.parametrize(
    ("line", "task", "strategy", "field"),
    [
        ({"instruction": "Q", "output": "A"}, "text-generation", "dpo", "prompt"),
        ({"prompt": "Q", "completion": "A"}, "text-generation", "rlhf", "chosen"),
        ({"title": "x"}, "summarization", "sft", "document"),
        ({"question": "Q", "answer": "A"}, "extractive-question-answering", "sft", "context"),
        ({"context": "C", "question": "Q"}, "extractive-question-answering", "sft", "answers"),
    ],
)
def test_what_a_task_needs_is_asked_for_by_its_public_name(
    line: dict[str, Any], task: str, strategy: str, field: str
) -> None:
    with pytest.raises(Invalid, match=f"Missing required field '{field}'"):
        convert(line, task, strategy, False)


# checklist 175
def test_a_file_is_checked_line_by_line() -> None:
    good = [{"input": f"Q{n}", "output": "A"} for n in range(12)]
    data = as_jsonl(good[:6]) + b'{"input": "Q"}\n\n{"input": \n[1]\n' + as_jsonl(good[6:])
    found = check(rows(data))

    assert found.num_examples == 15
    assert not found.valid
    assert found.errors == [
        "Missing required field 'output' on line 7",
        "Invalid JSON on line 9",
        "Line 10 is no JSON object, but a list: write one object per line",
    ]
    assert found.shapes == {"input/output": 12}


# checklist 175
def test_a_good_file_has_no_errors_and_a_short_one_says_how_many_are_needed() -> None:
    assert check(rows([{"input": "Q", "output": "A"}] * 10)).errors == []
    assert check(rows([{"input": "Q", "output": "A"}] * 10)).valid
    short = check(rows([{"input": "Q", "output": "A"}] * 9))
    assert (short.valid, short.errors) == (False, ["At least 10 examples are needed, the file has 9"])


def test_a_hundred_problems_are_listed_and_all_are_counted() -> None:
    found = check(rows(b"x\n" * 250))

    assert found.error_count == 250
    assert len(found.errors) == 100
    assert found.errors[0] == "Invalid JSON on line 1"
    assert found.errors[-1] == "151 more lines have errors"


def test_a_line_of_another_shape_is_told_by_the_field_of_its_neighbours() -> None:
    assert check(rows([{"messages": CHAT}, {"text": "x"}])).errors == ["Missing required field 'messages' on line 2"]


def test_a_json_array_is_told_apart() -> None:
    assert "one JSON array" in check(rows(json.dumps([{"input": "Q"}], indent=1).encode())).errors[0]


@pytest.mark.parametrize("data", [b'{"input": "\xff", "output": "A"}\n', "{}".encode("utf-16")])
def test_a_file_that_is_no_utf8_says_so(data: bytes) -> None:
    assert check(rows(data)).errors == ["Line 1 is not UTF-8 text: save the file as UTF-8"]


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_the_lines() -> None:
    data = b"\xef\xbb\xbf" + as_jsonl([{"input": "Q", "output": "A"}] * 10).replace(b"\n", b"\r\n")

    assert check(rows(data)).valid


def test_a_line_without_end_is_refused_in_bounded_memory() -> None:
    chunks = (b'"' + b"x" * 2**20 for _ in range(64))

    found = check(jsonl.rows(chunks))

    assert found.errors == ["Line 1 is longer than 4 MiB: write one JSON object per line"]


@given(st.lists(st.binary(max_size=8), max_size=6), st.integers(1, 5))
def test_lines_do_not_depend_on_how_the_file_is_cut(lines: list[bytes], size: int) -> None:
    data = b"\n".join(lines)
    cut = [data[n : n + size] for n in range(0, len(data), size)]

    assert list(jsonl.rows(cut)) == list(jsonl.rows([data]))


NAMES = sorted(
    {"history", "metadata", "id", "topic", "data", "input", "context", "messages", "role", "from", "content", "value"}
    | {mark for shape in shapes.SHAPES for mark in shape.marks}
    | {"answers", "text", "answer_start", *shapes.ANSWERS, *shapes.SYSTEMS}
)
LINES = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6)


@given(
    LINES,
    st.sampled_from(["text-generation", "summarization", "extractive-question-answering"]),
    st.sampled_from(["sft", "qlora", "dpo", "rlhf"]),
    st.booleans(),
)
def test_any_line_is_converted_or_refused_by_name(line: dict[str, Any], task: str, strategy: str, chat: bool) -> None:
    named: list[FieldError] = []
    try:
        made = convert(line, task, strategy, chat)
    except Invalid as problem:
        named = problem.errors
    else:
        json.dumps(made, ensure_ascii=False).encode("utf-8")
        named = [FieldError(examples.asked_text(made), examples.answer_text(made))]

    assert named


@given(st.lists(LINES, max_size=3))
def test_any_file_is_checked(lines: list[dict[str, Any]]) -> None:
    found = check(rows(json.dumps(lines).encode()))
    each = check(iter([jsonl.Row(n, line) for n, line in enumerate(lines, start=1)]))

    assert found.errors
    assert each.num_examples == len(lines)

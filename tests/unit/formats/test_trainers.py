"""What trainers refuse, line by line."""

from __future__ import annotations

from typing import Any

import pytest

from dataforge.formats import trainers
from dataforge.formats.trainers import TRAINERS
from tests.support.training_files import EXCHANGES, SHAPES

USER = {"role": "user", "content": "Where is the crane?"}
ANSWER = {"role": "assistant", "content": "Behind the market."}

TAKEN = {
    "openai": ("chatml", "openai-preference"),
    "bedrock": ("prompt-completion", "bedrock"),
    "trl": ("chatml", "prompt-completion", "prompt-completion-messages", "preference"),
    "llama-factory": ("alpaca", "sharegpt", "chatml"),
}


@pytest.mark.parametrize(("name", "shape"), [(n, s) for n, shapes in TAKEN.items() for s in shapes])
def test_good_lines_are_taken(name: str, shape: str) -> None:
    line = SHAPES[shape](*EXCHANGES[0])

    assert list(TRAINERS[name].line(line)) == []


@pytest.mark.parametrize(
    ("name", "line", "field"),
    [
        ("openai", SHAPES["alpaca"](*EXCHANGES[0]), "instruction"),
        ("openai", {"messages": []}, "messages"),
        ("openai", {"messages": [USER]}, "messages"),
        ("openai", {"messages": [USER, {**ANSWER, "content": " "}]}, "messages[1].content"),
        ("openai", {"messages": [USER, {**ANSWER, "weight": 2}]}, "messages[1].weight"),
        ("openai", {"messages": [{**USER, "weight": 1}, ANSWER]}, "messages[0].weight"),
        ("openai", {"messages": [{**USER, "role": "human"}, ANSWER]}, "messages[0].role"),
        ("openai", {"messages": [{**USER, "mood": "good"}, ANSWER]}, "messages[0].mood"),
        ("openai", {"messages": [USER, ANSWER], "topic": "cranes"}, "topic"),
        ("openai", {"messages": [USER, {**ANSWER, "content": "harbour " * 70_000}]}, "messages"),
        ("openai", {"input": {"messages": [USER]}, "preferred_output": [ANSWER]}, "non_preferred_output"),
        ("bedrock", {"messages": [USER, ANSWER]}, "schemaVersion"),
        ("bedrock", {"prompt": "Where?", "completion": ""}, "completion"),
        ("trl", {"prompt": "Where?", "completion": [ANSWER]}, "prompt"),
        ("trl", {"prompt": "Where?", "chosen": "There."}, "rejected"),
        ("trl", {"instruction": "Go", "output": "Gone"}, "messages"),
        ("llama-factory", {"instruction": "Go"}, "output"),
        ("llama-factory", {"conversations": [{"from": "gpt", "value": "Hi"}]}, "conversations[0].from"),
        ("llama-factory", {"conversations": [{"from": "human", "value": "Hi"}]}, "conversations"),
    ],
)
def test_bad_lines_name_the_field(name: str, line: dict[str, Any], field: str) -> None:
    assert field in [violation.field for violation in TRAINERS[name].line(line)]


@pytest.mark.parametrize("name", TRAINERS)
@pytest.mark.parametrize("value", [None, 7, "text", [], [None], [[]], {}, {"a": 1}, True])
@pytest.mark.parametrize("key", ["messages", "conversations", "prompt", "input", "system", "chosen", "history"])
def test_no_value_stops_a_trainers_rules(name: str, key: str, value: object) -> None:
    assert list(TRAINERS[name].line({key: value}))


def test_openai_needs_ten_examples_of_one_shape() -> None:
    assert trainers.of_file("openai", 9, {"messages": 9}) == [
        "OpenAI fine-tuning needs at least 10 examples, the file has 9"
    ]
    assert len(trainers.of_file("openai", 10, {"messages": 9, "preference": 1})) == 1
    assert trainers.of_file("openai", 10, {"messages": 10}) == []

"""Options of a training request: defaults, limits, what excludes what, and the file that the program reads."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import Invalid
from dataforge.training import options
from tests.support.training import DOCUMENTED, PYTHON_SAMPLE

LEAST = {"task": "text-generation", "model_name": "m", "dataset": "d.jsonl"}


def refused(**changed: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        options.read({**LEAST, **changed})
    return caught.value


# checklist 159
@pytest.mark.parametrize("body", [DOCUMENTED, PYTHON_SAMPLE])
def test_the_documented_bodies_are_read_as_they_stand(body: dict[str, Any]) -> None:
    read = options.read(body)

    assert {name: getattr(read, name) for name in body} == body
    assert read.strategy == "sft"
    assert read.max_seq_length == body.get("max_seq_length")


# checklist 160
def test_defaults_are_those_of_the_public_document() -> None:
    read = options.read(LEAST)

    assert (read.provider, read.strategy, read.compute_specs, read.device) == (
        "huggingface",
        "sft",
        "mid_range",
        "auto",
    )
    assert (read.lora_r, read.lora_alpha, read.lora_dropout, read.target_modules) == (16, 32, 0.1, "all-linear")
    assert (read.use_4bit, read.use_8bit, read.bnb_4bit_compute_dtype, read.bnb_4bit_quant_type) == (
        True,
        False,
        "float16",
        "nf4",
    )
    assert (read.use_nested_quant, read.fp16, read.bf16, read.packing, read.use_chat_template) == (False,) * 5
    assert (read.num_train_epochs, read.max_steps, read.gradient_accumulation_steps) == (1, -1, 4)
    assert (read.per_device_train_batch_size, read.per_device_eval_batch_size) == (1, 1)
    assert (read.gradient_checkpointing, read.group_by_length, read.max_seq_length) == (True, True, None)
    assert (read.max_grad_norm, read.weight_decay, read.rate, read.warmup_ratio) == (0.3, 0.001, 2e-4, 0.03)
    assert (read.optim, read.lr_scheduler_type) == ("paged_adamw_32bit", "cosine")
    assert (read.eval_split, read.eval_steps, read.logging_steps, read.save_steps) == (0.2, 100, 10, 100)
    assert (read.beta, read.loss_type, read.max_prompt_length, read.seed) == (0.1, "sigmoid", 128, 42)


# checklist 160, 161
@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("task", "summarization", "translation"),
        ("provider", "unsloth", "torchtune"),
        ("strategy", "qlora", "ppo"),
        ("compute_specs", "low_end", "tiny"),
        ("device", "cpu", "tpu"),
        ("lora_r", 256, 257),
        ("lora_r", 1, 0),
        ("lora_dropout", 1, 1.5),
        ("num_train_epochs", 1, 0),
        ("per_device_train_batch_size", 1, 0),
        ("gradient_accumulation_steps", 1, 0),
        ("learning_rate", 1, 0),
        ("learning_rate", 1e-9, 1.1),
        ("optim", "sgd", "adam"),
        ("lr_scheduler_type", "linear", "step"),
        ("max_steps", -1, 0),
        ("max_steps", 5, -2),
        ("warmup_ratio", 0, -0.1),
        ("eval_split", 0, 1),
        ("eval_split", 0.99, -0.1),
        ("beta", 0.01, 0),
        ("bnb_4bit_quant_type", "fp4", "int4"),
        ("max_seq_length", 8, 7),
        ("target_modules", ["q_proj"], []),
        ("use_chat_template", True, "yes"),
        ("num_train_epochs", 3, 2.5),
        ("lora_r", 8, True),
        ("learning_rate", 0.1, float("nan")),
        ("model_name", "org/model-1.5", "a model"),
        ("model_name", "/models/m", "   "),
        ("dataset", "d.jsonl", ""),
        ("instance_type", "ml.g5.2xlarge", "ml.g5.huge"),
        ("warm_pool_seconds", 3600, 3601),
        ("volume_gb", 500, 5),
        ("seed", 0, None),
    ],
)
def test_a_value_outside_its_limits_is_refused_by_name(name: str, inside: Any, outside: Any) -> None:
    options.read({**LEAST, name: inside})

    problem = refused(**{name: outside}) if outside is not None else None
    if problem:
        assert [e.field for e in problem.errors] == [name]
        assert name in problem.message


# checklist 161
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"task": "summarization", "strategy": "dpo"}, "strategy"),
        ({"task": "summarization", "strategy": "rlhf"}, "strategy"),
        ({"task": "extractive-question-answering", "provider": "unsloth"}, "provider"),
        ({"provider": "unsloth", "strategy": "rlhf"}, "provider"),
        ({"use_4bit": True, "use_8bit": True}, "use_8bit"),
        ({"fp16": True, "bf16": True}, "bf16"),
        ({"full_finetune": True, "strategy": "qlora"}, "full_finetune"),
        ({"full_finetune": True, "use_4bit": True}, "use_4bit"),
        ({"max_seq_length": 100, "max_prompt_length": 100}, "max_prompt_length"),
        ({"spot": True, "warm_pool_seconds": 600}, "warm_pool_seconds"),
    ],
)
def test_what_excludes_each_other_is_refused(changed: dict[str, Any], field: str) -> None:
    assert [e.field for e in refused(**changed).errors] == [field]


# checklist 161
def test_every_broken_field_is_told_at_once_and_unknown_ones_with_the_nearest_name() -> None:
    problem = refused(task="x", epochs=3, lora_r=0)

    assert {e.field for e in problem.errors} == {"task", "epochs", "lora_r"}
    assert "epochs is unknown; did you mean num_train_epochs?" in problem.message


def test_what_is_required_is_asked_for() -> None:
    with pytest.raises(Invalid, match=r"task is required; model_name is required; dataset is required"):
        options.read({})


def test_null_is_the_default_where_there_is_one() -> None:
    assert options.read({**LEAST, "lora_r": None, "max_seq_length": None}) == options.read(LEAST)


def test_use_4bit_gives_way_where_it_was_not_asked_for() -> None:
    assert options.read({**LEAST, "use_8bit": True}).use_4bit is False
    assert options.read({**LEAST, "full_finetune": True}).quantised_bits is None
    assert options.read({**LEAST, "strategy": "qlora", "use_4bit": False}).quantised_bits == 4


@pytest.mark.parametrize(("strategy", "rate"), [("sft", 2e-4), ("qlora", 2e-4), ("dpo", 5e-6), ("rlhf", 5e-6)])
def test_the_learning_rate_suits_the_strategy_unless_it_is_given(strategy: str, rate: float) -> None:
    assert options.read({**LEAST, "strategy": strategy}).rate == rate
    assert options.read({**LEAST, "strategy": strategy, "learning_rate": 0.5}).rate == 0.5


def test_the_program_gets_every_option_that_it_needs() -> None:
    config = options.to_config(options.read(DOCUMENTED), job_id="train_1", provenance={"dataset": "d"}, network=True)

    assert json.loads(json.dumps(config)) == config
    assert config["job_id"] == "train_1"
    assert config["learning_rate"] == 2e-4
    assert config["network"] is True
    assert config["provenance"] == {"dataset": "d"}
    assert set(config) >= options.TABLE.keys() - options.NOT_FOR_THE_PROGRAM
    assert not set(config) & options.NOT_FOR_THE_PROGRAM


@pytest.mark.parametrize(
    ("name", "kind"), [("gpt2", "hub"), ("a/b", "hub"), ("./m", "path"), ("/m", "path"), ("s3://b/m", "s3")]
)
def test_where_a_model_is_can_be_told_by_its_name(name: str, kind: str) -> None:
    assert options.model_kind(name) == kind


@pytest.mark.parametrize("name", ["a/b/c", "https://x", "a b", "a..b/c"])
def test_a_name_that_can_be_no_model_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="Hugging Face id"):
        options.model_kind(name)


def test_the_schema_says_the_same_as_the_reader() -> None:
    schema = options.schema()

    assert schema["required"] == ["task", "model_name", "dataset"]
    assert schema["properties"]["lora_r"]["maximum"] == 256
    assert schema["properties"]["strategy"]["default"] == "sft"
    assert all(re.fullmatch(r".{10,160}", p["description"]) for p in schema["properties"].values())


VALUES = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    *(st.lists(st.text(max_size=3), max_size=2), st.dictionaries(st.text(max_size=2), st.none(), max_size=1)),
    st.sampled_from([*options.TASKS, *options.STRATEGIES]),
)


@given(st.dictionaries(st.sampled_from([*options.TABLE, "other"]), VALUES))
def test_any_request_is_read_or_refused_by_name(request: dict[str, Any]) -> None:
    broken: set[str] = set()
    try:
        read = options.read(request)
    except Invalid as problem:
        broken = {e.field for e in problem.errors}
        settled = bool(broken)
    else:
        settled = read.task in options.TASKS

    assert settled
    assert broken <= {*options.TABLE, "other"}

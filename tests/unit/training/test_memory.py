"""Whether a model fits: known sizes, the smallest instance that does, and what to do where none does."""

from __future__ import annotations

from typing import Any

import pytest

from dataforge.errors import Invalid
from dataforge.training import estimate, instances, memory, options
from dataforge.training.memory import GIB, need, parameters

LEAST = {"task": "text-generation", "model_name": "meta-llama/Llama-3.1-8B", "dataset": "d"}


def read(**changed: Any) -> options.Options:
    return options.read({**LEAST, **changed})


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("meta-llama/Llama-3.2-3B", 3e9),
        ("Qwen/Qwen3-0.6B", 0.6e9),
        ("HuggingFaceTB/SmolLM2-360M-Instruct", 360e6),
        ("gpt2", 0.124e9),
        ("org/no-size-at-all", None),
        ("org/model-v2", None),
    ],
)
def test_parameters_are_known_or_said_by_the_name(name: str, count: float | None) -> None:
    assert parameters(name) == count


def test_an_eight_billion_model_needs_what_practice_shows() -> None:
    """Published figures: QLoRA about 10 GB, LoRA in half precision about 20 GB, full fine-tuning above 120 GB."""
    tokens, count = 1024, 8e9

    assert 5 < need(read(strategy="qlora"), count, tokens).total / GIB < 12
    assert 16 < need(read(use_4bit=False), count, tokens).total / GIB < 26
    assert 110 < need(read(full_finetune=True), count, tokens).total / GIB < 180


@pytest.mark.parametrize(
    "more",
    [
        {"use_4bit": False},
        {"per_device_train_batch_size": 8},
        {"gradient_checkpointing": False},
        {"strategy": "rlhf"},
        {"lora_r": 128},
        {"full_finetune": True},
    ],
)
def test_what_needs_more_is_estimated_to_need_more(more: dict[str, Any]) -> None:
    assert need(read(**more), 8e9, 2048).total > need(read(), 8e9, 2048).total
    assert need(read(**more), 8e9, 4096).total > need(read(**more), 8e9, 2048).total


def test_the_cheapest_instance_of_the_size_that_fits_is_taken() -> None:
    small = memory.choose(read(compute_specs="low_end", model_name="Qwen/Qwen3-0.6B"), 512)
    larger = memory.choose(read(compute_specs="low_end", use_4bit=False), 2048)

    assert small.name == instances.table().sizes["low_end"][0]
    assert small.usd_per_hour < larger.usd_per_hour
    assert memory.fits(read(use_4bit=False), larger, 8e9, 2048)


# checklist 161
@pytest.mark.parametrize(
    ("changed", "field"),
    [({"instance_type": "ml.g4dn.xlarge"}, "instance_type"), ({"compute_specs": "low_end"}, "compute_specs")],
)
def test_a_model_that_does_not_fit_is_refused_with_the_figures_and_the_way_out(
    changed: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        memory.choose(read(model_name="org/model-70B", **changed), 1024)

    assert caught.value.errors[0].field == field
    assert "70 billion parameters" in caught.value.message
    assert "use instance_type ml." in caught.value.message


def test_a_model_of_unknown_size_is_not_refused() -> None:
    assert memory.choose(read(model_name="org/unknown"), 1024).name == instances.table().sizes["mid_range"][0]


def test_money_ends_a_training_before_its_time() -> None:
    instance = instances.get("ml.g5.2xlarge")

    assert instances.longest_seconds(instance, 1, 86_400, None) == 86_400
    assert instances.longest_seconds(instance, 1, 86_400, instance.usd_per_hour) == 3600
    assert instances.longest_seconds(instance, 2, 86_400, instance.usd_per_hour) == 1800
    assert instances.longest_seconds(instance, 1, 600, 1e6) == 600


def test_hours_and_dollars_grow_with_tokens_epochs_and_parameters() -> None:
    instance = instances.get("ml.g5.2xlarge")
    plain = estimate.estimate(read(), instance, lines=1000, tokens=500_000)
    assert plain.hours
    assert plain.cost_usd
    more = {
        "tokens": estimate.estimate(read(), instance, lines=2000, tokens=1_000_000),
        "epochs": estimate.estimate(read(num_train_epochs=3), instance, lines=1000, tokens=500_000),
        "dpo": estimate.estimate(read(strategy="dpo"), instance, lines=1000, tokens=500_000),
        "size": estimate.estimate(read(model_name="a/b-70B"), instance, lines=1000, tokens=500_000),
    }

    assert plain.hours.low < plain.hours.high
    assert plain.cost_usd.high == pytest.approx(plain.hours.high * instance.usd_per_hour, abs=0.01)
    assert {n: e.hours.high > plain.hours.high for n, e in more.items() if e.hours} == dict.fromkeys(more, True)
    capped = estimate.estimate(read(max_cost_usd=0.5), instance, lines=1000, tokens=10**9)
    assert capped.cost_usd
    assert capped.cost_usd.high <= 0.5
    assert "may not end" in capped.notes[2]
    assert estimate.estimate(read(model_name="x/y"), instance, lines=1, tokens=1).hours is None

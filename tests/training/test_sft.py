"""Supervised fine-tuning: the result of a job, and what it reports on the way."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.training import tiny
from tests.training.running import Run

LEARN, HELD_OUT = tiny.chats(tiny.facts(32, 0)), tiny.chats(tiny.facts(16, 1))


# checklist 162
def test_full_fine_tuning_lowers_the_loss_on_other_facts(run: Run, bases: Path) -> None:
    done = run(
        LEARN,
        HELD_OUT,
        task="text-generation",
        model_name=str(bases / "llama"),
        full_finetune=True,
        learning_rate=5e-3,
        num_train_epochs=5,
    )

    assert done.status == 0
    assert done.metrics["base"]["eval_loss"] > 5
    assert done.metrics["final_loss"] < 4
    assert done.metrics["perplexity"] == pytest.approx(math.exp(done.metrics["final_loss"]))
    assert done.about["trainable_parameters"] == done.about["parameters"]
    model = AutoModelForCausalLM.from_pretrained(done.root / "model/merged")
    words = AutoTokenizer.from_pretrained(done.root / "model/merged")
    assert model.num_parameters() == done.about["parameters"]
    assert "<|im_start|>user" in words.apply_chat_template(LEARN[0]["messages"], tokenize=False)

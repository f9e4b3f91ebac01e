"""Every strategy and task that the public API allows, really trained; what is learnt is asked on other facts."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoModelForQuestionAnswering, AutoModelForSeq2SeqLM, AutoTokenizer

from dataforge_training.answering import Answering, Sampling, find
from tests.training import tiny
from tests.training.running import Result, Run

FACTS, OTHER_FACTS = tiny.facts(32, 0), tiny.facts(16, 1)


def served(done: Result, prompt: str) -> str:
    """What the result says to a prompt when it is served."""
    answering = Answering(find(done.root / "model", None, {}))
    return "".join(answering.answer(prompt, Sampling(24, 0, 1)).pieces).strip()


def lowered(done: Result) -> float:
    """How much lower the loss on other facts is than that of the base model."""
    assert done.status == 0, done.failure
    return float(done.metrics["base"]["eval_loss"] - done.metrics["eval_loss"])


# checklist 162
def test_full_fine_tuning_of_conversations(run: Run, bases: Path) -> None:
    done = run(
        tiny.chats(FACTS),
        tiny.chats(OTHER_FACTS),
        task="text-generation",
        model_name=str(bases / "llama"),
        full_finetune=True,
        learning_rate=5e-3,
        num_train_epochs=5,
    )

    assert lowered(done) > 2
    assert done.metrics["final_loss"] == done.metrics["eval_loss"]
    assert done.metrics["perplexity"] == pytest.approx(math.exp(done.metrics["final_loss"]))
    assert done.metrics["f1"] > done.metrics["base"]["f1"]
    assert done.about["trainable_parameters"] == done.about["parameters"]
    assert not (done.root / "model/adapter").exists()
    model = AutoModelForCausalLM.from_pretrained(done.root / "model/merged")
    assert model.num_parameters() == done.about["parameters"]


# checklist 162
@pytest.mark.parametrize("chat", [False, True])
def test_lora_of_prompts_and_completions(run: Run, bases: Path, chat: bool) -> None:
    done = run(
        tiny.completions(FACTS),
        tiny.completions(OTHER_FACTS),
        task="text-generation",
        model_name=str(bases / ("llama-chat" if chat else "llama")),
        use_chat_template=chat,
        learning_rate=1e-2,
        num_train_epochs=5,
    )

    assert lowered(done) > 0.5
    assert done.about["trainable_parameters"] < done.about["parameters"]
    assert done.about["prompt_format"] == ("chat" if chat else "text")
    assert served(done, OTHER_FACTS[0]["question"]) == done.predictions[0]["tuned"]
    assert (done.root / "model/adapter/adapter_model.safetensors").exists()
    base, merged = (AutoTokenizer.from_pretrained(p) for p in (bases / "llama-chat", done.root / "model/merged"))
    assert merged.chat_template == (base.chat_template if chat else None)


# checklist 163
@pytest.mark.parametrize("task", ["text-generation", "summarization"])
def test_qlora_of_a_decoder(run: Run, bases: Path, task: str) -> None:
    shape = tiny.chats if task == "text-generation" else tiny.summaries

    done = run(
        shape(FACTS),
        shape(OTHER_FACTS),
        task=task,
        model_name=str(bases / "llama"),
        strategy="qlora",
        learning_rate=1e-2,
        num_train_epochs=5,
    )

    assert lowered(done) > 0.3
    assert done.about["config"]["use_4bit"] is True


# checklist 164
@pytest.mark.parametrize("options", [{}, {"full_finetune": True}, {"use_chat_template": True}])
def test_dpo_prefers_the_chosen_answers(run: Run, bases: Path, options: dict[str, bool]) -> None:
    done = run(
        tiny.preferences(FACTS),
        tiny.preferences(OTHER_FACTS),
        task="text-generation",
        model_name=str(bases / "llama"),
        strategy="dpo",
        learning_rate=5e-4 if options.get("full_finetune") else 5e-3,
        num_train_epochs=3,
        **options,
    )

    assert done.metrics["base"]["eval_loss"] == pytest.approx(math.log(2), abs=0.01)
    assert lowered(done) > 0.2
    assert done.metrics["reward_margin"] > 0.5
    assert done.metrics["perplexity"] is None


# checklist 165
@pytest.mark.parametrize("options", [{}, {"full_finetune": True}])
def test_rlhf_trains_a_reward_model_and_a_policy(run: Run, bases: Path, options: dict[str, bool]) -> None:
    done = run(
        tiny.preferences(FACTS),
        tiny.preferences(OTHER_FACTS),
        task="text-generation",
        model_name=str(bases / "llama"),
        strategy="rlhf",
        learning_rate=1e-3,
        num_train_epochs=2,
        max_steps=10,
        num_generations=4,
        max_completion_length=8,
        logging_steps=1,
        **options,
    )

    assert done.status == 0, done.failure
    assert done.metrics["reward_accuracy"] > 0.9
    assert isinstance(done.metrics["reward"], float)
    assert isinstance(done.metrics["base"]["reward"], float)
    assert done.metrics["kl"] >= 0
    steps = [line["step"] for line in done.progress if line["stage"] == "training" and line["step"] is not None]
    assert steps == sorted(steps)
    assert steps[-1] == 20
    assert {line["total_steps"] for line in done.progress if line["step"]} == {20}


# checklist 167
@pytest.mark.parametrize(("strategy", "options"), [("sft", {}), ("sft", {"full_finetune": True}), ("qlora", {})])
def test_summarization_with_an_encoder_decoder(run: Run, bases: Path, strategy: str, options: dict[str, bool]) -> None:
    done = run(
        tiny.summaries(FACTS),
        tiny.summaries(OTHER_FACTS),
        task="summarization",
        strategy=strategy,
        model_name=str(bases / "t5"),
        learning_rate=3e-3 if options else 3e-2,
        num_train_epochs=6,
        **options,
    )

    assert lowered(done) > 0.5
    assert done.metrics["rougeL"] >= done.metrics["base"]["rougeL"]
    assert served(done, OTHER_FACTS[0]["text"]) == done.predictions[0]["tuned"]
    AutoModelForSeq2SeqLM.from_pretrained(done.root / "model/merged")


# checklist 167
def test_summarization_with_a_decoder(run: Run, bases: Path) -> None:
    done = run(
        tiny.summaries(FACTS),
        tiny.summaries(OTHER_FACTS),
        task="summarization",
        model_name=str(bases / "llama"),
        learning_rate=1e-2,
        num_train_epochs=5,
    )

    assert lowered(done) > 0.5
    assert served(done, OTHER_FACTS[0]["text"]) == done.predictions[0]["tuned"]


# checklist 167
def test_extractive_question_answering(run: Run, bases: Path) -> None:
    done = run(
        tiny.questions(tiny.facts(192, 0)),
        tiny.questions(OTHER_FACTS),
        task="extractive-question-answering",
        model_name=str(bases / "bert"),
        full_finetune=True,
        learning_rate=1e-3,
        num_train_epochs=4,
    )

    assert lowered(done) > 2
    assert done.metrics["exact_match"] > done.metrics["base"]["exact_match"] + 0.5
    assert done.metrics["perplexity"] is None
    assert {row["tuned"] for row in done.predictions} & set(tiny.COLOURS)
    asked = f"{OTHER_FACTS[0]['text']}\n{OTHER_FACTS[0]['question']}"
    assert served(done, asked) == done.predictions[0]["tuned"]
    rows = done.predictions
    assert sum(row["f1_tuned"] for row in rows) / len(rows) == pytest.approx(done.metrics["f1"], abs=1e-3)
    assert sum(row["rougeL_base"] for row in rows) / len(rows) == pytest.approx(
        done.metrics["base"]["rougeL"], abs=1e-3
    )
    AutoModelForQuestionAnswering.from_pretrained(done.root / "model/merged")


# checklist 167
@pytest.mark.parametrize("strategy", ["sft", "qlora"])
def test_extractive_question_answering_with_an_adapter(run: Run, bases: Path, strategy: str) -> None:
    done = run(
        tiny.questions(FACTS),
        tiny.questions(OTHER_FACTS),
        task="extractive-question-answering",
        strategy=strategy,
        model_name=str(bases / "bert"),
        learning_rate=1e-3,
        num_train_epochs=4,
    )

    assert lowered(done) > 0
    assert (done.root / "model/adapter/adapter_model.safetensors").exists()

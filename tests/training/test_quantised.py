"""QLoRA: what is delivered is the full-precision base with the adapter, not the quantised copy it was trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from dataforge_training import config as configs
from dataforge_training import machine, models
from tests.training import tiny
from tests.training.running import Result, Run


@pytest.fixture
def done(run: Run, bases: Path) -> Result:
    found = run(
        tiny.completions(tiny.facts(32, 0)),
        task="text-generation",
        model_name=str(bases / "llama"),
        strategy="qlora",
        learning_rate=3e-2,
        num_train_epochs=10,
    )
    assert found.status == 0, found.failure
    return found


# checklist 163
def test_merged_weights_are_the_full_base_with_the_adapter(done: Result, bases: Path) -> None:
    words = AutoTokenizer.from_pretrained(bases / "llama")
    batch = words("What colour is the tower of Aldra? The tower", return_tensors="pt")
    batch.pop("token_type_ids", None)

    def logits(model: torch.nn.Module) -> torch.Tensor:
        with torch.inference_mode():
            return torch.as_tensor(model.eval()(**batch).logits)

    merged = logits(AutoModelForCausalLM.from_pretrained(done.root / "model/merged"))
    base = AutoModelForCausalLM.from_pretrained(bases / "llama")
    untrained = logits(base)
    adapted = logits(PeftModel.from_pretrained(base, done.root / "model/adapter"))
    config = configs.Config(task="text-generation", model_name=str(bases / "llama"), strategy="qlora")
    here = machine.detect(config)
    source = models.Source(str(bases / "llama"), network=False)
    quantised = models.load(AutoModelForCausalLM, source, config, here)
    on_quantised = logits(PeftModel.from_pretrained(quantised, done.root / "model/adapter"))

    assert (merged - adapted).abs().max() < 1e-4
    assert (merged - untrained).abs().max() > 0.5
    assert (merged - on_quantised).abs().max() > 10 * (merged - adapted).abs().max()


def test_an_evaluation_leaves_quantised_layers_differentiable(bases: Path) -> None:
    """Some CPUs have a kernel without gradient, for which an evaluation repacks the weights."""
    config = configs.Config(task="text-generation", model_name=str(bases / "llama"), strategy="qlora")
    source = models.Source(str(bases / "llama"), network=False)
    model = models.load(AutoModelForCausalLM, source, config, machine.detect(config))
    ids = torch.tensor([[5, 6, 7, 8]])

    with torch.no_grad():
        model.eval()(input_ids=ids)

    layers = [layer for layer in model.modules() if type(layer).__name__ == "Linear4bit"]
    assert len(layers) == 14
    assert not any(getattr(layer.weight.quant_state, "packing_format_for_cpu", False) for layer in layers)
    embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
    model.train()(inputs_embeds=embedded, labels=ids).loss.backward()
    assert embedded.grad.abs().sum() > 0

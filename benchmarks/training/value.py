"""The training part of `benchmarks.value`: one base, then the same steps on each arm; exact answers as JSON."""

from __future__ import annotations

import argparse
import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

ROOT = Path(__file__).parents[2]
STEPS, BATCH, RATE = 475, 8, 5e-3
LONGEST = 120
"""Tokens of an answer."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    data = json.loads((chosen.folder / "data.json").read_text("utf-8"))
    base = chosen.folder / "base"
    make_base(base, data, chosen.seed)
    print(json.dumps({arm: exact(base, pairs, data["asked"], chosen.seed) for arm, pairs in data["arms"].items()}))


def make_base(folder: Path, data: dict[str, Any], seed: int) -> None:
    """As `examples/small_model/make_base.py` builds it, of the passages."""
    spec = importlib.util.spec_from_file_location("make_base", ROOT / "examples/small_model/make_base.py")
    assert spec
    assert spec.loader
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    torch.manual_seed(seed)
    words = [text for pairs in data["arms"].values() for pair in pairs for text in pair]
    tokenizer = example.train_tokenizer([*data["texts"], *words])
    model = example.new_model(tokenizer)
    example.pretrain(model, tokenizer("\n\n".join(data["texts"]), return_tensors="pt").input_ids[0], seed)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def exact(base: Path, pairs: list[list[str]], asked: list[list[str]], seed: int) -> int:
    """How many of the questions the model answers word for word once it was trained on the pairs."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    lines = [{"messages": [_said("user", q), _said("assistant", a)]} for q, a in pairs]
    with tempfile.TemporaryDirectory() as out:
        config = SFTConfig(
            output_dir=out,
            max_steps=STEPS,
            per_device_train_batch_size=BATCH,
            learning_rate=RATE,
            lr_scheduler_type="cosine",
            warmup_steps=0.05,
            adam_beta2=0.98,
            assistant_only_loss=True,
            max_length=512,
            train_sampling_strategy="group_by_length",
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
            seed=seed,
            data_seed=seed,
        )
        SFTTrainer(model=model, args=config, train_dataset=Dataset.from_list(lines), processing_class=tokenizer).train()
    model.eval()
    return sum(said == wanted for said, (_, wanted) in zip(answers(model, tokenizer, asked), asked, strict=True))


def answers(model: Any, tokenizer: Any, asked: list[list[str]]) -> list[str]:
    tokenizer.padding_side = "left"
    given: list[str] = []
    for start in range(0, len(asked), 50):
        prompts = [
            tokenizer.apply_chat_template([_said("user", q)], tokenize=False, add_generation_prompt=True)
            for q, _ in asked[start : start + 50]
        ]
        batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.no_grad():
            made = model.generate(
                input_ids=batch.input_ids,
                attention_mask=batch.attention_mask,
                max_new_tokens=LONGEST,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )
        given += tokenizer.batch_decode(made[:, batch.input_ids.shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in given]


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


if __name__ == "__main__":
    main()

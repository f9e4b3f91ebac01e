"""Models with random weights in the shapes of released ones, and text that fills their sequences."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast, Qwen3Config

SYLLABLES = ("ka", "lo", "mi", "ru", "te", "so", "na", "vi", "pe", "du")


@dataclass(frozen=True)
class Load:
    """What a step is: sequences of so many tokens."""

    sequence: int
    batch: int
    steps: int

    @property
    def lines(self) -> int:
        return self.batch * self.steps


FULL = Load(sequence=4096, batch=4, steps=32)
SMALL = Load(sequence=128, batch=2, steps=24)


def configs(*, full: bool) -> dict[str, Any]:
    """Llama-3.2-1B and Qwen3-0.6B; the small ones keep the architecture and shrink its sizes."""
    llama = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32}
    qwen = {"hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16}
    if not full:
        llama = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 8}
        qwen = {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 7, "num_attention_heads": 4}
    common = {"max_position_embeddings": 8192, "tie_word_embeddings": True, "eos_token_id": 1, "pad_token_id": 0}
    return {
        "Llama-3.2-1B": LlamaConfig(
            **llama, **common, vocab_size=128_256 if full else 4096, num_key_value_heads=8, head_dim=64 if full else 32
        ),
        "Qwen3-0.6B": Qwen3Config(
            **qwen,
            **common,
            vocab_size=151_936 if full else 4096,
            num_key_value_heads=8 if full else 2,
            head_dim=128 if full else 32,
        ),
    }


def write_model(folder: Path, config: Any) -> int:
    """Random weights in bfloat16 with a tokenizer; returns the number of parameters."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return int(model.num_parameters())


def tokenizer() -> PreTrainedTokenizerFast:
    built = Tokenizer(models.BPE())
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    built.train_from_iterator(
        [text(2000, seed) for seed in range(5)],
        trainers.BpeTrainer(vocab_size=1024, special_tokens=["<pad>", "</s>"], show_progress=False),
    )
    return PreTrainedTokenizerFast(tokenizer_object=built, eos_token="</s>", pad_token="<pad>")


def text(words: int, seed: int) -> str:
    rng = random.Random(seed)
    return " ".join("".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(words))


def write_lines(path: Path, load: Load) -> None:
    """Each line is longer than a sequence, so that every sequence is full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ({"prompt": "a", "completion": text(load.sequence, seed)} for seed in range(load.lines))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

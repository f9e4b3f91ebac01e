"""Tiny models with random weights, a tokenizer trained on the text below, and facts to learn; all made on the spot."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

PLACES = ("Aldra", "Borno", "Cesta", "Delmar", "Elora", "Fenwick", "Galdo", "Hestia", "Ismere", "Jorvik")
THINGS = ("tower", "market", "harbour", "library", "bridge", "station", "garden", "museum")
COLOURS = ("red", "blue", "green", "white", "black", "yellow")
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>"]


def facts(count: int, seed: int) -> list[dict[str, str]]:
    """Facts about places: two calls with different seeds share none."""
    every = [(place, thing) for place in PLACES for thing in THINGS]
    random.Random(0).shuffle(every)
    chosen = every[:48] if seed == 0 else every[48:]
    rng = random.Random(seed)
    found = []
    for place, thing in (chosen * (count // len(chosen) + 1))[:count]:
        colour = rng.choice(COLOURS)
        found.append(
            {
                "question": f"What colour is the {thing} of {place}?",
                "answer": f"The {thing} of {place} is {colour}.",
                "word": colour,
                "wrong": f"Nobody knows {place}.",
                "text": f"In {place} there is a {thing}. The {thing} of {place} is {colour}. People like it.",
            }
        )
    return found


def tokenizer(*, chat: bool = False) -> PreTrainedTokenizerFast:
    """Byte-level BPE over the facts, 512 entries; without a chat template unless `chat`."""
    built = Tokenizer(models.BPE(unk_token="<unk>"))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    text = [value for seed in (0, 1) for fact in facts(40, seed) for value in fact.values()]
    text += ["Summarize the following text. Summary: user assistant system"]
    built.train_from_iterator(
        text,
        trainers.BpeTrainer(
            vocab_size=512,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=built, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    if chat:
        wrapped.chat_template = (
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
        )
    return wrapped


def llama(folder: Path, *, seed: int = 0, chat: bool = False, width: int = 64, layers: int = 2) -> Path:
    """A decoder of 0.1 M parameters with tokenizer."""
    words = tokenizer(chat=chat)
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(words),
            hidden_size=width,
            intermediate_size=3 * width,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
        )
    )
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def t5(folder: Path) -> Path:
    """An encoder-decoder."""
    words = tokenizer()
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(words),
            d_model=64,
            d_kv=16,
            d_ff=128,
            num_layers=2,
            num_heads=4,
            decoder_start_token_id=0,
            pad_token_id=0,
            eos_token_id=2,
        )
    )
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def bert(folder: Path) -> Path:
    """An encoder that marks spans."""
    words = tokenizer()
    words.cls_token, words.sep_token = "<s>", "</s>"
    words.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    torch.manual_seed(0)
    model = BertForQuestionAnswering(
        BertConfig(
            vocab_size=len(words),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=256,
            pad_token_id=0,
        )
    )
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def chats(found: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "topic": "colours",
            "messages": [
                {"role": "user", "content": fact["question"]},
                {"role": "assistant", "content": fact["answer"]},
            ],
        }
        for number, fact in enumerate(found)
    ]


def completions(found: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    return [{"prompt": fact["question"], "completion": " " + fact["answer"]} for fact in found]


def preferences(found: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    return [{"prompt": f["question"], "chosen": " " + f["answer"], "rejected": " " + f["wrong"]} for f in found]


def summaries(found: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    return [{"document": fact["text"], "summary": fact["answer"]} for fact in found]


def questions(found: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    return [
        {
            "id": str(number),
            "context": fact["text"],
            "question": fact["question"],
            "answers": {"text": [fact["word"]], "answer_start": [fact["text"].index(f" {fact['word']}.") + 1]},
        }
        for number, fact in enumerate(found)
    ]


def job(
    root: Path, config: dict[str, Any], train: list[dict[str, Any]], validation: list[dict[str, Any]] | None = None
) -> Path:
    """The folders of a job below `root`, laid out as SageMaker does."""
    for channel, lines in (("train", train), ("validation", validation or [])):
        if lines:
            path = root / "input/data" / channel / f"{channel}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    path = root / "input/data/config/training.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config), "utf-8")
    return root

"""Build a language model of 0.9 million parameters that has read the example handbook, as a base to fine-tune.

    python examples/small_model/make_base.py --text chunks.json --pairs handbook.jsonl --out small-base

A tokenizer is trained on the texts, and a Llama of 3 layers with random weights learns for 250 steps to go on with
them. It takes about a minute on one core. It has no task yet: what it says to a question is nonsense. Needs torch and
transformers (`make .tools/training/.ready`); `docs/small-model.md` has the whole way.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

ENTRIES = 2048
SPECIAL = ("<|pad|>", "<|end|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'assistant' %}<|im_start|>assistant\n"
    "{% generation %}{{ message.content }}<|im_end|>{% endgeneration %}\n"
    "{% else %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML. The `generation` block marks what the assistant says: only that is learnt in fine-tuning."""
STEPS, BATCH, LENGTH = 250, 16, 128
RATE, WARM_UP = 3e-3, 50


def main() -> None:
    parser = argparse.ArgumentParser(description="Build a small base model of texts.")
    parser.add_argument("--text", type=Path, required=True, help="JSON of `dataforge chunks PROJECT --json`")
    parser.add_argument("--pairs", type=Path, required=True, help="exported pairs: the tokenizer sees their words too")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.manual_seed(chosen.seed)
    texts = [chunk["content"] for chunk in json.loads(chosen.text.read_text("utf-8"))]
    tokenizer = train_tokenizer([*texts, *said(chosen.pairs)])
    model = new_model(tokenizer)
    loss = pretrain(model, tokenizer("\n\n".join(texts), return_tensors="pt").input_ids[0], chosen.seed)
    model.save_pretrained(chosen.out)
    tokenizer.save_pretrained(chosen.out)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters in {chosen.out}, loss {loss:.2f}")


def said(pairs: Path) -> list[str]:
    lines = [json.loads(line) for line in pairs.read_text("utf-8").splitlines()]
    return [message["content"] for line in lines for message in line["messages"]]


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE: any text can be written with it."""
    built = Tokenizer(models.BPE())
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=ENTRIES,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    built.train_from_iterator(texts, trainer)
    pad, end, _, turn_end = SPECIAL
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=built, pad_token=pad, eos_token=turn_end, additional_special_tokens=[end, "<|im_start|>"]
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def pretrain(model: LlamaForCausalLM, tokens: torch.Tensor, seed: int) -> float:
    """Next-token prediction on random pieces of the texts. Returns the loss of the last step."""
    picks = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / WARM_UP))
    model.train()
    loss = torch.tensor(0.0)
    for _ in range(STEPS):
        starts = torch.randint(len(tokens) - LENGTH, (BATCH,), generator=picks).tolist()
        batch = torch.stack([tokens[start : start + LENGTH] for start in starts])
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    model.eval()
    return float(loss)


if __name__ == "__main__":
    main()

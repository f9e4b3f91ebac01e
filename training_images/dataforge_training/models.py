"""Tokenizer and model of a job: from staged weights, a folder or a hub id; quantised where asked."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer, BitsAndBytesConfig, PreTrainedTokenizerBase

from dataforge_training.config import Config
from dataforge_training.errors import ModelError
from dataforge_training.folders import Folders
from dataforge_training.machine import Machine, attention

HEADS = ["lm_head", "score", "qa_outputs"]
"""Layers that are never quantised: new ones are trained, and that of the vocabulary loses most."""
CHATML = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' -}}"
    "{%- if message['role'] == 'assistant' -%}"
    "{% generation %}{{- message['content'] + 'END_OF_TURN' -}}{% endgeneration %}"
    "{%- else -%}{{- message['content'] + 'END_OF_TURN' -}}{%- endif -%}"
    "{{- '\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
"""ChatML with the markers that tell which tokens the assistant says."""


@dataclass(frozen=True)
class Source:
    """Where the base model comes from."""

    place: str
    """A folder or a hub id."""
    network: bool

    @property
    def arguments(self) -> dict[str, Any]:
        return {"local_files_only": not self.network}


def source(config: Config, folders: Folders) -> Source:
    """Staged weights win over the name. Raises ModelError when weights are needed that cannot be had."""
    staged = folders.base_model
    found = Source(str(staged) if staged else config.model_name, config.network and staged is None)
    if not found.network:
        os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        AutoConfig.from_pretrained(found.place, **found.arguments)
    except (OSError, ValueError) as error:
        way_out = "" if found.network else " Stage its weights in the channel `model`, or allow `network`."
        first = str(error).strip().split("\n", 1)[0]
        raise ModelError(f"model_name: {config.model_name} cannot be loaded: {first}.{way_out}") from None
    return found


def model_config(origin: Source) -> Any:
    return AutoConfig.from_pretrained(origin.place, **origin.arguments)


def load_tokenizer(origin: Source) -> PreTrainedTokenizerBase:
    """Raises ModelError where it has no end-of-text token: the model could not learn to stop."""
    tokenizer = AutoTokenizer.from_pretrained(origin.place, **origin.arguments)
    if tokenizer.eos_token is None and tokenizer.sep_token is None:
        raise ModelError("the tokenizer has no end-of-text token (eos_token), so the model could not learn to stop")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.sep_token
    return tokenizer


def ensure_chat_template(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """Keeps the tokenizer's template; sets ChatML where it has none and returns a note that says so."""
    if tokenizer.chat_template:
        return None
    end = "<|im_end|>" if "<|im_end|>" in tokenizer.get_vocab() else str(tokenizer.eos_token)
    tokenizer.chat_template = CHATML.replace("END_OF_TURN", end)
    return f"chat_template = ChatML (turns end with {end}): the tokenizer of the base model has none"


def end_tokens(tokenizer: PreTrainedTokenizerBase, declared: int | list[int] | None) -> list[int]:
    """Tokens at which an answer ends: the declared ones, the tokenizer's, and that which ends a turn of a chat."""
    found = [declared] if isinstance(declared, int) else list(declared or [])
    found += [tokenizer.eos_token_id]
    if tokenizer.chat_template:
        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "endmark"}]
        text = str(tokenizer.apply_chat_template(turns, tokenize=False))
        after = tokenizer(text.rpartition("endmark")[2], add_special_tokens=False)["input_ids"]
        if after and after[0] in tokenizer.added_tokens_decoder:
            found.append(after[0])
    return sorted({token for token in found if token is not None})


def load(auto: Any, origin: Source, config: Config, machine: Machine, **more: Any) -> Any:
    """The model to train: `auto` is the AutoModel class of the task."""
    precision = torch.float32 if config.full_finetune else machine.dtype
    arguments = {**origin.arguments, "dtype": precision, **more}
    if machine.device == "cuda":
        arguments["attn_implementation"] = attention(machine)
    if config.use_4bit or config.use_8bit:
        arguments["quantization_config"] = quantisation(config)
        arguments["device_map"] = {"": f"cuda:{torch.cuda.current_device()}" if machine.device == "cuda" else "cpu"}
    model = loaded(auto, origin, arguments)
    if config.use_4bit and machine.device == "cpu":
        stay_differentiable(model)
    return model


def stay_differentiable(model: Any) -> None:
    """An evaluation repacks 4-bit layers for a kernel of some CPUs that has no gradient, and training would go on with
    it, silently wrong."""
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False


def load_plain(auto: Any, place: str | Path, machine: Machine, **more: Any) -> Any:
    """A model to answer with or to merge into: not quantised, on the machine's device."""
    arguments = {"local_files_only": True, "dtype": machine.dtype, **more}
    return loaded(auto, Source(str(place), network=False), arguments).to(machine.device).eval()


def loaded(auto: Any, origin: Source, arguments: dict[str, Any]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*gemm_4bit.*")
            return auto.from_pretrained(origin.place, **arguments)
    except torch.cuda.OutOfMemoryError:
        raise
    except (OSError, ValueError) as error:
        raise ModelError(f"model_name: the weights in {origin.place} cannot be loaded: {error}") from error


def quantisation(config: Config) -> BitsAndBytesConfig:
    if config.use_8bit:
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=HEADS)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        llm_int8_skip_modules=HEADS,
        bnb_4bit_quant_type=config.bnb_4bit_quant_type,
        bnb_4bit_compute_dtype=getattr(torch, config.bnb_4bit_compute_dtype),
        bnb_4bit_use_double_quant=config.use_nested_quant,
    )


def longest(tokenizer: PreTrainedTokenizerBase, model_config: Any) -> int:
    """Most tokens that the model can take at once."""
    limits = [getattr(model_config, name, None) for name in ("max_position_embeddings", "n_positions")]
    known = [limit for limit in (*limits, tokenizer.model_max_length) if isinstance(limit, int) and 0 < limit < 10**7]
    return min(known, default=4096)


def parameters(model: Any) -> int:
    """Parameters of the whole model. A 4-bit layer packs two into one stored byte."""
    return sum(p.numel() * (2 if type(p).__name__ == "Params4bit" else 1) for p in model.parameters())

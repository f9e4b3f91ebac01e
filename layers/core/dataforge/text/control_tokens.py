"""The control tokens of chat templates, which a text may hold: how they are found, and written so that none is one.

A tokenizer takes `<|im_end|>` for the end of a turn wherever it stands, so a record whose text holds it would teach a
model to be steered by its input. What is exported holds `<\\|im_end|>` instead: a backslash after the first character
of a token. It is undone by taking one backslash away (`restored`), for texts that hold backslashes there as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

TEMPLATES: dict[str, tuple[str, ...]] = {
    "Llama 2": ("<s>", "</s>", "<unk>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"),
    "Llama 3": (
        "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>",
        "<|python_tag|>",
    ),
    "ChatML, Qwen": ("<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|endoftext|>", "<tool_call>", "</tool_call>",
                     "<tool_response>", "</tool_response>"),
    "Gemma": ("<bos>", "<eos>", "<pad>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>",
              "<image_soft_token>", "<audio_soft_token>"),
    "Mistral": (
        "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]",
        "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CONTENT]", "[ARGS]", "[CALL_ID]", "[PREFIX]", "[SUFFIX]",
        "[MIDDLE]", "[IMG]", "[IMG_BREAK]", "[IMG_END]", "[AUDIO]", "[BEGIN_AUDIO]", "[TRANSCRIBE]", "[THINK]",
        "[/THINK]",
    ),
    "Phi": ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|tool|>"),
    "Zephyr": ("<|system|>", "<|user|>", "<|assistant|>", "</s>"),
    "DeepSeek": (
        "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜tool▁calls▁begin｜>",
        "<｜tool▁calls▁end｜>",
    ),
    "Command-R": (
        "<BOS_TOKEN>", "<EOS_TOKEN>", "<PAD>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>",
        "<|CHATBOT_TOKEN|>", "<|SYSTEM_TOKEN|>",
    ),
    "gpt-oss (harmony)": (
        "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|return|>", "<|call|>",
    ),
    "GLM": ("[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|observation|>"),
}  # fmt: skip
"""By the family of templates. Every token between `<|` and `|>`, or `<｜` and `｜>`, counts besides: each family has
more of them than stand here."""

_MARKUP = frozenset(["<s>", "</s>"])
"""They are HTML as well: a text may hold them though nobody steers a model."""
_ANY = r"<\|[A-Za-z0-9_▁-]{1,40}\|>|<｜[^｜\s<>]{1,40}｜>"
_PATTERN = re.compile(
    "|".join(sorted({re.escape(t) for tokens in TEMPLATES.values() for t in tokens}, key=len, reverse=True))
    + f"|{_ANY}"
)
_REST = sorted({re.escape(t[1:]) for tokens in TEMPLATES.values() for t in tokens}, key=len, reverse=True)
_WRITTEN = re.compile(rf"(?<=[<\[])(\\*+)(?=(?:{'|'.join(_REST)}|\|[A-Za-z0-9_▁-]{{1,40}}\|>|｜[^｜\s<>]{{1,40}}｜>))")
"""The place after the first character of a token, with the backslashes that stand there."""
T = TypeVar("T")


def found(text: str) -> list[str]:
    """In order, each as often as it stands there."""
    return _PATTERN.findall(text)


def unmistakable(text: str) -> set[str]:
    """Those that stand in a text for nothing else."""
    return set(found(text)) - _MARKUP


def escaped(text: str) -> str:
    """The text without a control token: one more backslash after the first character of each."""
    return _WRITTEN.sub(r"\\\1", text) if "<" in text or "[" in text else text


def restored(text: str) -> str:
    """What `escaped` was given."""
    return _WRITTEN.sub(lambda m: m[1][1:], text) if "\\" in text else text


def escaped_everywhere(value: T) -> T:
    """As `escaped`, for every text in lists and objects; names stay."""
    return _everywhere(escaped, value)


def restored_everywhere(value: T) -> T:
    """What `escaped_everywhere` was given."""
    return _everywhere(restored, value)


def _everywhere(change: Callable[[str], str], value: T) -> T:
    if isinstance(value, str):
        return change(value)  # type: ignore[return-value]
    if isinstance(value, dict):
        return {name: _everywhere(change, one) for name, one in value.items()}  # type: ignore[return-value]
    if isinstance(value, list | tuple):
        return type(value)(_everywhere(change, one) for one in value)
    return value

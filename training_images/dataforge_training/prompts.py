"""How a line is put to the model: what it is asked (prompt) and what it should say (answer).

A prompt is a list of messages where a chat template is used, else plain text. Training and evaluation use the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dataforge_training import lines
from dataforge_training.config import Config

Prompt = str | list[dict[str, str]]

SUMMARIZE = "Summarize the following text.\n\n{document}"
SUMMARY_FOLLOWS = "\n\nSummary:"
PREFIX = "summarize: "
"""What encoder-decoders such as T5 were trained with."""


@dataclass(frozen=True)
class Example:
    """One line as prompt and answer."""

    prompt: Prompt
    answer: Prompt
    id: str | int | None = None
    topic: str | None = None


def dumped(messages: list[lines.Message]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in messages]


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def assistant(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def put(asked: Prompt, *, task: str, encodes: bool, chat: bool) -> Prompt:
    """A request as the model was trained to be asked: `chat` says that it was with a chat template."""
    if task != "summarization":
        return user(asked) if chat and isinstance(asked, str) else asked
    text = text_of(asked)
    if encodes:
        return PREFIX + text
    return user(SUMMARIZE.format(document=text)) if chat else SUMMARIZE.format(document=text) + SUMMARY_FOLLOWS


def example(line: Any, config: Config) -> Example:
    """A line of `text-generation` (of any strategy) or of `summarization` for a decoder."""
    prompt: Prompt
    answer: Prompt
    match line:
        case lines.Chat():
            prompt, answer = dumped(line.messages[:-1]), dumped(line.messages[-1:])
        case lines.Completion():
            prompt, answer = line.prompt, line.completion
        case lines.Summary():
            chat = config.use_chat_template
            prompt = put(line.document, task="summarization", encodes=False, chat=chat)
            answer = assistant(line.summary) if chat else f" {line.summary}"
        case lines.Preference():
            prompt, answer = spoken(line.prompt), spoken(line.chosen)
        case _:
            raise TypeError(type(line).__name__)
    if config.use_chat_template and isinstance(prompt, str) and isinstance(answer, str):
        prompt, answer = user(prompt), assistant(answer)
    return Example(prompt, answer, line.id, line.topic)


def spoken(side: str | list[lines.Message]) -> Prompt:
    return side if isinstance(side, str) else dumped(side)


def text_of(side: Prompt) -> str:
    """What a person would read: the text, or the last message."""
    return side if isinstance(side, str) else side[-1]["content"]


def is_chat(examples: list[Example]) -> bool:
    return bool(examples) and not isinstance(examples[0].prompt, str)


def rendered(tokenizer: Any, prompt: Prompt) -> str:
    """The text that the model continues."""
    if isinstance(prompt, str):
        return prompt
    return str(tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True))

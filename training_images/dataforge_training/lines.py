"""The lines of the channels, one pydantic model per shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, field_validator

from dataforge_training.config import Config
from dataforge_training.errors import DataError

MOST_REPORTED = 5
"""Lines that one error names."""

Text = Annotated[str, Field(min_length=1)]


class Message(BaseModel):
    role: Text
    content: str


class Line(BaseModel):
    """What every line may carry beside its text."""

    id: str | int | None = None
    topic: str | None = None


class Chat(Line):
    messages: Annotated[list[Message], Field(min_length=2)]

    @field_validator("messages")
    @classmethod
    def _ends_with_an_answer(cls, value: list[Message]) -> list[Message]:
        if value[-1].role != "assistant":
            raise ValueError(f"the last turn has to be the assistant's, not {value[-1].role}'s")
        return value


class Completion(Line):
    prompt: Text
    completion: Text


class Summary(Line):
    document: Text
    summary: Text


class Answers(BaseModel):
    text: list[str]
    answer_start: list[int]


class Question(Line):
    context: Text
    question: Text
    answers: Answers


class Preference(Line):
    prompt: str | list[Message]
    chosen: str | list[Message]
    rejected: str | list[Message]


AnyLine = Chat | Completion | Summary | Question | Preference


def shape(config: Config, keys: set[str]) -> type[Line]:
    """The shape that a line of this task and strategy has."""
    if config.strategy in ("dpo", "rlhf"):
        return Preference
    if config.task == "summarization":
        return Summary
    if config.task == "extractive-question-answering":
        return Question
    return Chat if "messages" in keys else Completion


def read(path: Path, config: Config) -> list[Any]:
    """All lines of a channel; none when the file is missing. Raises DataError, which names lines and fields."""
    if not path.exists():
        return []
    found: list[Line] = []
    wrong: list[str] = []
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                found.append(parse(text, config))
            except ValueError as error:
                wrong.append(f"line {number}: {error}")
    if wrong:
        more = f" (and {len(wrong) - MOST_REPORTED} more)" if len(wrong) > MOST_REPORTED else ""
        raise DataError(f"{path.name}: {'; '.join(wrong[:MOST_REPORTED])}{more}")
    if len({type(line) for line in found}) > 1:
        raise DataError(f"{path.name}: some lines have `messages`, others `prompt` and `completion`: use one shape")
    return found


RAW: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


def parse(text: str, config: Config) -> Line:
    """One line. Raises ValueError with a plain sentence."""
    try:
        raw = RAW.validate_json(text)
    except ValidationError as error:
        raise ValueError(f"not a JSON object ({error.errors()[0]['msg']})") from None
    wanted = shape(config, set(raw))
    try:
        return wanted.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"field {field!r}: {first['msg'].removeprefix('Value error, ')}") from None


def training_lines(path: Path, config: Config) -> Sequence[Any]:
    """Lines to train on. Raises DataError when there are none."""
    found = read(path, config)
    if not found:
        raise DataError(f"{path.name} has no lines: there is nothing to train on")
    return found

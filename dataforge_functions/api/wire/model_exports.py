"""Bodies of what leaves with a trained model: a GGUF file, a push to a model hub."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from dataforge_functions.api.wire.bodies import Body
from dataforge_functions.api.wire.limits import Flag, NotBoolean, Text, example


class ModelExport(Body):
    """How a model is to be exported."""

    format: Literal["gguf"] = "gguf"
    """gguf: one file for llama.cpp, Ollama and LM Studio."""
    precision: Literal["f32", "f16", "bf16", "q8_0", "auto"] = "f16"
    """Of the weights in the file."""

    model_config = example(format="gguf", precision="f16")


class ExportedModel(BaseModel):
    """The file, or that it is still being made."""

    status: Literal["converting", "completed"]
    """converting: send the same request again."""
    filename: str | None = None
    """Name for the file."""
    size_bytes: int | None = None
    """Size of the file."""
    url: str | None = None
    """Where to get it; valid for an hour."""


class ModelPush(Body):
    """Where a model is to be pushed."""

    repo_name: Annotated[str, Text(1, 200)]
    """`owner/name` at the model hub, or `name` for the owner of the token."""
    model_id: Annotated[int, Field(ge=1, lt=2**53), NotBoolean()]
    """Number of the model."""
    private: Flag = True
    """Whether a new repository is private."""

    model_config = example(repo_name="harbour/berths", model_id=1, private=True)


class PushedModel(BaseModel):
    """The commit, or that the files are still being uploaded."""

    status: Literal["pushing", "pushed"]
    """pushing: send the same request again."""
    url: str | None = None
    """Of the commit."""

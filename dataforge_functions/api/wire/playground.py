"""Bodies of the playground: one question to a trained model."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from dataforge_functions.api.wire.bodies import Body
from dataforge_functions.api.wire.limits import Flag, NotBoolean, Text, example

MAX_PROMPT = 32_768


class PlaygroundQuestion(Body):
    """A question to a trained model."""

    model_id: Annotated[int, Field(ge=1, lt=2**53), NotBoolean()]
    """Number of the model, as `GET /api/models` lists it."""
    prompt: Annotated[str, Text(1, MAX_PROMPT)]
    """Put to the model as it was trained: as the user's turn of a conversation, or as plain text to go on with."""
    max_new_tokens: Annotated[int, Field(ge=1, le=4096), NotBoolean()] = 100
    """Most tokens of the answer."""
    temperature: Annotated[float, Field(ge=0, le=2), NotBoolean()] = 0.7
    """0: always the likeliest token."""
    top_p: Annotated[float, Field(gt=0, le=1), NotBoolean()] = 0.9
    """Choose among the likeliest tokens that have this share together."""
    base: Flag = False
    """Extension: the model that it was trained from answers, to compare."""
    stream: Flag = False
    """Extension: server-sent events, `{"text"}` for each piece, then the whole answer; in a deployment the answer comes
    at once, as without it."""

    model_config = example(model_id=1, prompt="How long is the quay?", max_new_tokens=100, temperature=0.7, top_p=0.9)


class PlaygroundAnswer(BaseModel):
    """What the model answered."""

    generated_text: str
    """The answer."""
    tokens_generated: int
    """Tokens of the answer, counted by the model's own tokenizer."""
    generation_time_ms: float
    """Time of the answer; what loading the model took is not in it."""
    finish_reason: str
    """`stop`: the model ended it; `length`: max_new_tokens ended it. Extension."""

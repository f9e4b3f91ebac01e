from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from dataforge.workflows.training import playground
from dataforge.workflows.training.playground import Asked
from dataforge_functions.api.callers import AnyCallerDep
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import playground as wire

router = APIRouter(prefix="/playground", tags=["training"], route_class=Route)

EVENT_STREAM = "text/event-stream"
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            EVENT_STREAM: {
                # Without a type: some read the schema of a stream as that of the whole, some as that of each event.
                "schema": {"description": "Server-sent events; the `data` of each is JSON"},
                "example": 'data: {"text": "Three "}\n\ndata: {"generated_text": "Three berths", ...}\n\n',
            }
        }
    }
}


@router.post(
    "/generate",
    operation_id="playground_generate",
    summary="Ask a trained model",
    responses=_RESPONSES,
    response_model=wire.PlaygroundAnswer,
)
async def generate(who: AnyCallerDep, body: wire.PlaygroundQuestion) -> wire.PlaygroundAnswer | Response:
    """Answers with a trained model. 503 `MODEL_LOADING` with Retry-After while it is being loaded: a few seconds on one
    machine, some minutes on AWS, where a model that nobody has used for a while takes no machine."""
    asked = Asked(**body.model_dump(exclude={"stream"}))
    if body.stream and playground.can_stream():
        events = playground.stream(who.org_id, asked)
        first = await anext(events)  # errors are plain responses, no streams
        return StreamingResponse(_all(first, events), media_type=EVENT_STREAM, headers={"Cache-Control": "no-store"})
    found = await playground.generate(who.org_id, asked)
    return wire.PlaygroundAnswer(
        generated_text=found.generated_text,
        tokens_generated=found.tokens_generated,
        generation_time_ms=found.generation_time_ms,
        finish_reason=found.finish_reason,
    )


async def _all(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for event in others:
        yield event

"""Events of a run while it works: by long polling, or as a stream of server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dataforge import access, clock, settings
from dataforge.access import Caller
from dataforge.errors import NotFound, Unauthenticated
from dataforge.store import run_events, runs
from dataforge.store.run_events import EventPage
from dataforge.workflows import lifecycle
from dataforge_functions.api.callers import CallerDep
from dataforge_functions.api.data_forge.generations import run_over_documents
from dataforge_functions.api.path_ids import GenerationId
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import generations as wire

router = APIRouter(tags=["generations"], route_class=Route)

MAX_WAIT_SECONDS = 20
RETRY_SECONDS = 2.0
"""Pause of a client between two requests that are answered at once."""
"""API Gateway times out after 29 seconds."""
POLL_SECONDS = 0.5
"""Between two reads of the run's events."""
LAST_EVENT_SECONDS = 5.0
"""After a run has ended, its last log line may be written this much later."""
EVENT_STREAM = "text/event-stream"
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            EVENT_STREAM: {
                "schema": {"type": "string"},
                "example": 'id: 01jz...\nevent: progress\ndata: {"type": "progress", ...}\n\n',
            }
        }
    }
}


@router.get(
    "/generations/{generation_id}/events",
    operation_id="get_generation_events",
    responses=_RESPONSES,
    response_model=wire.Events,
)
async def get_generation_events(
    request: Request,
    who: CallerDep,
    generation_id: GenerationId,
    after: Annotated[str, Query(max_length=100, description="`cursor` of the last answer")] = "",
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for events")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Log lines in one answer")] = 500,
) -> wire.Events | Response:
    """Log lines after a cursor and the progress of the run: at once if there are new events, else as soon as there are.

    Returns after `wait` seconds at the latest; a server that does not wait so long says in `retry_after` when to ask
    again. With `Accept: text/event-stream` events are streamed for `wait` seconds
    (20 by default); a client that reconnects continues after its `Last-Event-ID`.
    """
    start = after or request.headers.get("Last-Event-ID") or run_events.START
    if EVENT_STREAM not in request.headers.get("accept", ""):
        return await _next_events(who, generation_id, start, wait, limit)
    first = await _next_events(who, generation_id, start, 0, limit)  # 404 and 422 are plain responses, no streams
    stream = _stream(who, generation_id, first, _held(wait or MAX_WAIT_SECONDS), limit)
    return StreamingResponse(stream, media_type=EVENT_STREAM, headers={"Cache-Control": "no-store"})


async def _next_events(who: Caller, generation_id: str, after: str, wait: float, limit: int) -> wire.Events:
    """Raises NotFound; Unauthenticated once the key is revoked."""
    held = _held(wait)
    end = time.monotonic() + held
    run = await run_in_threadpool(lambda: lifecycle.reconcile(run_over_documents(who.org_id, generation_id)))
    while True:
        found = await run_in_threadpool(run_events.since, run.run_id, after, limit)
        closed = _is_closed(run, found)
        if found.events or closed or time.monotonic() + POLL_SECONDS > end:
            found_events = [wire.RunEvent.model_validate(run_events.message(e)) for e in found.events]
            pause = RETRY_SECONDS if held < wait and not found_events and not closed else None
            return wire.Events(
                generation_id=generation_id,
                events=found_events,
                cursor=found.cursor,
                closed=closed,
                retry_after=pause,
            )
        await asyncio.sleep(POLL_SECONDS)
        await run_in_threadpool(access.require_active, who)
        run = await run_in_threadpool(runs.get, who.org_id, generation_id)


def _held(wait: float) -> float:
    """Seconds that this server holds a request which may wait so long."""
    return min(wait, settings.get().longest_wait)


def _is_closed(run: runs.Run, found: EventPage) -> bool:
    """No further event can come. The run was read before the events, so its last line may be among them."""
    if run.status not in runs.FINISHED or found.more:
        return False
    ended = any(e.type == "log" and e.status in runs.FINISHED for e in found.events)
    return ended or clock.seconds_since(run.completed_at or run.created_at) > LAST_EVENT_SECONDS


async def _stream(who: Caller, generation_id: str, found: wire.Events, wait: float, limit: int) -> AsyncIterator[str]:
    end = time.monotonic() + wait
    pause = 0.5 if wait >= MAX_WAIT_SECONDS else RETRY_SECONDS
    yield f"retry: {pause * 1000:.0f}\n\n"
    while True:
        for n, event in enumerate(found.events):
            event_id = f"id: {found.cursor}\n" if n == len(found.events) - 1 else ""
            yield f"{event_id}event: {event.type}\ndata: {event.model_dump_json(exclude_none=True)}\n\n"
        left = end - time.monotonic()
        if found.closed:
            yield "event: closed\ndata: {}\n\n"
        if found.closed or left <= 0:
            return
        await asyncio.sleep(min(POLL_SECONDS, left))
        try:
            await run_in_threadpool(access.require_active, who)
            found = await _next_events(who, generation_id, found.cursor, max(0.0, end - time.monotonic()), limit)
        except (NotFound, Unauthenticated):  # its project was deleted, or the key revoked
            return

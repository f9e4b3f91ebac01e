"""`/ws/training` of one machine: the status of the organisation's training, pushed when it has changed.

On AWS a WebSocket API stands in front of `dataforge_functions/socket.py` instead: subscribe to the topic `training`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import orjson
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from dataforge import access
from dataforge.access import Caller
from dataforge.errors import DataForgeError, Unauthenticated
from dataforge.workflows.training import jobs, status
from dataforge_functions.api import callers

router = APIRouter()

LOOK_EVERY = 1.0
"""Seconds between two looks at the training."""
KEY_EVERY = 30.0
"""Seconds between two looks at the caller's key."""


@router.websocket("/ws/training")
async def training_socket(socket: WebSocket) -> None:
    try:
        who = await run_in_threadpool(callers.authorize_socket, socket)
    except DataForgeError as problem:
        await _refuse(socket, problem)
        return
    await socket.accept()
    closed = asyncio.create_task(_until_closed(socket))
    try:
        await _push(socket, who, closed)
    except WebSocketDisconnect:
        return
    finally:
        closed.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError):
            await closed


async def _push(socket: WebSocket, who: Caller, closed: asyncio.Task[None]) -> None:
    last, checked = b"", time.monotonic()
    while not closed.done():
        if time.monotonic() - checked > KEY_EVERY and who.key_id:
            try:
                await run_in_threadpool(access.require_active, who)
            except Unauthenticated as revoked:
                await socket.close(code=1008, reason=revoked.message)
                return
            checked = time.monotonic()
        message = orjson.dumps(await run_in_threadpool(_status, who.org_id))
        if message != last:
            await socket.send_text(message.decode())
            last = message
        await asyncio.wait({closed}, timeout=LOOK_EVERY)


def _status(org_id: str) -> dict[str, Any]:
    run = jobs.last(org_id)
    return status.body(status.of_run(run) if run else status.IDLE)


async def _until_closed(socket: WebSocket) -> None:
    """What a client says is ignored: there is one thing to listen to."""
    while True:
        try:
            message = await socket.receive()
        except RuntimeError:
            return
        if message["type"] == "websocket.disconnect":
            return


async def _refuse(socket: WebSocket, problem: DataForgeError) -> None:
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        body = {"error": problem.code, "detail": problem.message, "status_code": problem.status}
        await socket.send_denial_response(JSONResponse(body, status_code=problem.status))
    else:
        await socket.close(code=1008, reason=problem.message)

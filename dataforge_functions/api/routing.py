"""Route class of every route that needs a key.

It authorizes the caller before the body is read, and executes a POST with an Idempotency-Key once.

A body must be declared as JSON. Every router is created with `route_class=Route`; a test checks this.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from dataforge.errors import Invalid, UnsupportedMedia
from dataforge.store import idempotency
from dataforge.store.idempotency import HEADER, Claim, StoredResponse
from dataforge_functions.api.callers import authorize, caller, caller_anywhere

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

MAX_KEY_LENGTH = 255
REPLAYED = "Idempotent-Replayed"
RENEW_SECONDS = idempotency.ABANDONED / 3
"""Between two renewals of the claim of a long request."""

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json")
NOT_SUFFICIENT = "Balance, quota or monthly budget is not sufficient"
"""402 of what starts a run."""
NEVER_STORED = {"create_api_key"}
"""Operations whose response must not be stored: they reject the header."""
NOT_DEDUPLICATED = {
    "create_upload_url",
    "create_socket_ticket",
    "create_dataset_upload_url",
    "upload_dataset",
}
"""Operations that change nothing and return what soon expires, or whose body is a file that replaces the one of its
name: executed every time."""


class Route(APIRoute):
    def get_route_handler(self) -> Handler:
        answer = super().get_route_handler()
        needed = organization_needed(self.dependant)
        if needed is None:
            return answer
        operation, posts = self.operation_id or "", "POST" in (self.methods or ())
        takes_body = self.body_field is not None

        async def handle(request: Request) -> Response:
            who = await run_in_threadpool(authorize, request, org_required=needed)
            if takes_body:
                await _check_media(request)
            key = request.headers.get(HEADER) if posts and operation not in NOT_DEDUPLICATED else None
            if key is None:
                return await answer(request)
            _check(key, operation)
            return await _idempotent(request, who.org_id, key, answer)

        return handle


def organization_needed(dependant: Dependant) -> bool | None:
    """Whether the organisation header is required; None for a public route."""
    if dependant.call in (caller, caller_anywhere):
        return dependant.call is caller
    inner = [organization_needed(d) for d in dependant.dependencies]
    return next((needed for needed in inner if needed is not None), None)


async def _check_media(request: Request) -> None:
    """Raises UnsupportedMedia for a body that is compressed, or not declared as JSON."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMedia(f"The body is sent with Content-Encoding {coding[:100]}: send it uncompressed")
    declared = request.headers.get("content-type", "")
    kind = declared.partition(";")[0].strip().lower()
    if not _JSON.fullmatch(kind) and await request.body():
        found = f"not {declared[:100]!r}" if declared else "which is missing here"
        raise UnsupportedMedia(f"A body must be sent with the header Content-Type: application/json, {found}")


def _check(key: str, operation: str) -> None:
    if operation in NEVER_STORED:
        raise Invalid(f"A key is shown once and never stored, so this request takes no {HEADER}", field=HEADER)
    if not re.fullmatch(rf"[\x20-\x7e]{{1,{MAX_KEY_LENGTH}}}", key):
        raise Invalid(f"{HEADER} must be 1 to {MAX_KEY_LENGTH} printable ASCII characters", field=HEADER)


async def _idempotent(request: Request, org_id: str, key: str, answer: Handler) -> Response:
    """The response of the first such request. Only 2xx is stored: a failed request may be retried with the same key."""
    sent = f"{request.url.query}\n".encode() + await request.body()
    path = f"{request.method} {request.scope['path']}"
    held = await run_in_threadpool(idempotency.claim, org_id, path, key, sent)
    if isinstance(held, StoredResponse):
        return Response(held.body, held.status, {REPLAYED: "true"}, held.content_type)
    try:
        async with _claim_renewed(held):
            response = await answer(request)
    except Exception:  # not on cancellation: the request may still be running, and its claim expires
        await run_in_threadpool(held.drop)
        raise
    body = getattr(response, "body", None)
    if not 200 <= response.status_code < 300 or not isinstance(body, bytes):
        await run_in_threadpool(held.drop)
        return response
    kept = StoredResponse(response.status_code, response.headers.get("content-type", ""), body.decode())
    await run_in_threadpool(held.keep, kept)
    return response


@asynccontextmanager
async def _claim_renewed(held: Claim) -> AsyncIterator[None]:
    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await run_in_threadpool(held.renew)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

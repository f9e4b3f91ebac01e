"""A call that is lost on its way: whether the provider may have worked on it, and whom that may cost money."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from dataforge.errors import TeacherBusy, TeacherError, TeacherRefused, TeacherUnreachable, may_be_billed
from dataforge.teachers import connection as module
from dataforge.teachers.connection import Connection
from dataforge.teachers.failures import LONG_WAIT, failure
from dataforge.teachers.response import Response

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


async def read_request(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(4)


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await reader.read()


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def stops_half_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(HEAD + b"half")
    await writer.drain()


async def speaks_no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"hello\r\n\r\n")
    await writer.drain()


async def post(url: str, *, timeout: float = 0.15) -> Response:
    link = Connection("openai:m", timeout)
    try:
        return await link.post(url, b"body", {})
    finally:
        await link.close()


async def posted_to(serve: Serve) -> Response:
    over = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        over.set()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        try:
            return await post(f"http://{host}:{port}/")
        finally:
            await over.wait()


@pytest.mark.parametrize("serve", [silent, hangs_up, stops_half_way, speaks_no_http])
async def test_a_request_that_was_sent_may_be_billed_whatever_becomes_of_it(serve: Serve) -> None:
    with pytest.raises(TeacherUnreachable) as lost:
        await posted_to(serve)

    assert lost.value.may_be_billed


async def test_a_request_that_never_left_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_such_host(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_host)
    for url in ("http://127.0.0.1:9/", "http://nowhere.invalid/"):
        with pytest.raises(TeacherUnreachable) as lost:
            await post(url, timeout=5)
        assert not lost.value.may_be_billed
    with pytest.raises(TeacherRefused) as refused:
        await post("127.0.0.1:9/")
    assert not refused.value.this_prompt_only


@pytest.mark.parametrize(("connect", "timeout"), [(0.05, 5.0), (20.0, 0.05)])
async def test_a_connection_that_is_not_made_in_time_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, connect: float, timeout: float
) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", connect)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for queued in waiting:
            queued.setblocking(False)
            queued.connect_ex(address)  # nobody accepts, so the next one gets no answer at all
        with pytest.raises(TeacherUnreachable, match=r"within 0\.05 s") as lost:
            await post(f"http://127.0.0.1:{address[1]}/", timeout=timeout)
        for queued in waiting:
            queued.close()

    assert not lost.value.may_be_billed


async def test_a_cancelled_call_says_whether_it_was_sent() -> None:
    call = asyncio.create_task(posted_to(silent))
    await asyncio.sleep(0.05)

    call.cancel()

    with pytest.raises(asyncio.CancelledError) as cancelled:
        await call
    assert may_be_billed(cancelled.value)
    assert cancelled.value.may_be_billed is True  # type: ignore[attr-defined]


async def test_a_cancellation_from_inside_the_connection_is_a_lost_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async def given_up(*_: object) -> Response:
        raise asyncio.CancelledError

    monkeypatch.setattr(module, "_read", given_up)

    with pytest.raises(TeacherUnreachable) as lost:
        await posted_to(stops_half_way)

    assert lost.value.may_be_billed


async def test_a_response_says_how_long_it_took() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(0.06)
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    response = await posted_to(slow)

    assert response.status == 500
    assert response.seconds >= 0.05


@pytest.mark.parametrize(
    ("status", "seconds", "error", "billed"),
    [
        (500, 0.1, TeacherUnreachable, False),
        (500, LONG_WAIT, TeacherUnreachable, True),
        (502, LONG_WAIT, TeacherUnreachable, True),
        (429, LONG_WAIT, TeacherBusy, False),
        (503, 0.1, TeacherBusy, False),
        (503, LONG_WAIT, TeacherBusy, True),
        (400, LONG_WAIT, TeacherRefused, False),
    ],
)
def test_a_server_error_after_a_long_wait_may_be_billed(
    status: int, seconds: float, error: type[TeacherError], billed: bool
) -> None:
    found = failure("m", Response(status, {}, b"oops", seconds))

    assert type(found) is error
    assert found.may_be_billed is billed


def test_what_is_not_known_may_be_billed() -> None:
    assert may_be_billed(asyncio.CancelledError())
    assert not may_be_billed(TeacherRefused("no"))

"""The one-machine server keeps answering whoever connects: raw sockets against the real process."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from dataforge_client import DataForge
from dataforge_functions.api.each_request import JSON_BODY
from tests.support.server_processes import Machine, Process

MIB = 2**20
LIMIT = JSON_BODY.max_bytes
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = "POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nX-Organization-ID: {org}\r\n" + (
    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)


class Caller:
    """Opens raw connections to one server, and closes them at the end."""

    def __init__(self, server: Process) -> None:
        self.server, self._open = server, ExitStack()
        address = urlsplit(server.ready["url"])
        self._place = (address.hostname, address.port)
        self.key = json.loads(Path(server.ready["credentials"]).read_text())["api_key"]

    def connect(self) -> socket.socket:
        opened = self._open.enter_context(socket.create_connection(self._place, timeout=20))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def post(self, path: str = "/api/v1/data-forge/projects", key: str | None = None) -> socket.socket:
        """A connection on which the head of a request with a chunked body was sent."""
        opened = self.connect()
        org = self.server.ready["organization_id"]
        opened.sendall(CHUNKED.format(path=path, key=self.key if key is None else key, org=org).encode())
        return opened

    def answers(self) -> bool:
        return read_response(self.say(HEALTH))[0] == 200

    def say(self, data: bytes) -> socket.socket:
        opened = self.connect()
        opened.sendall(data)
        return opened

    def close(self) -> None:
        self._open.close()


def read_response(opened: socket.socket) -> tuple[int, bytes]:
    """Status and everything that follows until the other side closes or the body is whole; (0, b"") for nothing."""
    data = b""
    with suppress(ConnectionResetError):
        while piece := opened.recv(65536):
            data += piece
            head, _, body = data.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if length and len(body) >= int(length[0].split(b":")[1]):
                break
    return (int(data.split()[1]), data) if data else (0, b"")


def send_chunks(opened: socket.socket, total: int, size: int = 65536) -> int:
    """Send until an answer comes, the other side closes or `total` bytes are sent; how many were sent."""
    sent, chunk = 0, b"%x\r\n" % size + b"x" * size + b"\r\n"
    with suppress(ConnectionResetError, BrokenPipeError):
        while sent < total:
            if select.select([opened], [], [], 0)[0]:
                break
            opened.sendall(chunk)
            sent += size
    return sent


def closed_after(opened: socket.socket) -> float:
    """Seconds until the other side closes."""
    begun = time.monotonic()
    with suppress(ConnectionResetError):
        while opened.recv(65536):
            pass
    return time.monotonic() - begun


def resident_mb(server: Process) -> int:
    status = Path(f"/proc/{server.child.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) // 1024


Start = Callable[..., Caller]


def started(folder: Path) -> Iterator[Start]:
    """Starts servers on folders of their own; stops them at the end."""
    machine = Machine()
    callers: list[Caller] = []

    def go(*limits: str, log: Path | None = None, **env: str) -> Caller:
        module = ("tests.support.impatient_server", *limits, *([f"log={log}"] if log else []))
        server = machine.start(*module, "--home", str(folder / f"home{len(callers)}"), "--port", "0", **env)
        callers.append(Caller(server))
        return callers[-1]

    yield go
    for caller in callers:
        caller.close()
        caller.server.stop()
        assert caller.server.child.stdout is not None
        caller.server.child.stdout.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    yield from started(tmp_path)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    yield from started(tmp_path_factory.mktemp("servers"))


@pytest.fixture(scope="module")
def caller(servers: Start) -> Caller:
    """Of a server with the limits that it always has."""
    return servers()


@pytest.fixture(scope="module")
def hasty(servers: Start) -> Caller:
    """Of a server that waits a second where others wait a minute."""
    return servers("HEAD_SECONDS=1", "WRITE_SECONDS=1", "idle_seconds=0.5", "total_seconds=1.5")


def test_a_body_without_a_length_is_counted_while_it_is_read(caller: Caller) -> None:
    before = resident_mb(caller.server)
    opened = caller.post()

    sent = send_chunks(opened, 800 * MIB)
    status, answer = read_response(opened)

    assert (status, b'"TOO_LARGE"' in answer) in ((413, True), (0, False))  # unread data may reset the connection
    assert sent < LIMIT + 8 * MIB
    assert resident_mb(caller.server) - before < 60
    assert caller.answers()


@pytest.mark.parametrize("more", [0, 1])
def test_the_limit_is_exact_and_said(caller: Caller, more: int) -> None:
    opened = caller.post()
    body = b'{"name": "x"' + b" " * (LIMIT - 13 + more) + b"}"
    assert len(body) == LIMIT + more

    opened.sendall(b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
    status, answer = read_response(opened)

    assert status == (413 if more else 201)
    assert (b'"TOO_LARGE"' in answer, b"4,194,304 bytes" in answer) == (bool(more), bool(more))


def test_a_stranger_cannot_send_without_end_either(hasty: Caller) -> None:
    before = resident_mb(hasty.server)
    opened = hasty.post(key="sk_wrong")

    assert read_response(opened)[0] == 401
    begun = time.monotonic()
    send_chunks(opened, 10**12)

    assert time.monotonic() - begun < 15
    assert resident_mb(hasty.server) - before < 60


@pytest.mark.parametrize("parts", [[b"1\r\n{\r\n"], [b"1\r\n \r\n"] * 100], ids=["stops", "trickles"])
def test_a_body_that_takes_too_long_is_408(hasty: Caller, parts: list[bytes]) -> None:
    opened = hasty.post()

    for part in parts:
        if select.select([opened], [], [], 0.1)[0]:
            break
        opened.sendall(part)
    status, answer = read_response(opened)

    assert (status, b"REQUEST_TIMEOUT" in answer) == (408, True)
    assert closed_after(opened) < 5


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHos", HEALTH, HEALTH + b"GET /he"])
def test_a_head_that_does_not_come_closes_the_connection(hasty: Caller, sent: bytes) -> None:
    opened = hasty.say(sent)

    assert closed_after(opened) < 10


def test_a_head_that_trickles_has_no_more_time(hasty: Caller) -> None:
    opened = hasty.connect()
    begun = time.monotonic()

    with suppress(ConnectionResetError, BrokenPipeError):
        for byte in b"GET /health HTTP/1.1\r\nX-Slow: " + b"y" * 400:
            opened.sendall(bytes([byte]))
            if select.select([opened], [], [], 0.05)[0]:
                break

    assert time.monotonic() - begun < 10
    assert closed_after(opened) < 1


def test_a_head_without_end_is_refused(caller: Caller) -> None:
    opened = caller.say(b"GET /health HTTP/1.1\r\nX-Long: " + b"y" * 200_000)

    assert read_response(opened)[0] in (0, 400)
    assert closed_after(opened) < 10


def test_who_reads_nothing_of_a_download_is_cut_off(hasty: Caller) -> None:
    url = upload(hasty, 60 * MIB)
    opened = hasty.connect()
    opened.sendall(f"GET {urlsplit(url).path}?{urlsplit(url).query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    pid = hasty.server.child.pid

    deadline = time.monotonic() + 20
    while connections_of(pid) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert connections_of(pid) == 0


def connections_of(pid: int) -> int:
    """Established connections of a process that listens at one port."""
    port = {line.split()[1] for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:] if " 0A " in line}
    inodes = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if os.path.lexists(link)}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return sum(row[3] == "01" and row[1] in port and f"socket:[{row[9]}]" in inodes for row in rows)


def upload(caller: Caller, size: int) -> str:
    """Upload a file of this size by signed URL; the URL to download it."""
    from dataforge.platform.embedded import signed_urls

    url = caller.server.ready["url"]
    with DataForge(url, caller.key, caller.server.ready["organization_id"]) as data_forge:
        project = data_forge.create_project("large")
        place = data_forge.create_upload_url(project.project_id, "a.txt", content_type="text/plain", file_size=size)
    put = httpx.put(place.upload_url, content=b"word " * (size // 5), headers={"Content-Type": "text/plain"})
    assert put.status_code == 200, put.text
    secret = bytes.fromhex((Path(caller.server.ready["home"]) / "secret").read_text())
    return signed_urls.sign(secret, url, place.s3_key, {"method": "GET", "expires": str(int(time.time()) + 600)})


def test_large_files_go_up_and_down_by_signed_url(caller: Caller) -> None:

    with httpx.stream("GET", upload(caller, 20 * MIB)) as answer:
        size = sum(map(len, answer.iter_bytes()))

    assert size == 20 * MIB


def test_a_file_larger_than_its_own_limit_is_refused(start: Start) -> None:
    caller = start(DATAFORGE_MAX_UPLOAD_BYTES=str(5 * MIB))

    with pytest.raises(Exception, match="file_size"):
        upload(caller, 6 * MIB)


def test_idle_connections_do_not_keep_others_out(start: Start, tmp_path: Path) -> None:
    """80 of them at 64 descriptors once stopped the service and wrote 35 MB of log."""
    log = tmp_path / "log"
    caller = start("descriptors=64", log=log, DATAFORGE_LOG_LEVEL="INFO")
    idle = [caller.connect() for _ in range(80)]

    begun = time.monotonic()
    answered = [caller.answers() for _ in range(20)]
    took = time.monotonic() - begun
    more = [caller.connect() for _ in range(200)]

    assert answered == [True] * 20
    assert took < 10
    assert caller.answers()
    assert len(idle) + len(more) == 280
    assert log.stat().st_size < 20_000


def test_a_full_server_says_so(start: Start) -> None:
    caller = start("MOST_CONNECTIONS=8")
    busy = [caller.post() for _ in range(8)]
    for opened in busy:
        opened.sendall(b"1\r\n{\r\n")

    deadline = time.monotonic() + 10
    while (status := read_response(caller.say(HEALTH))[0]) == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert status == 503

    busy[0].close()
    while not caller.answers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert caller.answers()


def test_without_descriptors_accepting_pauses_and_the_log_stays_small(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    caller = start("descriptors=64", "OWN_DESCRIPTORS=-400", log=log, DATAFORGE_LOG_LEVEL="INFO")
    held = [caller.connect() for _ in range(120)]

    deadline = time.monotonic() + 10
    while b"have to wait" not in log.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.1)
    for opened in held:
        opened.close()

    assert caller.answers()
    assert b"have to wait" in log.read_bytes()
    assert log.stat().st_size < 20_000


def test_garbage_does_not_fill_the_log(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    caller = start(log=log, DATAFORGE_LOG_LEVEL="WARNING")

    for _ in range(50):
        assert read_response(caller.say(b"\x16\x03\x01 nothing like a request\r\n\r\n"))[0] in (0, 400)

    assert log.read_text().count("Invalid HTTP request") == 1


def test_events_are_streamed_while_they_happen(caller: Caller) -> None:
    """The head of a stream comes at once, not at its end."""
    with DataForge(caller.server.ready["url"], caller.key, caller.server.ready["organization_id"]) as data_forge:
        project = data_forge.create_project("p")
        place = data_forge.create_upload_url(project.project_id, "a.md", content_type="text/markdown", file_size=8)
        httpx.put(place.upload_url, content=b"# A\n\nBc.", headers={"Content-Type": "text/markdown"})
        data_forge.register_document(project.project_id, "a.md", place.s3_key, 8)
        run = data_forge.parse(project.project_id)
        headers = {"X-API-Key": caller.key, "X-Organization-ID": caller.server.ready["organization_id"]}
        address = f"{caller.server.ready['url']}/api/v1/data-forge/generations/{run.generation_id}/events?wait=20"
        with httpx.stream("GET", address, headers={**headers, "Accept": "text/event-stream"}, timeout=30) as answer:
            text = "".join(answer.iter_text())

    assert answer.headers["x-request-id"]
    assert text.startswith("retry: 500")
    assert "event: closed" in text

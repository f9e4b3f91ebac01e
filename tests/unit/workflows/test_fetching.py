"""Fetching from a real server on this machine, which the setting opens, and from servers that mean no good."""

from __future__ import annotations

import gzip
import io
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from dataforge.errors import Unreadable
from dataforge.workflows.documents import fetching
from tests.support.web_site import PAGE, Answer, Site

MOST = 200_000


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


@contextmanager
def raw_server(*, first: bytes, then: bytes = b"", pause: float = 0.05) -> Iterator[int]:
    """Says `first` to whoever comes, then `then` again and again until nobody listens; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                with listener.accept()[0] as caller:
                    caller.recv(4096)
                    caller.sendall(first)
                    while then and not over.wait(pause):
                        caller.sendall(then)
            except OSError:
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    over.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def get(url: str, *, allow: str, seconds: float = 5, **how: object) -> tuple[fetching.Fetched, bytes]:
    into = io.BytesIO()
    found = fetching.fetch(url, into, allow=allow, most_bytes=MOST, seconds=seconds, **how)  # type: ignore[arg-type]
    return found, into.getvalue()


def refused(url: str, **how: object) -> tuple[str, str]:
    with pytest.raises(Unreadable) as problem:
        get(url, **{"allow": "127.0.0.0/8", **how})  # type: ignore[arg-type]
    return problem.value.reason, problem.value.message


def test_a_page_of_an_allowed_host_comes_with_its_type_and_checksum(site: Site) -> None:
    found, body = get(site.url(), allow=f"127.0.0.1:{site.port}")

    assert body == PAGE
    assert (found.final_url, found.content_type, found.size) == (site.url(), "text/html", len(PAGE))
    assert len(found.checksum) == 64
    [(path, headers)] = site.asked
    assert path == "/"
    assert "DataForge" in headers["user-agent"]
    assert not {"cookie", "authorization", "referer"} & headers.keys()


def test_this_machine_is_out_of_reach_without_the_setting(site: Site) -> None:
    names = ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "0"]

    outcomes = {name: refused(f"http://{name}/", allow="")[0] for name in names}
    on_its_port = refused(site.url(), allow="")

    assert set(outcomes.values()) <= {"forbidden_address", "unreachable"}
    assert {name for name, reason in outcomes.items() if reason == "forbidden_address"} >= {"127.0.0.1", "localhost"}
    assert on_its_port[0] == "forbidden_address"
    assert site.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "http://[::ffff:169.254.169.254]/",
        "http://127.0.0.2:1/",
        "file:///etc/passwd",
        "//10.0.0.1/",
        "http://[fd00:ec2::254]/",
        "http://user:pw@example.com/",
        "http://localhost:1/",
        "http://[",
        "ftp://example.com/",
    ],
)
def test_a_redirect_is_checked_like_the_first_address(site: Site, target: str) -> None:
    site.pages["/start"] = Answer(b"", 302, {"Location": target})

    reason, message = refused(site.url("/start"), allow=f"127.0.0.1:{site.port}")

    assert reason == "forbidden_address"
    assert len(message) > 30
    assert len(site.asked) == 1


def test_redirects_are_followed_five_times(site: Site) -> None:
    for n in range(6):
        site.pages[f"/{n}"] = Answer(b"", (301, 302, 303, 307, 308, 302)[n], {"Location": f"{n + 1}#x"})
    site.pages["/6"] = site.pages["/7"] = Answer()

    found, _ = get(site.url("/1"), allow=f"127.0.0.1:{site.port}")
    reason, message = refused(site.url("/0"), allow=f"127.0.0.1:{site.port}")

    assert found.final_url == site.url("/6")
    assert (reason, "more than 5 times" in message) == ("unreachable", True)


def test_a_name_is_resolved_once_and_the_connection_goes_there(site: Site) -> None:
    """Rebinding: the second answer would be another machine."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def resolve(host: str, port: int) -> list[str]:
        return answers.pop(0)

    found, body = get(site.url(host="wiki.corp"), allow=f"wiki.corp:{site.port}", resolve=resolve)

    assert (body, len(answers)) == (PAGE, 1)
    assert site.asked[0][1]["host"] == f"wiki.corp:{site.port}"
    assert found.final_url == site.url(host="wiki.corp")


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["fe80::1%1"],
        ["64:ff9b::a9fe:a9fe"],
    ],
)
def test_a_name_with_one_private_address_is_not_fetched_at_all(answer: list[str]) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return answer

    assert refused("http://public.example/", allow="", resolve=resolve)[0] == "forbidden_address"


def test_a_name_in_the_setting_does_not_open_the_metadata_service() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["169.254.169.254"]

    assert refused("http://wiki.corp/", allow="wiki.corp", resolve=resolve)[0] == "forbidden_address"


def test_a_socket_checks_its_own_address(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the resolver let something through."""

    async def careless(self: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, object]]:
        return [
            {"hostname": host, "host": "127.0.0.1", "port": site.port, "proto": 6, "family": socket.AF_INET, "flags": 0}
        ]

    monkeypatch.setattr(fetching._Pinned, "resolve", careless)

    assert refused("http://public.example/", allow="")[0] == "forbidden_address"
    assert site.asked == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(status=404), "http_error"),
        (Answer(status=401), "http_error"),
        (Answer(status=500), "http_error"),
        (Answer(status=204, body=b""), "http_error"),
        (Answer(headers={"Content-Type": "image/png"}), "unsupported"),
        (Answer(headers={"Content-Encoding": "br"}), "unsupported"),
        (Answer(b"x" * (MOST + 1)), "too_large"),
        (Answer(headers={"Content-Encoding": "gzip"}), "unreachable"),
        (Answer(gzip.compress(PAGE * 50)[:-20], headers={"Content-Encoding": "gzip"}), "unreachable"),
    ],
)
def test_what_cannot_be_used_says_why(site: Site, answer: Answer, reason: str) -> None:
    site.pages["/"] = answer

    assert refused(site.url(), allow=f"127.0.0.1:{site.port}")[0] == reason


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)[2:-4]),
        ("identity", PAGE),
    ],
    ids=["gzip", "x-gzip", "zlib", "raw deflate", "identity"],
)
def test_packed_pages_are_unpacked(site: Site, coding: str, packed: bytes) -> None:
    site.pages["/"] = Answer(packed, headers={"Content-Encoding": coding})

    assert get(site.url(), allow=f"127.0.0.1:{site.port}")[1] == PAGE


def test_a_gzip_bomb_stops_at_the_limit(site: Site) -> None:
    pump = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(pump.compress(bytes(1 << 20)) for _ in range(150)) + pump.flush()
    site.pages["/"] = Answer(bomb, headers={"Content-Encoding": "gzip"})
    assert len(bomb) < MOST

    into = io.BytesIO()
    with pytest.raises(Unreadable) as problem:
        fetching.fetch(site.url(), into, allow=f"127.0.0.1:{site.port}", most_bytes=MOST, seconds=5)

    assert problem.value.reason == "too_large"
    assert len(into.getvalue()) <= MOST


@pytest.mark.parametrize(
    ("first", "then", "reason"),
    [
        (b"", b"", "unreachable"),
        (b"nonsense\r\n\r\n", b"", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", b"", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", b"", "unreachable"),
        (b"HTTP/1.1 200 OK\r\n", b"X: slow\r\n", "timed_out"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"a", "timed_out"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"drip", "timed_out"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 60_000, "too_large"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b""),
            gzip.compress(b"") * 3000,
            "too_large",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n", "too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", b"", "too_large"),
    ],
    ids=[
        "hangs up",
        "no HTTP",
        "broken off",
        "huge header",
        "slow headers",
        "slow header",
        "slow body",
        "endless body",
        "endless empty gzip",
        "endless chunks",
        "announces too much",
    ],
)
def test_a_hostile_server_holds_nobody_up(first: bytes, then: bytes, reason: str) -> None:
    began = time.monotonic()

    with raw_server(first=first, then=then) as port:
        answer = refused(f"http://127.0.0.1:{port}/", allow=f"127.0.0.1:{port}", seconds=0.8)

    assert answer[0] == reason, answer
    assert time.monotonic() - began < 5


def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert refused(f"http://127.0.0.1:{port}/", allow=f"127.0.0.1:{port}", seconds=0.3)[0] == "timed_out"


def test_nobody_listening_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    reason, message = refused(f"http://127.0.0.1:{port}/", allow=f"127.0.0.1:{port}")

    assert (reason, "upload the file" in message) == ("unreachable", True)


def test_a_name_that_nobody_has_is_unreachable() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert refused("http://nobody.example/", resolve=resolve)[0] == "unreachable"


@contextmanager
def tls_server(folder: Path) -> Iterator[int]:
    """With a certificate for localhost that it made for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                caller = listener.accept()[0]
                with suppress(OSError), context.wrap_socket(caller, server_side=True) as wrapped:
                    wrapped.recv(4096)
                    wrapped.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    with tls_server(tmp_path) as port:
        reason, message = refused(f"https://localhost:{port}/", allow=f"localhost:{port}", resolve=resolve)

    assert (reason, "ertificate" in message) == ("unreachable", True)

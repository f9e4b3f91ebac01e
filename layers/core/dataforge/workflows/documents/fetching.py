"""Fetch one web page or file that a caller named, and nothing that the caller could not have fetched from outside.

A URL is a way to make this service send requests, so (contract F, "A urls"):

- http and https only, no user name in it, ports 80 and 443; certificates are verified; no proxy, cookie or credential
  of ours goes along.
- The name is resolved here, once a hop, and *every* address must be on the public internet; the connection goes to
  exactly these addresses (a second look by somebody else, which could answer differently, never happens), and each
  socket checks its own address again.
- Redirects are followed at most MOST_REDIRECTS times, each one checked like the first; never from https to http.
- Bytes are counted while they come, packed and unpacked; headers, pauses and body share one time limit.

`DATAFORGE_FETCH_ALLOW` opens single hosts or networks: `wiki.corp, wiki.corp:8443, 10.2.0.0/16, [fd00::]/8`. A name may
then be private, but link-local addresses (cloud metadata) need their network named. robots.txt is not read: a person
asks for one page, as with a browser; nothing is crawled.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import re
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from dataforge import clock
from dataforge.errors import Unreadable

USER_AGENT = "DataForge/0.1 (self-hosted; fetches single pages that its users name)"
MOST_REDIRECTS = 5
MOST_URL = 2048
PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 64 * 1024
_WITH_PORT = re.compile(r"([^:]+|\[.+\](?:/\d+)?):(\d{1,6})")
_NEVER_TEXT = ("image/", "audio/", "video/", "font/")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) -> addresses."""

_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Beside what `ipaddress` calls not global, whose lists differ between Python's versions.
_SPECIAL_V6 = tuple(
    ipaddress.IPv6Network(n)
    for n in (
        "2001::/23",  # Teredo, ORCHID and other protocols
        "2001:db8::/32",
        "3fff::/20",  # documentation
        "2002::/16",  # 6to4: leads to the IPv4 address inside
    )
)
_SPECIAL_V4 = tuple(
    ipaddress.IPv4Network(n)
    for n in (
        "168.63.129.16/32",  # Azure's host agent
        "192.0.0.0/24",  # protocols; Oracle's metadata
        "192.88.99.0/24",  # 6to4 relays
    )
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What `DATAFORGE_FETCH_ALLOW` opens: a host by name or a network, on the usual ports or on one more."""

    host: str | None
    network: Network | None
    port: int | None


@dataclass(frozen=True, slots=True)
class Fetched:
    final_url: str
    content_type: str
    """Without parameters, lower case; empty when the server says none."""
    fetched_at: str
    size: int
    checksum: str
    """SHA-256, hex."""


def allowances(setting: str) -> list[Allowance]:
    """Read `DATAFORGE_FETCH_ALLOW`. Raises ValueError naming the entry that is neither a host nor a network."""
    return [_allowance(entry.strip().lower()) for entry in setting.split(",") if entry.strip()]


def _allowance(entry: str) -> Allowance:
    host, port = entry, None
    if found := _WITH_PORT.fullmatch(entry):
        host, port = found.group(1), int(found.group(2))
    try:
        network = ipaddress.ip_network(host.replace("[", "").replace("]", ""), strict=False)
        name = None
    except ValueError:
        network, name = None, host
    plain = network is not None or all(part and part.replace("-", "").isalnum() for part in host.split("."))
    if not plain or (port is not None and not 0 < port < 65536):
        raise ValueError(f"DATAFORGE_FETCH_ALLOW: {entry!r} is no host, host:port or network")
    return Allowance(name, network, port)


def is_public(address: Address) -> bool:
    """Reachable from anywhere on the internet, and really there: no tunnel, mapping or cloud trick leads elsewhere."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return False
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in _GLOBAL_V6 or any(address in network for network in _SPECIAL_V6):
            return False
    elif any(address in network for network in _SPECIAL_V4):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def check(url: str, allowed: Sequence[Allowance] = ()) -> URL:
    """The URL, without fragment, if its text alone does not forbid it. Raises Unreadable: forbidden_address."""
    if len(url) > MOST_URL:
        raise _forbidden(f"The URL has {len(url):,} characters; at most {MOST_URL:,} are taken")
    if any(c.isspace() or ord(c) < 33 or ord(c) == 127 for c in url) or "\\" in url:
        raise _forbidden("The URL holds a space, a backslash or a control character; encode it")
    try:
        parsed = URL(url).with_fragment(None)
        host, port = parsed.host, parsed.port
    except ValueError:
        raise _forbidden("That is no URL; give one like https://example.com/handbook.html") from None
    if parsed.scheme not in PORTS or not host:
        raise _forbidden("Only http:// and https:// URLs can be fetched")
    if "@" in re.split(r"[/?#]", url.partition("//")[2], maxsplit=1)[0]:
        raise _forbidden("The URL holds a user name or password; pages behind a log-in cannot be fetched")
    if "%" in host:
        raise _forbidden("The URL's host is not a plain name or address")
    if port != PORTS[parsed.scheme] and not any(_may_open_port(a, host, port) for a in allowed):
        raise _forbidden(f"Port {port} is not fetched from; only 80 and 443 are, or what DATAFORGE_FETCH_ALLOW names")
    address = _address(host)
    if address is not None:
        _check_address(host, port or 0, address, allowed)
    return parsed


def fetch(
    url: str, into: BinaryIO, *, allow: str, most_bytes: int, seconds: float, resolve: Resolve | None = None
) -> Fetched:
    """Write what lies at the URL to `into`. Raises Unreadable with a reason: forbidden_address, unreachable,
    http_error, too_large, timed_out, unsupported."""
    return asyncio.run(_fetch(url, into, allowances(allow), most_bytes, seconds, resolve or _system_names))


async def _fetch(
    url: str, into: BinaryIO, allowed: Sequence[Allowance], most_bytes: int, seconds: float, resolve: Resolve
) -> Fetched:
    try:
        async with asyncio.timeout(seconds):
            return await _hops(url, into, allowed, most_bytes, resolve)
    except TimeoutError:
        raise Unreadable(
            f"{_short(url)} did not come within {seconds:g} seconds. Try again later, or download it and upload the "
            "file.",
            reason="timed_out",
        ) from None
    except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError) as problem:
        reason = str(problem) or type(problem).__name__
        raise Unreadable(
            f"{_short(url)} cannot be reached ({reason[:200]}). Check the address, or download it and upload the file.",
            reason="unreachable",
        ) from None


async def _hops(url: str, into: BinaryIO, allowed: Sequence[Allowance], most_bytes: int, resolve: Resolve) -> Fetched:
    at = check(url, allowed)
    for _ in range(MOST_REDIRECTS + 1):
        async with _session(at, allowed, resolve) as session, session.get(at, allow_redirects=False) as response:
            if response.status not in _REDIRECTS:
                return await _take(at, response, into, most_bytes)
            target = response.headers.get("Location", "")
        at = _next(at, target, allowed)
    raise Unreadable(
        f"{_short(url)} leads on more than {MOST_REDIRECTS} times. Give the address where it ends.",
        reason="unreachable",
    )


def _next(at: URL, target: str, allowed: Sequence[Allowance]) -> URL:
    try:
        joined = at.join(URL(target))
    except ValueError:
        raise _forbidden(f"{_short(str(at))} leads to something that is no URL") from None
    if at.scheme == "https" and joined.scheme == "http":
        raise _forbidden(f"{_short(str(at))} leads from https to plain http; give the address where it ends")
    return check(str(joined), allowed)


def _session(at: URL, allowed: Sequence[Allowance], resolve: Resolve) -> aiohttp.ClientSession:
    """A connection for one hop, that can reach nothing but the checked addresses of this URL's host."""
    host = at.host or ""

    def make_socket(found: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        family, kind, protocol, _, place = found
        _check_address(host, at.port or 0, ipaddress.ip_address(str(place[0])), allowed)
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=_Pinned(allowed, resolve),
            use_dns_cache=False,
            force_close=True,
            socket_factory=make_socket,
        ),
        headers={
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "gzip, deflate, identity",
            "Accept": "text/html, application/pdf, text/markdown, text/plain, text/csv, */*;q=0.5",
        },
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=20),
    )


class _Pinned(AbstractResolver):
    """Resolves once; all addresses are public or allowed, or none is used."""

    def __init__(self, allowed: Sequence[Allowance], resolve: Resolve) -> None:
        self._allowed, self._resolve = allowed, resolve

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002  by the port
    ) -> list[ResolveResult]:
        found = await self._resolve(host, port)
        if not found:
            raise OSError(f"{host} has no address")
        addresses = [ipaddress.ip_address(text) for text in found]
        for address in addresses:
            _check_address(host, port, address, self._allowed)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                proto=socket.IPPROTO_TCP,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def _system_names(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def _check_address(host: str, port: int, address: Address, allowed: Sequence[Allowance]) -> None:
    usual = port in PORTS.values()
    if is_public(address) and usual:
        return
    for one in allowed:
        if (one.port != port) if one.port is not None else not usual:
            continue
        if one.network is not None and one.network.version == address.version and address in one.network:
            return
        if _is_named(one, host) and (is_public(address) or _may_be_opened_by_name(address)):
            return
    raise _forbidden(
        f"{host} is not on the public internet, and documents are fetched only from there. If it is your own wiki, "
        "whoever runs this service can name it in DATAFORGE_FETCH_ALLOW"
    )


def _is_named(one: Allowance, host: str) -> bool:
    return one.host is not None and one.host == host.lower().rstrip(".")


def _may_be_opened_by_name(address: Address) -> bool:
    """A name in the setting opens private and loopback addresses; not what only a network can name on purpose."""
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id or address.ipv4_mapped is not None):
        return False
    return (address.is_private or address.is_loopback) and not (
        address.is_link_local or address.is_multicast or address.is_unspecified
    )


def _may_open_port(one: Allowance, host: str, port: int | None) -> bool:
    """A network may, for any name: whether the name lies in it is known once it is resolved."""
    return one.port == port and (one.network is not None or _is_named(one, host))


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def _take(at: URL, response: aiohttp.ClientResponse, into: BinaryIO, most_bytes: int) -> Fetched:
    if response.status != 200:
        raise Unreadable(
            f"{_short(str(at))} answered {response.status} {response.reason or ''}".rstrip() + ". Check that the page "
            "can be read without a log-in.",
            reason="http_error",
        )
    content_type = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if content_type.startswith(_NEVER_TEXT):
        raise Unreadable(f"{_short(str(at))} is {content_type}, which holds no text to read.", reason="unsupported")
    size, digest = 0, hashlib.sha256()
    async for piece in _body(response, most_bytes):
        size += len(piece)
        if size > most_bytes:
            raise _too_large(most_bytes)
        digest.update(piece)
        into.write(piece)
    return Fetched(str(at), content_type, clock.now(), size, digest.hexdigest())


async def _body(response: aiohttp.ClientResponse, most_bytes: int) -> AsyncIterator[bytes]:
    """Unpacked in small pieces, so that a few packed bytes can never become much memory."""
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise Unreadable(f"The server packs the page as {coding!r}, which was not asked for.", reason="unsupported")
    if response.content_length is not None and response.content_length > most_bytes:
        raise _too_large(most_bytes)
    unpack = _Unpacking(coding) if coding not in ("", "identity") else None
    came = 0
    async for piece in response.content.iter_chunked(_PIECE):
        came += len(piece)
        if came > most_bytes:
            raise _too_large(most_bytes)
        for part in unpack.pieces(piece) if unpack else (piece,):
            yield part
    if unpack is not None and not unpack.complete:
        raise OSError("the page broke off")


class _Unpacking:
    def __init__(self, coding: str) -> None:
        # 47: gzip or zlib, whichever the header says. Some servers send deflate without any header.
        self._stream, self._raw = zlib.decompressobj(47), coding == "deflate"
        self._begun = False

    @property
    def complete(self) -> bool:
        return self._stream.eof or not self._begun

    def pieces(self, data: bytes) -> Iterable[bytes]:
        try:
            if self._raw and not self._begun and data[:1] and data[0] & 0x0F != 8:
                self._stream = zlib.decompressobj(-15)
            self._begun = True
            while data and not self._stream.eof:
                yield self._stream.decompress(data, _PIECE)
                data = self._stream.unconsumed_tail
        except zlib.error as problem:
            raise OSError(f"the packed page is damaged: {problem}") from None


def _too_large(most_bytes: int) -> Unreadable:
    return Unreadable(
        f"What lies there has more than {most_bytes:,} bytes. Download it, split it and upload the parts.",
        reason="too_large",
    )


def _forbidden(message: str) -> Unreadable:
    return Unreadable(f"{message}.", reason="forbidden_address")


def _short(url: str) -> str:
    return url if len(url) <= 200 else f"{url[:200]}..."

"""The wire of Data Forge, in memory, behind a real socket: what the client and the command are tested against.

In a test: `with FakeApi(...) as api`; `fake_api_routes` says what it answers. As a child process it stands in
for the one-machine server (`python -m tests.support.fake_api --home DIR --host H --port P`), obeying the same contract:
one ready line, stop on SIGTERM.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import itertools
import json
import os
import re
import signal
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.fake_api_accounts import ACCOUNT_ROUTES
from tests.support.fake_api_pages import PAGE_ROUTES
from tests.support.fake_api_routes import BASE, ESTIMATE, ORGANIZATION, ROUTES, refusal
from tests.support.fake_api_synthetic import SYNTHETIC_ROUTES
from tests.support.fake_api_training import BYTES, PUBLIC, TRAINING_ROUTES

__all__ = ["BASE", "ESTIMATE", "KEY", "ORGANIZATION", "FakeApi", "Fault"]

KEY = "sk_fake"


@dataclass
class Fault:
    """Answers the next `times` requests whose "METHOD /path" holds `match`; status 0 hangs up without an answer."""

    match: str
    status: int
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeApi:
    """unreadable: documents whose parse fails. rejected, failed: slots lost. hold: a stage that does not end until
    `released` is set (parsing, generating, uploading, synthetic, or training). training_fails: why trainings fail.
    streams: whether the playground answers piece by piece."""

    unreadable: tuple[str, ...] = ()
    rejected: int = 0
    flagged: int = 0
    """Of the delivered: those that are flagged, and so are not accepted."""
    failed: int = 0
    failed_for: str = "unreadable_reply"
    cost: float | None = 0.0
    stop_reason: str | None = None
    hold: str = ""
    nothing_is_accepted: bool = False
    """Of synthetic jobs."""
    training_fails: str | None = None
    streams: bool = True
    port: int = 0
    secret: bytes = b""
    """Of the data folder that it serves: it proves with it which server it is."""

    def __post_init__(self) -> None:
        self.faults: list[Fault] = []
        self.report: dict[str, object] = {}
        """More of the report of a generation."""
        self.seen: list[Seen] = []
        self.projects: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, list[dict[str, Any]]] = {}
        self.generations: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pairs: dict[str, list[dict[str, Any]]] = {}
        self.exports: dict[tuple[str, int], bytes] = {}
        self.files: dict[str, bytes] = {}
        self.datasets: dict[str, dict[str, Any]] = {}
        self.trainings: dict[str, dict[str, Any]] = {}
        self.models: dict[int, dict[str, Any]] = {}
        self.strong_from = 3
        """The number of the first model that is weak on nothing."""
        self.gain_is_noise = False
        self.released = threading.Event()
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeApi:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def count(self, call: str) -> int:
        """How many requests were made whose "METHOD /path" ends like this."""
        return sum(f"{s.method} {s.path}".endswith(call) for s in self.seen)

    def held(self, stage: str) -> bool:
        return self.hold == stage and not self.released.is_set()

    def new_id(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers):04d}"

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[Any, ...]:
        """Status and body, and headers if any."""
        if path == "/local/identity":
            asked = f"dataforge server\n{self.url}\n{query['challenge']}".encode()
            return 200, {"proof": hmac.new(self.secret, asked, hashlib.sha256).hexdigest()}
        for verb, pattern, function in (*ROUTES, *PAGE_ROUTES, *SYNTHETIC_ROUTES, *TRAINING_ROUTES, *ACCOUNT_ROUTES):
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                with self._lock:
                    sent = json.loads(body) if body and not path.startswith(BYTES) else body
                    answered: tuple[Any, ...] = function(self, *map(unquote, found.groups()), query=query, sent=sent)
                    return answered
        return refusal(404, "NOT_FOUND", f"No route {method} {path}")


def _handler(api: FakeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # head and body in one packet: two would wait for each other 40 ms

        def _any(self) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            api.seen.append(Seen(self.command, address.path, dict(self.headers.items()), body))
            call = f"{self.command} {address.path}"
            if address.path.startswith("/files/") and self.command == "PUT" and api.held("uploading"):
                api.released.wait(20)
            fault = next((f for f in api.faults if f.match in call and f.times > 0), None)
            if fault is not None:
                fault.times -= 1
                if fault.status == 0:
                    self.close_connection = True
                    return
                self._say(fault.status, fault.body, fault.headers)
            elif (
                address.path.startswith("/api/") and address.path not in PUBLIC and self.headers.get("X-API-Key") != KEY
            ):
                self._say(*refusal(401, "UNAUTHENTICATED", "The API key is missing or wrong"))
            else:
                query = {k: v[0] for k, v in parse_qs(address.query).items()}
                self._say(*api.answer(self.command, address.path, query, body))

        def _say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _any

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def main() -> None:
    """Stand in for the one-machine server; writes `stopped` into the folder when it was stopped politely."""
    answer = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    home = Path(answer["--home"])
    home.mkdir(parents=True, exist_ok=True)
    with (home / "started").open("a") as starts:
        starts.write("x")
    options = json.loads((home / "fake.json").read_text()) if (home / "fake.json").exists() else {}
    if options.pop("broken", False):
        print("Cannot start: another server holds the folder", file=sys.stderr)
        sys.exit(1)
    stop = threading.Event()
    stubborn = options.pop("stubborn", False)
    (home / "pid").write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, lambda *_: None if stubborn else stop.set())
    signal.signal(signal.SIGINT, lambda *_: (home / "got_sigint").touch())
    secret = os.urandom(32)
    (home / "secret").write_text(secret.hex())
    with (
        (home / "server.lock").open("w") as lock,
        FakeApi(port=int(answer["--port"]), secret=secret, **options) as api,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        credentials = home / "credentials.json"
        credentials.write_text(json.dumps({"api_key": KEY, "organization_id": ORGANIZATION, "url": "http://old:1"}))
        ready = {
            "event": "ready",
            "url": api.url,
            "home": str(home),
            "organization_id": ORGANIZATION,
            "credentials": str(credentials),
            "stop_when": answer.get("--stop-when", "asked"),
        }
        (home / "server.json").write_text(json.dumps(ready))
        print(json.dumps(ready), flush=True)
        while not stop.wait(0.05):
            if (home / "server.stop").exists():
                break
    (home / "server.json").unlink()
    (home / "stopped").touch()


if __name__ == "__main__":
    main()

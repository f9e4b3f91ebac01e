"""A model hub in this process, with the calls of huggingface.co that a push makes; it keeps what it is sent."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TOKEN = "hf_0123456789abcdefghij"
CHUNK = 1000
"""Files above this size are put in parts."""


@dataclass
class ModelHub:
    url: str = ""
    repos: dict[str, dict[str, Any]] = field(default_factory=dict)
    commits: list[dict[str, bytes]] = field(default_factory=list)
    """Path -> content, of each commit."""
    summaries: list[str] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    """sha256 -> content, of the large file storage."""
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path, Authorization."""
    verified: list[str] = field(default_factory=list)


def handler_of(hub: ModelHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.route(b"")

        def do_POST(self) -> None:
            self.route(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def do_PUT(self) -> None:
            self.route(self.rfile.read(int(self.headers["Content-Length"])))

        def route(self, body: bytes) -> None:
            path = self.path.partition("?")[0]
            hub.seen.append((self.command, path, self.headers.get("Authorization", "")))
            if path.startswith("/storage/"):
                self.store(path.split("/")[2:], body)
            elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.answer(401, {"error": "Invalid credentials"})
            elif path == "/api/whoami-v2":
                self.answer(200, {"name": "harbour"})
            elif path == "/api/repos/create":
                self.create(json.loads(body))
            elif path.endswith("/preupload/main"):
                files = [{"path": f["path"], "uploadMode": mode(f)} for f in json.loads(body)["files"]]
                self.answer(200, {"files": files})
            elif path.endswith(".git/info/lfs/objects/batch"):
                self.answer(200, {"objects": [self.place(o) for o in json.loads(body)["objects"]]})
            elif path == "/verify":
                hub.verified.append(json.loads(body)["oid"])
                self.answer(200, {})
            elif path.endswith("/commit/main"):
                self.commit(path.split("/")[3:5], body)
            else:
                self.answer(404, {"error": f"no {path}"})

        def create(self, body: dict[str, Any]) -> None:
            name = f"{body.get('organization', 'harbour')}/{body['name']}"
            if name in hub.repos:
                self.answer(409, {"error": "You already created this model repo"})
                return
            hub.repos[name] = body
            self.answer(200, {"url": f"{hub.url}/{name}"})

        def place(self, wanted: dict[str, Any]) -> dict[str, Any]:
            oid, size = wanted["oid"], wanted["size"]
            if oid in hub.stored:
                return {"oid": oid, "size": size}
            verify = {"href": f"{hub.url}/verify"}
            if size <= CHUNK:
                upload: dict[str, Any] = {"href": f"{hub.url}/storage/{oid}?X-Amz-Signature=abc"}
            else:
                count = -(-size // CHUNK)
                header = {str(n): f"{hub.url}/storage/{oid}/{n}?X-Amz-Signature=abc" for n in range(1, count + 1)}
                upload = {"href": f"{hub.url}/storage/{oid}/done", "header": {"chunk_size": str(CHUNK), **header}}
            return {"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}}

        def store(self, place: list[str], body: bytes) -> None:
            oid, *part = place
            if part == ["done"]:
                listed = [p["partNumber"] for p in json.loads(body)["parts"]]
                hub.stored[oid] = b"".join(hub.parts[oid][n] for n in listed)
            elif part:
                hub.parts.setdefault(oid, {})[int(part[0])] = body
            else:
                hub.stored[oid] = body
            self.answer(200, {}, ETag='"etag"')

        def commit(self, repo: list[str], body: bytes) -> None:
            lines = [json.loads(line) for line in body.splitlines()]
            files: dict[str, bytes] = {}
            for line in lines[1:]:
                value = line["value"]
                if line["key"] == "lfsFile":
                    content = hub.stored[value["oid"]]
                    assert hashlib.sha256(content).hexdigest() == value["oid"]
                    assert len(content) == value["size"]
                else:
                    content = base64.b64decode(value["content"])
                files[value["path"]] = content
            hub.commits.append(files)
            hub.summaries.append(lines[0]["value"]["summary"])
            self.answer(200, {"commitUrl": f"{hub.url}/{'/'.join(repo)}/commit/0123", "commitOid": "0123"})

        def answer(self, status: int, content: dict[str, Any], **headers: str) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler


def mode(file: dict[str, Any]) -> str:
    return "lfs" if file["path"].endswith(".safetensors") else "regular"


@contextmanager
def model_hub() -> Iterator[ModelHub]:
    hub = ModelHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(hub))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()

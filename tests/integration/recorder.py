"""A chat-completions server in this process that answers with pairs out of the passage and keeps what it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from benchmarks.stub import pairs_for


@dataclass
class Recorder:
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def said(self, role: str) -> list[str]:
        """The messages of that role that the model was sent, one a call."""
        return [m["content"] for body in self.bodies for m in body["messages"] if m["role"] == role]


@contextmanager
def recorder() -> Iterator[Recorder]:
    kept = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.bodies.append(body)
            text = json.dumps({"pairs": pairs_for(body["messages"][1]["content"])})
            reply = json.dumps({
                "model": body["model"], "usage": {"prompt_tokens": 10, "completion_tokens": 5},
                "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            }).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()

"""Model servers in this process: `answering` for any, `recorder` for one that writes pairs and keeps its requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.support.document_replies import pairs_for

Body = dict[str, Any]
Reply = Callable[[Body, str], tuple[int, Body]]
"""From a request and its Authorization header to a status and an answer."""


@contextmanager
def answering(reply: Reply) -> Iterator[str]:
    """The address of a server of chat completions."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = reply(sent, self.headers.get("Authorization", ""))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Recorder:
    url: str = ""
    bodies: list[Body] = field(default_factory=list)

    def said(self, role: str) -> list[str]:
        """The messages of that role that the model was sent, one a call."""
        return [m["content"] for body in self.bodies for m in body["messages"] if m["role"] == role]

    def answer(self, sent: Body, _: str) -> tuple[int, Body]:
        self.bodies.append(sent)
        text = json.dumps({"pairs": pairs_for(sent["messages"][1]["content"])})
        return 200, {
            "model": sent["model"],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5},
            "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        }


@contextmanager
def recorder() -> Iterator[Recorder]:
    kept = Recorder()
    with answering(kept.answer) as kept.url:
        yield kept

"""A program in the place of `python -m dataforge_training serve`: the same arguments and protocol, no model.

It answers with what it was asked, so that a test sees which adapter answered and what the model was sent. It writes a
line into `<MODEL_PROGRAM_LOG>` for every process that it is ("loaded ...") and for every answer.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def note(line: str) -> None:
    if path := os.environ.get("MODEL_PROGRAM_LOG"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {line}\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    adapters: tuple[str, ...] = ()
    loaded = ""

    def do_GET(self) -> None:
        self.answer(200 if self.path == "/ping" else 404, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        expected = f"Bearer {os.environ['DATAFORGE_SERVE_TOKEN']}"
        if not hmac.compare_digest(self.headers.get("Authorization", ""), expected):
            self.answer(401, {"error": {"message": "a token is needed"}})
            return
        if self.path != "/invocations":
            self.answer(404, {"error": {"message": "no such path"}})
            return
        adapter = body.get("adapter")
        if adapter is not None and adapter not in self.adapters:
            self.answer(400, {"error": {"message": f"no adapter {adapter}"}})
            return
        asked = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
        if "die" in asked:
            os.kill(os.getpid(), signal.SIGKILL)
        if asked == "overlong":
            self.answer(400, {"error": {"message": "the prompt has 9000 tokens, the model takes 512 with the answer"}})
            return
        if asked.startswith("sleep "):
            time.sleep(float(asked.split()[1]))
        how = "prompt" if "prompt" in body else "messages"
        said = f"{adapter or self.loaded} heard by {how}: {asked}".split(" ")
        if "<passage>" in asked:  # a recipe asks for pairs
            from tests.support.document_replies import pairs_for

            said = [json.dumps({"pairs": pairs_for(asked)})]
        note(f"answered {adapter or self.loaded}")
        words = said[: body["max_tokens"]]
        finish = "length" if len(words) < len(said) else "stop"
        if body.get("stream"):
            self.stream(words, finish)
            return
        message = {"role": "assistant", "content": " ".join(words)}
        self.answer(
            200,
            {
                "model": "stand-in",
                "choices": [{"index": 0, "message": message, "finish_reason": finish}],
                "usage": {"prompt_tokens": len(asked.split()), "completion_tokens": len(words)},
                "sent": {name: body.get(name) for name in ("temperature", "top_p")},
            },
        )

    def answer(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self, words: list[str], finish: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for n, word in enumerate(words):
            delta = {"content": word if n == 0 else f" {word}"}
            self.event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        self.event({"choices": [], "usage": {"completion_tokens": len(words)}})
        self.wfile.write(b"data: [DONE]\n\n")

    def event(self, content: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(content).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--model")
    parser.add_argument("--base")
    parser.add_argument("--adapter", action="append", default=[])
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    if chosen.model and not (Path(chosen.model) / "merged").is_dir():
        sys.exit(f"{chosen.model} holds no merged weights")
    for adapter in chosen.adapter:
        place = Path(adapter.partition("=")[2])
        if not (place / "adapter_config.json").is_file():
            sys.exit(f"{place} is no adapter")
    time.sleep(float(os.environ.get("MODEL_PROGRAM_LOADS", "0")))
    Handler.adapters = tuple(a.partition("=")[0] for a in chosen.adapter)
    Handler.loaded = "merged" if chosen.model else "base"
    server = ThreadingHTTPServer(("127.0.0.1", chosen.port), Handler)
    note(f"loaded {Handler.loaded} {chosen.base or ''}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()

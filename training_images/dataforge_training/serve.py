"""`serve`: an HTTP server that keeps a model warm and answers in the shape of OpenAI's chat completions.

GET /ping 200 once the model is loaded, 503 before; POST /invocations (also /v1/chat/completions) asks it;
GET /v1/models lists the model and its adapters.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import signal
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from dataforge_training.errors import TrainingError

TOKEN = "DATAFORGE_SERVE_TOKEN"  # noqa: S105  the name of the variable
"""Variable with the token that requests must send; none where it is not set (SageMaker signs requests itself)."""
LARGEST_BODY = 4 * 1024 * 1024
"""Bytes."""


class Message(BaseModel):
    role: str
    content: str


class Request(BaseModel):
    """A chat completion; fields of that API which are not named here are ignored."""

    messages: Annotated[list[Message], Field(min_length=1)] | None = None
    prompt: Annotated[str, Field(min_length=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=256, validation_alias=AliasChoices("max_tokens", "max_completion_tokens", "max_new_tokens")
    )
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: int | None = None
    stream: bool = False
    adapter: str | None = None

    @property
    def asked(self) -> str | list[dict[str, str]] | None:
        if self.messages is not None:
            return [m.model_dump() for m in self.messages]
        return self.prompt


class Server(ThreadingHTTPServer):
    """Listens from the start; `answering` is None until the model is loaded."""

    daemon_threads = True
    answering: Any = None
    failed: str | None = None


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        loaded = self.server.answering
        if path == "/ping":
            if loaded:
                self._send(200, {"status": "loaded", "adapters": loaded.adapters})
            else:
                self._refuse(503, "the model is being loaded", "model_loading")
        elif path == "/v1/models":
            names = ["model", *(loaded.adapters if loaded else [])]
            self._send(200, {"object": "list", "data": [{"id": n, "object": "model"} for n in dict.fromkeys(names)]})
        else:
            self._refuse(404, f"there is no {path}", "not_found")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            return self._refuse(413, f"the body has {length} bytes, at most {LARGEST_BODY} are read", "too_large")
        body = self.rfile.read(length)
        if not self._may_ask():
            return self._refuse(401, "send the token of this server as a bearer token", "unauthorized")
        if self.path.partition("?")[0] not in ("/invocations", "/v1/chat/completions"):
            return self._refuse(404, f"there is no {self.path}", "not_found")
        if self.server.answering is None:
            return self._refuse(503, "the model is being loaded", "model_loading")
        try:
            request = Request.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            return self._refuse(400, f"{field}: {first['msg']}" if field else first["msg"], "invalid_request")
        if request.asked is None:
            return self._refuse(400, "give `messages` or `prompt`", "invalid_request")
        return self._answer(request)

    def _may_ask(self) -> bool:
        """Everybody, unless the server was given a token."""
        token = os.environ.get(TOKEN, "")
        sent = self.headers.get("Authorization", "")
        return not token or hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())

    def _answer(self, request: Request) -> None:
        from dataforge_training.answering import RequestError, Sampling

        sampling = Sampling(request.max_tokens, request.temperature, request.top_p, request.seed)
        try:
            answer = self.server.answering.answer(request.asked, sampling, request.adapter)
            frame = Frame(request.adapter or "model")
            if request.stream:
                self._stream(answer, frame)
            else:
                text = "".join(answer.pieces)
                self._send(200, frame.whole(text, answer))
        except RequestError as error:
            self._refuse(400, str(error), "invalid_request")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception as error:
            print(f"an answer failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            self._refuse(500, f"the model failed: {type(error).__name__}", "model_failed")

    def _stream(self, answer: Any, frame: Frame) -> None:
        """Server-sent events; a reader who leaves ends the work."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        pieces = answer.pieces
        try:
            self._event(frame.piece({"role": "assistant", "content": ""}))
            for piece in pieces:
                self._event(frame.piece({"content": piece}))
            self._event(frame.piece({}, answer))
            self.wfile.write(b"data: [DONE]\n\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        except Exception as error:
            print(f"an answer failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            self._event({"error": {"message": f"the model failed: {type(error).__name__}", "type": "model_failed"}})
        finally:
            close = getattr(pieces, "close", None)
            if close:
                close()

    def _event(self, value: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n")
        self.wfile.flush()

    def _send(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: int, message: str, kind: str) -> None:
        self._send(status, {"error": {"message": message, "type": kind, "code": kind}})

    def log_message(self, *_: Any) -> None:
        """Prompts and answers stay out of the log."""


class Frame:
    """What every part of one answer has in common."""

    def __init__(self, model: str) -> None:
        self._common = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}

    def whole(self, text: str, answer: Any) -> dict[str, Any]:
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": answer.finish_reason,
        }
        return {**self._common, "object": "chat.completion", "choices": [choice], "usage": usage(answer)}

    def piece(self, delta: dict[str, str], answer: Any = None) -> dict[str, Any]:
        """One event; the last one carries the reason of the end and the usage."""
        choice = {"index": 0, "delta": delta, "finish_reason": answer.finish_reason if answer else None}
        last = {"usage": usage(answer)} if answer else {}
        return {**self._common, "object": "chat.completion.chunk", "choices": [choice], **last}


def usage(answer: Any) -> dict[str, int]:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    }


def serve(chosen: argparse.Namespace) -> int:
    """Serves until SIGTERM; returns the exit status."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    server = Server((chosen.host, chosen.port), Handler)
    print(f"listening on {chosen.host}:{server.server_port}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    threading.Thread(target=load, args=(server, chosen), daemon=True).start()
    if chosen.with_parent:
        threading.Thread(target=end_with_parent, args=(server, os.getppid()), daemon=True).start()
    server.serve_forever()
    server.server_close()
    if server.failed:
        print(f"failed: {server.failed}", file=sys.stderr, flush=True)
    return 1 if server.failed else 0


def load(server: Server, chosen: argparse.Namespace) -> None:
    """Loads the model; a failure ends the server with its reason."""
    try:
        from dataforge_training.answering import Answering, find

        adapters = dict(named(entry) for entry in chosen.adapter)
        model = chosen.model if chosen.model.exists() or not chosen.base else None
        server.answering = Answering(find(model, chosen.base, adapters))
        print("loaded", flush=True)
    except (TrainingError, OSError, ValueError) as error:
        server.failed = str(error)
        server.shutdown()
    except Exception as error:
        server.failed = f"{type(error).__name__}: {error}"
        server.shutdown()


def named(entry: str) -> tuple[str, Path]:
    """`NAME=FOLDER`. Raises ValueError otherwise."""
    name, separator, folder = entry.partition("=")
    if not (name and separator and folder):
        raise ValueError(f"--adapter {entry}: write NAME=FOLDER")
    return name, Path(folder)


def end_with_parent(server: Server, parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    server.shutdown()

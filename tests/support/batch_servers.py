"""OpenAI's batch API in this process, held to its rules: what a real one refuses is refused, and so worded.

A job goes one step further each time it is looked at. `Plot` says what
goes wrong on the way.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlparse

from tests.support.document_replies import pairs_for

Body = dict[str, Any]
KEY = "sk-stand-in"
MOST_REQUESTS, MOST_BYTES = 50_000, 200 * 10**6
UNDER_WAY = ("validating", "in_progress", "finalizing")


class Refused(Exception):
    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.body = (
            status,
            {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}},
        )


@dataclass
class Plot:
    """What happens to the jobs, by their number; to a line, by its job's number and its own."""

    job_status: Callable[[int], str] = lambda _: "completed"
    """completed, expired, hold (it stays in progress), or failed:<code>."""
    line: Callable[[int, int], Body | None] = lambda _job, _line: None
    """The error of a line: {"status": 500, ...} or {"code": "..."}; None: it is answered."""
    reply: Callable[[Body], str] | None = None
    """The text of a reply to one chat request, in real time or in a job."""


@dataclass
class Batch:
    number: int
    resource: Body
    lines: list[Body]
    steps: int = 0


@dataclass
class BatchServer:
    plot: Plot = field(default_factory=Plot)
    url: str = ""
    asked: list[Body] = field(default_factory=list)
    """Bodies of requests in real time."""
    batches: dict[str, Batch] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    crash_after_create: int = 0
    """So many times a batch is made, and the answer is lost."""
    away: int = 0
    """So many further looks at a batch get a 500."""
    key: str = KEY
    steps: tuple[str, ...] = UNDER_WAY[:2]
    """A batch's way to its end."""
    no_batches: bool = False
    """It knows chat completions only."""
    _lock: Lock = field(default_factory=Lock)

    @property
    def batched(self) -> list[list[Body]]:
        """The chat requests of each job."""
        return [[line["body"] for line in b.lines] for b in self.batches.values()]

    def handle(self, method: str, path: str, headers: Any, raw: bytes) -> tuple[int, bytes]:
        with self._lock:
            if headers.get("Authorization") != f"Bearer {self.key}":
                return 401, json.dumps(
                    {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
                ).encode()
            try:
                return self._route(method, urlparse(path), headers, raw)
            except Refused as refused:
                return refused.status, json.dumps(refused.body).encode()

    def _route(self, method: str, url: Any, headers: Any, raw: bytes) -> tuple[int, bytes]:
        parts = url.path.removeprefix("/v1/").split("/")
        if self.no_batches and parts[0] != "chat":
            raise Refused(404, "Not Found")
        match (method, *parts):
            case ("POST", "chat", "completions"):
                body = json.loads(raw)
                self.asked.append(body)
                return _json(self._completion(body))
            case ("POST", "files"):
                return _json(self._upload(headers["Content-Type"], raw))
            case ("GET", "files", file_id, "content"):
                return 200, self._file(file_id)
            case ("DELETE", "files", file_id):
                self._file(file_id)
                del self.files[file_id]
                return _json({"id": file_id, "object": "file", "deleted": True})
            case ("POST", "batches"):
                made = self._create(json.loads(raw))
                if self.crash_after_create:
                    self.crash_after_create -= 1
                    raise Refused(502, "bad gateway")
                return _json(made)
            case ("GET", "batches"):
                return _json(self._list(parse_qs(url.query)))
            case ("GET", "batches", batch_id):
                if self.away:
                    self.away -= 1
                    raise Refused(500, "try again")
                return _json(self._step(self._batch(batch_id)))
            case ("POST", "batches", batch_id, "cancel"):
                return _json(self._cancel(self._batch(batch_id)))
        raise Refused(404, f"Invalid URL ({method} {url.path})")

    def _completion(self, body: Body) -> Body:
        prompt = next(m["content"] for m in body["messages"] if m["role"] == "user")
        text = self.plot.reply(body) if self.plot.reply else json.dumps({"pairs": pairs_for(prompt)})
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": body["model"],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 100},
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        }

    def _upload(self, content_type: str, raw: bytes) -> Body:
        """multipart/form-data (RFC 7578)."""
        boundary = re.search(r'boundary="?([^";]+)', content_type)
        if not boundary:
            raise Refused(400, "no boundary")
        found: dict[str, bytes] = {}
        for part in raw.split(b"--" + boundary[1].encode())[1:-1]:
            head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            name = re.search(rb'name="([^"]+)"', head)
            assert name
            found[name[1].decode()] = value.removesuffix(b"\r\n")
        if found.get("purpose") != b"batch":
            raise Refused(400, "'purpose' must be 'batch' for a file of batch requests")
        if len(found["file"]) > MOST_BYTES:
            raise Refused(400, "file is too large")
        return self._keep(found["file"])

    def _keep(self, data: bytes) -> Body:
        file_id = f"file-{len(self.files) + 1}-{random.randrange(10**6)}"
        self.files[file_id] = data
        return {"id": file_id, "object": "file", "bytes": len(data), "purpose": "batch", "status": "processed"}

    def _file(self, file_id: str) -> bytes:
        if file_id not in self.files:
            raise Refused(404, f"No such File object: {file_id}")
        return self.files[file_id]

    def _batch(self, batch_id: str) -> Batch:
        if batch_id not in self.batches:
            raise Refused(404, f"No batch found with id '{batch_id}'.")
        return self.batches[batch_id]

    def _create(self, body: Body) -> Body:
        if body["endpoint"] != "/v1/chat/completions" or body["completion_window"] != "24h":
            raise Refused(400, "Invalid value for 'endpoint' or 'completion_window'")
        metadata = body.get("metadata") or {}
        if len(metadata) > 16 or any(len(k) > 64 or len(v) > 512 for k, v in metadata.items()):
            raise Refused(400, "Invalid 'metadata'")
        lines = [json.loads(line) for line in self._file(body["input_file_id"]).splitlines()]
        number = len(self.batches)
        answer = {
            "id": f"batch_{number:04d}",
            "object": "batch",
            "endpoint": body["endpoint"],
            "errors": None,
            "input_file_id": body["input_file_id"],
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "metadata": metadata,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }
        self.batches[answer["id"]] = Batch(number, answer, lines)
        return answer

    def _list(self, query: dict[str, list[str]]) -> Body:
        """Newest first, two a page, so that everyone has to turn pages."""
        newest = [b.resource for b in self.batches.values()][::-1]
        after = query.get("after", [""])[0]
        start = next((n + 1 for n, b in enumerate(newest) if b["id"] == after), 0)
        page = newest[start : start + 2]
        return {"object": "list", "data": page, "has_more": start + 2 < len(newest)}

    def _step(self, batch: Batch) -> Body:
        answer = batch.resource
        if answer["status"] == "cancelling":
            self._finish(batch, "cancelled", len(batch.lines) // 2)
        if answer["status"] not in UNDER_WAY:
            return answer
        job_status = self.plot.job_status(batch.number)
        problem = _invalid(batch.lines) or (
            job_status.removeprefix("failed:") if job_status.startswith("failed:") else ""
        )
        if problem:
            answer |= {
                "status": "failed",
                "errors": {
                    "object": "list",
                    "data": [{"code": problem, "message": f"The batch failed: {problem}", "param": None, "line": 1}],
                },
            }
            return answer
        batch.steps += 1
        answer["request_counts"] = {"total": len(batch.lines), "completed": len(batch.lines) // 2, "failed": 0}
        if batch.steps < len(self.steps):
            answer["status"] = self.steps[batch.steps]
        elif job_status == "hold":
            answer["status"] = "in_progress"
        else:
            self._finish(batch, job_status, len(batch.lines) if job_status == "completed" else len(batch.lines) // 2)
        return answer

    def _finish(self, batch: Batch, status: str, reached: int) -> None:
        """The output and error files, in no order; lines behind `reached` were not got to."""
        good: list[Body] = []
        bad: list[Body] = []
        for n, line in enumerate(batch.lines):
            answer: Body = {"id": f"batch_req_{n}", "custom_id": line["custom_id"], "response": None, "error": None}
            problem = self.plot.line(batch.number, n)
            if n >= reached:
                bad.append({**answer, "error": {"code": f"batch_{status}", "message": f"The batch is {status}."}})
            elif problem and "status" in problem:
                body = {"error": {"message": "The request failed", **problem}}
                bad.append({**answer, "response": {"status_code": problem["status"], "request_id": "r", "body": body}})
            elif problem:
                bad.append({**answer, "error": problem})
            else:
                try:
                    body = self._completion(line["body"])
                except Refused as refused:
                    response = {"status_code": refused.status, "request_id": "r", "body": refused.body}
                    bad.append({**answer, "response": response})
                    continue
                good.append({**answer, "response": {"status_code": 200, "request_id": "r", "body": body}})
        random.Random(7).shuffle(good)
        batch.resource |= {
            "status": status,
            "request_counts": {"total": len(batch.lines), "completed": len(good), "failed": len(bad)},
            "output_file_id": self._lines(good),
            "error_file_id": self._lines(bad),
        }

    def _lines(self, lines: list[Body]) -> str | None:
        return self._keep("".join(json.dumps(x) + "\n" for x in lines).encode())["id"] if lines else None

    def _cancel(self, batch: Batch) -> Body:
        if batch.resource["status"] not in (*UNDER_WAY, "cancelling"):
            raise Refused(409, f"Cannot cancel a batch with status '{batch.resource['status']}'.")
        batch.resource["status"] = "cancelling"
        return batch.resource


def _invalid(lines: list[Body]) -> str:
    """What validation finds, as a code."""
    if not lines:
        return "empty_file"
    if len(lines) > MOST_REQUESTS:
        return "too_many_tasks"
    if len({line["custom_id"] for line in lines}) < len(lines):
        return "duplicate_custom_id"
    if len({line["body"]["model"] for line in lines}) > 1:
        return "mismatched_model"
    if any(line["method"] != "POST" or line["url"] != "/v1/chat/completions" for line in lines):
        return "invalid_url"
    return ""


def _json(answer: Body) -> tuple[int, bytes]:
    return 200, json.dumps(answer).encode()


@contextmanager
def serving(handle: Callable[[str, str, Any, bytes], tuple[int, bytes]]) -> Iterator[str]:
    """The address of a server that answers so."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            status, body = handle(self.command, self.path, self.headers, self._body())
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"an-etag"')
            self.end_headers()
            self.wfile.write(body)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = b""
            while size := int(self.rfile.readline(), 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return found

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _any

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def openai_batches(plot: Plot | None = None) -> Iterator[BatchServer]:
    made = BatchServer(plot or Plot())
    with serving(made.handle) as address:
        made.url = f"{address}/v1"
        yield made

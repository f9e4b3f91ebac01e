"""Batch jobs of OpenAI, and of servers that speak the same: a file of requests, a batch, a file of replies.

Wire format: platform.openai.com/docs/api-reference/batch and /files (POST {base}/files, POST {base}/batches).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any, BinaryIO, cast

import orjson

from dataforge.errors import TeacherError, TeacherRefused
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.records import Answer, Question
from dataforge.teachers.connection import Response, code, count, failure, message, parsed
from dataforge.teachers.jobs import JobStatus, NoReply, State
from dataforge.teachers.openai_compatible import FILTERED, Dialect, OpenAICompatible, chat_answer, chat_body
from dataforge.teachers.prices import Price

STATES: dict[str, State] = {"completed": "ended", "expired": "ended", "cancelled": "ended", "failed": "failed"}
"""Every other status is on its way to one of these."""
FULL = {"token_limit_exceeded", "request_limit_exceeded", "rate_limit_exceeded", "queue_limit_exceeded"}
"""Why a batch fails before it begins though nothing is wrong with it: the account has too much queued."""
NAME = "dataforge_job"
"""The metadata that our batches are known by."""
_ENDPOINT = "/v1/chat/completions"
_PAGES = 20
"""Of a hundred batches, newest first: how far back an earlier submit is looked for."""
_HINT = "If this server has no batch API (/files, /batches), leave out mode."


class OpenAIJobs:
    """teacher: asks the same model in real time. price: of the batch API. learnt: see `jobs.Jobs`."""

    def __init__(self, teacher: OpenAICompatible, price: Price | None, learnt: Item) -> None:
        self._teacher, self._price = teacher, price
        self._name, self._link = teacher.name, teacher.connection
        if learnt:
            teacher.dialect = Dialect(**learnt)  # type: ignore[arg-type]

    def learnt(self) -> Item:
        return cast(Item, asdict(self._teacher.dialect))

    def line(self, key: str, question: Question) -> bytes:
        body = chat_body(self._teacher.model, question, self._teacher.dialect)
        return orjson.dumps({"custom_id": key, "method": "POST", "url": _ENDPOINT, "body": body}) + b"\n"

    async def submit(self, name: str, file: str, *, again: bool) -> str:
        found = await self._find(name) if again else None
        if found is not None:
            return found
        with current().files.open(file) as requests:
            uploaded = await self._upload(f"{name}.jsonl", requests)
        made = await self._ask(
            "POST",
            "/batches",
            {
                "input_file_id": uploaded,
                "endpoint": _ENDPOINT,
                "completion_window": "24h",
                "metadata": {NAME: name},
            },
        )
        return str(made["id"])

    async def look(self, job: str) -> JobStatus:
        told = await self._ask("GET", f"/batches/{job}")
        counts, problems = told.get("request_counts"), _problems(told)
        counts = counts if isinstance(counts, dict) else {}
        said = str(told.get("status"))
        state = STATES.get(said, "running")
        if state == "failed" and {str(p.get("code")) for p in problems} & FULL:
            state = "full"
        return JobStatus(
            state,
            said,
            count(counts.get("completed")) + count(counts.get("failed")),
            count(counts.get("total")),
            "; ".join(str(p.get("message")) for p in problems)[:500],
        )

    async def replies(self, job: str) -> AsyncIterator[tuple[str, Answer | NoReply]]:
        told = await self._ask("GET", f"/batches/{job}")
        for name in ("output_file_id", "error_file_id"):
            if not told.get(name):
                continue
            async for line in self._link.lines(self._at(f"/files/{told[name]}/content"), self._teacher.headers):
                if line.strip():
                    yield self._read(line)

    async def cancel(self, job: str) -> None:
        response = await self._send("POST", f"/batches/{job}/cancel", {})
        if response.status not in (200, 400, 409):  # 400, 409: it is over
            raise failure(self._name, response)

    async def forget(self, job: str) -> None:
        with suppress(TeacherError):
            told = await self._ask("GET", f"/batches/{job}")
            for name in ("input_file_id", "output_file_id", "error_file_id"):
                if told.get(name):
                    await self._send("DELETE", f"/files/{told[name]}")

    async def close(self) -> None:
        await self._teacher.close()

    async def _find(self, name: str) -> str | None:
        after = ""
        for _ in range(_PAGES):
            page = await self._ask("GET", f"/batches?limit=100{f'&after={after}' if after else ''}")
            listed = [b for b in page.get("data") or [] if isinstance(b, dict)]
            ours = next((b for b in listed if (b.get("metadata") or {}).get(NAME) == name), None)
            if ours is not None:
                return str(ours["id"])
            if not page.get("has_more") or not listed:
                return None
            after = str(listed[-1]["id"])
        return None

    async def _upload(self, name: str, requests: BinaryIO) -> str:
        import aiohttp  # costs a cold start 0.1 s

        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", requests, filename=name, content_type="application/jsonl")
        headers = {k: v for k, v in self._teacher.headers.items() if k != "Content-Type"}
        return str(self._checked(await self._link.send("POST", self._at("/files"), headers, form))["id"])

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._checked(await self._send(method, path, body))

    async def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Response:
        sent = None if body is None else orjson.dumps(body)
        return await self._link.send(method, self._at(path), self._teacher.headers, sent)

    def _checked(self, response: Response) -> dict[str, Any]:
        if response.status in (404, 405, 501):
            raise TeacherRefused(f"{failure(self._name, response).message} {_HINT}")
        if response.status != 200:
            raise failure(self._name, response)
        return parsed(self._name, response)

    def _at(self, path: str) -> str:
        return self._teacher.base_url + path

    def _read(self, line: bytes) -> tuple[str, Answer | NoReply]:
        """A line of the output or error file; one that nobody can read stands for no question."""
        try:
            told = orjson.loads(line)
            key, response, error = str(told["custom_id"]), told.get("response") or {}, told.get("error")
            status, body = int(response.get("status_code") or 0), orjson.dumps(response.get("body"))
        except (ValueError, KeyError, TypeError, AttributeError):
            return "", NoReply("a line that is no JSON of the batch API")
        if status == 200:
            try:
                return key, chat_answer(self._name, self._teacher.model, Response(200, {}, body), self._price)
            except TeacherError as unreadable:
                return key, NoReply(unreadable.message)
        if status in (400, 422) and code(body) in FILTERED:
            return key, Answer("", self._teacher.model, "content_filter")
        if status:
            return key, NoReply(f"HTTP {status}: {message(body)}")
        return key, NoReply(message(orjson.dumps({"error": error})))


def _problems(told: dict[str, Any]) -> list[dict[str, Any]]:
    errors = told.get("errors")
    data = errors.get("data") if isinstance(errors, dict) else None
    return [p for p in data or [] if isinstance(p, dict)]

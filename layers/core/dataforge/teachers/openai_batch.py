"""Batch jobs of OpenAI, and of servers that speak the same: a file of requests, a batch, a file of replies.

Wire format: platform.openai.com/docs/api-reference/batch and /files (POST {base}/files, POST {base}/batches).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, BinaryIO, cast

import orjson

from dataforge.errors import TeacherError, TeacherRefused
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.records import Answer, Question
from dataforge.teachers.chat_reply import chat_answer, settled
from dataforge.teachers.failures import failure, is_one_prompt_refused
from dataforge.teachers.jobs import JobStatus, NoReply, State
from dataforge.teachers.openai_compatible import OpenAICompatible, is_filtered
from dataforge.teachers.prices import Price
from dataforge.teachers.response import MISFITS, Response, error_message, parsed, token_count

STATES: dict[str, State] = {"completed": "ended", "expired": "ended", "cancelled": "ended", "failed": "failed"}
"""Every other status is on its way to one of these."""
FULL = {"token_limit_exceeded", "request_limit_exceeded", "rate_limit_exceeded", "queue_limit_exceeded"}
"""Why a batch fails before it begins though nothing is wrong with it: the account has too much queued."""
NAME = "dataforge_job"
"""The metadata key that identifies our batches."""
_ENDPOINT = "/v1/chat/completions"
_PAGES = 20
"""Pages of a hundred batches, newest first, in which an earlier submit is searched for."""
_HINT = "If this server has no batch API (/files, /batches), leave out mode."


class OpenAIJobs:
    """teacher: the same model in real time. price: of the batch API. learnt: see `jobs.BatchJobs`."""

    def __init__(self, teacher: OpenAICompatible, price: Price | None, learnt: Item) -> None:
        self._teacher, self._price = teacher, price
        self._name, self._connection = teacher.name, teacher.connection
        if learnt:
            teacher.known.load(learnt)
            teacher.window.load(cast("dict[str, Any]", learnt.get("limits") or {}))

    def learnt(self) -> Item:
        return {**self._teacher.known.stored(), "limits": self._teacher.window.stored()}

    def line(self, key: str, question: Question) -> bytes:
        body = self._teacher.body(question, self._teacher.known.in_job(question.kind))
        return orjson.dumps({"custom_id": key, "method": "POST", "url": _ENDPOINT, "body": body}) + b"\n"

    async def submit(self, name: str, file: str, *, again: bool) -> str:
        found = await self.find(name) if again else None
        if found is not None:
            return found
        with current().files.open(file) as requests:
            uploaded = await self._upload(f"{name}.jsonl", requests)
        batch = await self._call(
            "POST",
            "/batches",
            {
                "input_file_id": uploaded,
                "endpoint": _ENDPOINT,
                "completion_window": "24h",
                "metadata": {NAME: name},
            },
        )
        return str(batch["id"])

    async def status(self, job: str) -> JobStatus:
        batch = await self._call("GET", f"/batches/{job}")
        counts, problems = batch.get("request_counts"), _problems(batch)
        counts = counts if isinstance(counts, dict) else {}
        provider_status = str(batch.get("status"))
        state = STATES.get(provider_status, "running")
        if state == "failed" and {str(p.get("code")) for p in problems} & FULL:
            state = "full"
        return JobStatus(
            state=state,
            provider_status=provider_status,
            done=token_count(counts.get("completed")) + token_count(counts.get("failed")),
            total=token_count(counts.get("total")),
            detail="; ".join(str(p.get("message")) for p in problems)[:500],
        )

    async def replies(self, job: str) -> AsyncIterator[tuple[str, Answer | NoReply]]:
        batch = await self._call("GET", f"/batches/{job}")
        for name in ("output_file_id", "error_file_id"):
            if not batch.get(name):
                continue
            async for line in self._connection.lines(self._url(f"/files/{batch[name]}/content"), self._teacher.headers):
                if line.strip():
                    yield self._read(line)

    async def cancel(self, job: str) -> None:
        response = await self._send("POST", f"/batches/{job}/cancel", {})
        if response.status not in (200, 400, 409):  # 400, 409: it is over
            raise failure(self._name, response, is_prompt=False)

    async def delete_files(self, job: str) -> None:
        with suppress(TeacherError):
            batch = await self._call("GET", f"/batches/{job}")
            for name in ("input_file_id", "output_file_id", "error_file_id"):
                if batch.get(name):
                    await self._send("DELETE", f"/files/{batch[name]}")

    async def close(self) -> None:
        await self._teacher.close()

    async def find(self, name: str) -> str | None:
        after = ""
        for _ in range(_PAGES):
            page = await self._call("GET", f"/batches?limit=100{f'&after={after}' if after else ''}")
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
        return str(self._checked(await self._connection.send("POST", self._url("/files"), headers, form))["id"])

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._checked(await self._send(method, path, body))

    async def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Response:
        sent = None if body is None else orjson.dumps(body)
        return await self._connection.send(method, self._url(path), self._teacher.headers, sent)

    def _checked(self, response: Response) -> dict[str, Any]:
        if response.status in (404, 405, 501):
            raise TeacherRefused(f"{failure(self._name, response).message} {_HINT}")
        if response.status != 200:
            raise failure(self._name, response, is_prompt=False)
        return parsed(self._name, response)

    def _url(self, path: str) -> str:
        return self._teacher.base_url + path

    def _read(self, line: bytes) -> tuple[str, Answer | NoReply]:
        """A line of the output or error file; one that cannot be read belongs to no question."""
        try:
            reply = orjson.loads(line)
            key, response, error = str(reply["custom_id"]), reply.get("response") or {}, reply.get("error")
            status, body = int(response.get("status_code") or 0), json.dumps(response.get("body")).encode()
        except MISFITS:
            return "", NoReply("a line that is no JSON of the batch API")
        told = settled(Response(status, {}, body))
        status, body = told.status, told.raw
        if status == 200:
            try:
                return key, chat_answer(self._name, self._teacher.model, told, self._price)
            except TeacherError as unreadable:
                return key, NoReply(unreadable.message, may_be_billed=unreadable.may_be_billed)
        if is_filtered(status, body):
            return key, Answer("", self._teacher.model, "content_filter")
        if status:
            return key, NoReply(
                f"HTTP {status}: {error_message(body)}", this_prompt_only=is_one_prompt_refused(status, body)
            )
        return key, NoReply(error_message(json.dumps({"error": error}).encode()))


def _problems(batch: dict[str, Any]) -> list[dict[str, Any]]:
    errors = batch.get("errors")
    data = errors.get("data") if isinstance(errors, dict) else None
    return [p for p in data or [] if isinstance(p, dict)]

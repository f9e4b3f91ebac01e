"""Batch inference of Amazon Bedrock: a file of Converse requests in S3, a job, a file of replies beside it.

Wire format: docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html and
.../userguide/batch-inference-data.html (modelInvocationType Converse).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import orjson

from dataforge.errors import TeacherError
from dataforge.platform import current
from dataforge.platform.ports import Files, Item
from dataforge.records import Answer, Question
from dataforge.teachers.aws_call import HINT, AwsCall
from dataforge.teachers.bedrock import Bedrock, converse_answer, request
from dataforge.teachers.failures import failure, is_one_prompt_refused
from dataforge.teachers.jobs import JobStatus, NoReply, State
from dataforge.teachers.prices import Price
from dataforge.teachers.response import MAX_REPLY_BYTES, MISFITS, Response, error_code, parsed, token_count, word

STATES: dict[str, State] = {
    "Completed": "ended",
    "PartiallyCompleted": "ended",
    "Expired": "ended",
    "Stopped": "ended",
    "Failed": "failed",
}
MOST_LINE = MAX_REPLY_BYTES
"""Bytes of a line of replies: the parts of a longer one are lines that cannot be read."""
_JOBS = "/model-invocation-job"
_HINT = f"{HINT} (bedrock:CreateModelInvocationJob and iam:PassRole; the role must trust bedrock.amazonaws.com)"


@dataclass(frozen=True, slots=True)
class BatchLocation:
    """files: those of the bucket that Bedrock reads and writes. is_ours: it is the bucket of our own files.

    role: the ARN of the role that Bedrock assumes to do so.
    """

    bucket: str
    role: str
    files: Files
    is_ours: bool


class BedrockJobs:
    """teacher: the same model in real time. price: of batch inference. learnt: see `jobs.BatchJobs`."""

    def __init__(
        self, teacher: Bedrock, price: Price | None, learnt: Item, *, call: AwsCall, place: BatchLocation
    ) -> None:
        self._teacher, self._price, self._call, self._place = teacher, price, call, place
        self._name = teacher.name
        if learnt:
            teacher.known.load(learnt)

    def learnt(self) -> Item:
        return self._teacher.known.stored()

    def line(self, key: str, question: Question) -> bytes:
        dialect = replace(self._teacher.known.in_job(question.kind), cache=False)  # batch inference has no prompt cache
        body = request(question, dialect, cache_from=None)
        return orjson.dumps({"recordId": record_id(key), "modelInput": body}) + b"\n"

    async def submit(self, name: str, file: str, *, again: bool) -> str:
        """Idempotent: clientRequestToken makes it one job, however often it is sent."""
        if not self._place.is_ours:
            await asyncio.to_thread(self._copy, file)
        response = await self._call.send(
            "POST",
            _JOBS,
            orjson.dumps(
                {
                    "jobName": name,
                    "clientRequestToken": name,
                    "roleArn": self._place.role,
                    "modelId": self._teacher.model,
                    "modelInvocationType": "Converse",
                    "inputDataConfig": {"s3InputDataConfig": {"s3Uri": self._uri(file), "s3InputFormat": "JSONL"}},
                    "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": self._uri(f"{_folder(file)}/")}},
                }
            ),
        )
        if code_of(response) == "ConflictException" or (again and response.status == 400):
            found = await self.find(name)
            if found is not None:
                return found
        return str(self._checked(response)["jobArn"])

    async def status(self, job: str) -> JobStatus:
        described = await self._describe(job)
        provider_status, detail = str(described.get("status")), str(described.get("message") or "")
        state = STATES.get(provider_status, "running")
        if state == "failed" and "quota" in detail.lower():
            state = "full"
        return JobStatus(
            state=state,
            provider_status=provider_status,
            done=token_count(described.get("processedRecordCount")),
            total=token_count(described.get("totalRecordCount")),
            detail=detail[:500],
        )

    async def replies(self, job: str) -> AsyncIterator[tuple[str, Answer | NoReply]]:
        folder = await self._folder(job)
        keys = await asyncio.to_thread(lambda: [f.key for f in self._place.files.list(folder)])
        for key in keys:
            if not key.endswith(".jsonl.out"):
                continue
            file = await asyncio.to_thread(self._place.files.open, key)
            with file:
                while line := await asyncio.to_thread(file.readline, MOST_LINE):
                    if line.strip():
                        yield self._read(line)

    async def cancel(self, job: str) -> None:
        response = await self._call.send("POST", f"{_path(job)}/stop")
        if response.status not in (200, 400, 409):  # 400, 409: it is over
            raise failure(self._name, response, hint=_HINT, is_prompt=False)

    async def delete_files(self, job: str) -> None:
        with suppress(TeacherError, OSError):
            described = await self._describe(job)
            await asyncio.to_thread(self._place.files.delete_prefix, await self._folder(job))
            if not self._place.is_ours:
                uri = str(described["inputDataConfig"]["s3InputDataConfig"]["s3Uri"])
                await asyncio.to_thread(self._place.files.delete, uri.split("/", 3)[3])

    async def close(self) -> None:
        await self._call.close()
        await self._teacher.close()

    async def _describe(self, job: str) -> dict[str, Any]:
        return self._checked(await self._call.send("GET", _path(job)))

    async def _folder(self, job: str) -> str:
        """Where a job writes: a folder named after its id, below the output location of the request."""
        described = await self._describe(job)
        uri = str(described["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
        return f"{uri.split('/', 3)[3].rstrip('/')}/{job.rpartition('/')[2]}/"

    async def find(self, name: str) -> str | None:
        page = self._checked(await self._call.send("GET", f"{_JOBS}s?nameContains={quote(name)}&maxResults=100"))
        listed = page.get("invocationJobSummaries") or []
        return next((str(j["jobArn"]) for j in listed if j.get("jobName") == name), None)

    def _checked(self, response: Response) -> dict[str, Any]:
        if response.status != 200:
            raise failure(self._name, response, hint=_HINT, is_prompt=False)
        return parsed(self._name, response)

    def _copy(self, file: str) -> None:
        self._place.files.write_stream(file, current().files.stream(file), content_type="application/jsonl")

    def _uri(self, key: str) -> str:
        return f"s3://{self._place.bucket}/{key}"

    def _read(self, line: bytes) -> tuple[str, Answer | NoReply]:
        """A line of the output; one that cannot be read belongs to no question."""
        try:
            reply = orjson.loads(line)
            key, error, output = reply_key(str(reply["recordId"])), reply.get("error"), reply.get("modelOutput")
        except MISFITS:
            return "", NoReply("a line that is no JSON of batch inference")
        if output is None:
            return key, _no_reply(error if isinstance(error, dict) else {})
        try:
            response = Response(200, {}, json.dumps(output).encode())
            return key, converse_answer(self._name, self._teacher.model, response, self._price)
        except TeacherError as unreadable:
            return key, NoReply(unreadable.message, may_be_billed=unreadable.may_be_billed)
        except MISFITS:
            return key, NoReply("a reply that is no answer of Converse", may_be_billed=True)


def _no_reply(error: dict[str, Any]) -> NoReply:
    """error: errorCode (an HTTP status) and errorMessage of a line."""
    status, text = error.get("errorCode"), error.get("errorMessage")
    refused = is_one_prompt_refused(token_count(status), orjson.dumps({"message": word(text)}))
    return NoReply(f"{token_count(status) or 'no reply'}: {word(text)}"[:500], this_prompt_only=refused)


def record_id(key: str) -> str:
    """Eleven letters and digits."""
    slot, _, attempt = key.partition("#")
    return f"SL{slot}T{attempt}"


def reply_key(record: str) -> str:
    return record.removeprefix("SL").replace("T", "#")


def code_of(response: Response) -> str:
    return response.headers.get("x-amzn-errortype", "").partition(":")[0] or error_code(response.raw)


def _folder(file: str) -> str:
    return file.removesuffix(".jsonl")


def _path(job: str) -> str:
    return f"{_JOBS}/{quote(job, safe='')}"

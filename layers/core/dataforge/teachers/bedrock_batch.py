"""Batch inference of Amazon Bedrock: a file of Converse requests in S3, a job, a file of replies beside it.

Wire format: docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html and
.../userguide/batch-inference-data.html (modelInvocationType Converse).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, cast
from urllib.parse import quote

import orjson

from dataforge.errors import TeacherError
from dataforge.platform import current
from dataforge.platform.ports import Files, Item
from dataforge.records import Answer, Question
from dataforge.teachers.aws_call import HINT, AwsCall
from dataforge.teachers.bedrock import Bedrock, Dialect, converse_answer, request
from dataforge.teachers.connection import Response, code, count, failure, parsed
from dataforge.teachers.jobs import JobStatus, NoReply, State
from dataforge.teachers.prices import Price

STATES: dict[str, State] = {
    "Completed": "ended",
    "PartiallyCompleted": "ended",
    "Expired": "ended",
    "Stopped": "ended",
    "Failed": "failed",
}
_JOBS = "/model-invocation-job"
_HINT = f"{HINT} (bedrock:CreateModelInvocationJob and iam:PassRole; the role must trust bedrock.amazonaws.com)"


@dataclass(frozen=True, slots=True)
class BatchLocation:
    """files: those of the bucket that Bedrock reads and writes. is_ours: it is the bucket of our own files.

    role: the ARN of the role that Bedrock takes to do so.
    """

    bucket: str
    role: str
    files: Files
    is_ours: bool


class BedrockJobs:
    """teacher: asks the same model in real time. price: of batch inference. learnt: see `jobs.Jobs`."""

    def __init__(
        self, teacher: Bedrock, price: Price | None, learnt: Item, *, call: AwsCall, place: BatchLocation
    ) -> None:
        self._teacher, self._price, self._call, self._place = teacher, price, call, place
        self._name = teacher.name
        if learnt:
            teacher.dialect = Dialect(**learnt)  # type: ignore[arg-type]

    def learnt(self) -> Item:
        return cast(Item, asdict(self._teacher.dialect))

    def line(self, key: str, question: Question) -> bytes:
        dialect = replace(self._teacher.dialect, cache=False)  # batch inference has no prompt cache
        body = request(question, dialect, cache_from=None)
        return orjson.dumps({"recordId": record_id(key), "modelInput": body}) + b"\n"

    async def submit(self, name: str, file: str, *, again: bool) -> str:
        """clientRequestToken makes it one job, however often it is sent."""
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
            found = await self._find(name)
            if found is not None:
                return found
        return str(self._checked(response)["jobArn"])

    async def look(self, job: str) -> JobStatus:
        told = await self._told(job)
        said = str(told.get("status"))
        state, detail = STATES.get(said, "running"), str(told.get("message") or "")
        done, total = count(told.get("processedRecordCount")), count(told.get("totalRecordCount"))
        if state == "failed" and "quota" in detail.lower():
            state = "full"
        return JobStatus(state, said, done, total, detail[:500])

    async def replies(self, job: str) -> AsyncIterator[tuple[str, Answer | NoReply]]:
        folder = await self._folder(job)
        keys = await asyncio.to_thread(lambda: [f.key for f in self._place.files.list(folder)])
        for key in keys:
            if not key.endswith(".jsonl.out"):
                continue
            file = await asyncio.to_thread(self._place.files.open, key)
            with file:
                for line in file:
                    if line.strip():
                        yield self._read(line)

    async def cancel(self, job: str) -> None:
        response = await self._call.send("POST", f"{_path(job)}/stop")
        if response.status not in (200, 400, 409):  # 400, 409: it is over
            raise failure(self._name, response, hint=_HINT)

    async def forget(self, job: str) -> None:
        with suppress(TeacherError, OSError):
            told = await self._told(job)
            await asyncio.to_thread(self._place.files.delete_prefix, await self._folder(job))
            if not self._place.is_ours:
                uri = str(told["inputDataConfig"]["s3InputDataConfig"]["s3Uri"])
                await asyncio.to_thread(self._place.files.delete, uri.split("/", 3)[3])

    async def close(self) -> None:
        await self._call.close()
        await self._teacher.close()

    async def _told(self, job: str) -> dict[str, Any]:
        return self._checked(await self._call.send("GET", _path(job)))

    async def _folder(self, job: str) -> str:
        """Where a job writes: a folder of its own, named by its id, below what it was given."""
        told = await self._told(job)
        uri = str(told["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
        return f"{uri.split('/', 3)[3].rstrip('/')}/{job.rpartition('/')[2]}/"

    async def _find(self, name: str) -> str | None:
        told = self._checked(await self._call.send("GET", f"{_JOBS}s?nameContains={quote(name)}&maxResults=100"))
        listed = told.get("invocationJobSummaries") or []
        return next((str(j["jobArn"]) for j in listed if j.get("jobName") == name), None)

    def _checked(self, response: Response) -> dict[str, Any]:
        if response.status != 200:
            raise failure(self._name, response, hint=_HINT)
        return parsed(self._name, response)

    def _copy(self, file: str) -> None:
        self._place.files.write_stream(file, current().files.stream(file), content_type="application/jsonl")

    def _uri(self, key: str) -> str:
        return f"s3://{self._place.bucket}/{key}"

    def _read(self, line: bytes) -> tuple[str, Answer | NoReply]:
        """A line of the output; one that nobody can read stands for no question."""
        try:
            told = orjson.loads(line)
            key, error, output = reply_key(str(told["recordId"])), told.get("error"), told.get("modelOutput")
        except (ValueError, KeyError, TypeError, AttributeError):
            return "", NoReply("a line that is no JSON of batch inference")
        if output is None:
            said = error if isinstance(error, dict) else {}
            return key, NoReply(f"{said.get('errorCode')}: {said.get('errorMessage')}"[:500])
        try:
            read = Response(200, {}, orjson.dumps(output))
            return key, converse_answer(self._name, self._teacher.model, read, self._price)
        except TeacherError as unreadable:
            return key, NoReply(unreadable.message)


def record_id(key: str) -> str:
    """Eleven letters and digits."""
    slot, _, attempt = key.partition("#")
    return f"SL{slot}T{attempt}"


def reply_key(record: str) -> str:
    return record.removeprefix("SL").replace("T", "#")


def code_of(response: Response) -> str:
    return response.headers.get("x-amzn-errortype", "").partition(":")[0] or code(response.raw)


def _folder(file: str) -> str:
    return file.removesuffix(".jsonl")


def _path(job: str) -> str:
    return f"{_JOBS}/{quote(job, safe='')}"

"""Batch inference of Bedrock in this process: requests signed and in the service's own shapes, files in S3, jobs that
go one step further each time they are looked at. `S3Server` is the bucket of a machine without AWS."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse
from xml.sax.saxutils import escape

import boto3
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import Shape
from botocore.validate import ParamValidator

from tests.support.batch_servers import Body, serving

REGION, KEY_ID, SECRET = "us-east-1", "test", "test"
SECRETS = {KEY_ID: SECRET, "FOOBARKEY": "FOOBARSECRET"}
"""By access key; the second is the one that moto gives to the process it mocks."""
ROLE = "arn:aws:iam::123456789012:role/forge-batch"
LEAST, MOST = 100, 50_000
UNDER_WAY = ("Submitted", "Validating", "Scheduled", "InProgress", "Stopping")
WORDS = {
    "Completed": "",
    "PartiallyCompleted": "",
    "Expired": "The job expired",
    "Stopped": "",
    "Failed": "Validation of the input failed",
}


class Refused(Exception):
    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error = status, error


@dataclass
class Job:
    number: int
    resource: Body
    lines: list[Body]
    steps: int = 0


@dataclass
class BedrockServer:
    """read, write: of the objects of a bucket, by bucket and key."""

    reply: Callable[[Body], str]
    """The text of a reply to one Converse request."""
    read: Callable[[str, str], bytes] = lambda bucket, key: _s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    write: Callable[[str, str, bytes], object] = lambda bucket, key, data: _s3().put_object(
        Bucket=bucket, Key=key, Body=data
    )
    job_status: Callable[[int], str] = lambda _: "Completed"
    line: Callable[[int, int], Body | None] = lambda _job, _line: None
    url: str = ""
    asked: list[Body] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    lose_answers: int = 0
    """So many times a job is made, and the answer is lost."""
    _lock: Lock = field(default_factory=Lock)

    def handle(self, method: str, path: str, headers: Any, raw: bytes) -> tuple[int, bytes]:
        with self._lock:
            try:
                self._check_signature(method, path, headers, raw)
                return 200, json.dumps(self._route(method, path, raw)).encode()
            except Refused as refused:
                answer = {"__type": refused.error, "code": refused.error, "message": str(refused)}
                return refused.status, json.dumps(answer).encode()

    def _check_signature(self, method: str, path: str, headers: Any, raw: bytes) -> None:
        sent = headers["Authorization"]
        names = sent.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        key_id = sent.partition("Credential=")[2].partition("/")[0]
        signer = SigV4Auth(Credentials(key_id, SECRETS[key_id]), "bedrock", REGION)
        again = AWSRequest(method, f"http://{headers['Host']}{path}", data=raw, headers={n: headers[n] for n in names})
        again.context["timestamp"] = headers["x-amz-date"]
        text = signer.string_to_sign(again, signer.canonical_request(again))
        if sent.rpartition("Signature=")[2] != signer.signature(text, again):
            raise Refused(403, "InvalidSignatureException", "The request signature does not match")

    def _route(self, method: str, path: str, raw: bytes) -> Body:
        url = urlparse(path)
        parts = [unquote(p) for p in url.path.split("/")[1:]]
        match (method, *parts):
            case ("POST", "model", model, "converse"):
                body = json.loads(raw)
                _hold("bedrock-runtime", "ConverseRequest", {"modelId": model, **body})
                self.asked.append(body)
                return self._answer(body)
            case ("POST", "model-invocation-job"):
                made = self._create(json.loads(raw))
                if self.lose_answers:
                    self.lose_answers -= 1
                    raise Refused(503, "ServiceUnavailableException", "try again")
                return made
            case ("GET", "model-invocation-job", arn):
                return self._step(self._job(arn))
            case ("POST", "model-invocation-job", arn, "stop"):
                return self._stop(self._job(arn))
            case ("GET", "model-invocation-jobs"):
                wanted = parse_qs(url.query)["nameContains"][0]
                return {
                    "invocationJobSummaries": [
                        j.resource for j in self.jobs.values() if wanted in j.resource["jobName"]
                    ]
                }
        raise Refused(404, "UnknownOperationException", path)

    def _answer(self, body: Body) -> Body:
        return {
            "output": {"message": {"role": "assistant", "content": [{"text": self.reply(body)}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1000, "outputTokens": 100, "totalTokens": 1100},
            "metrics": {"latencyMs": 1},
        }

    def _create(self, body: Body) -> Body:
        _hold("bedrock", "CreateModelInvocationJobRequest", body)
        same = next(
            (j for j in self.jobs.values() if j.resource["clientRequestToken"] == body["clientRequestToken"]), None
        )
        if same is not None:
            return {"jobArn": same.resource["jobArn"]}
        if any(j.resource["jobName"] == body["jobName"] for j in self.jobs.values()):
            raise Refused(400, "ConflictException", "The job name is taken")
        if body["roleArn"] != ROLE:
            raise Refused(403, "AccessDeniedException", "The role cannot be passed")
        bucket, key = _place(body["inputDataConfig"]["s3InputDataConfig"]["s3Uri"])
        lines = [json.loads(line) for line in self.read(bucket, key).splitlines()]
        number = len(self.jobs)
        arn = f"arn:aws:bedrock:{REGION}:123456789012:model-invocation-job/job{number:09d}"
        answer = {**body, "jobArn": arn, "status": "Submitted", "submitTime": "2026-11-26T00:00:00Z"}
        self.jobs[arn] = Job(number, answer, lines)
        return {"jobArn": arn}

    def _job(self, arn: str) -> Job:
        if arn not in self.jobs:
            raise Refused(404, "ResourceNotFoundException", f"no job {arn}")
        return self.jobs[arn]

    def _step(self, job: Job) -> Body:
        answer = job.resource
        if answer["status"] == "Stopping":
            self._finish(job, "Stopped", len(job.lines) // 2)
        if answer["status"] not in UNDER_WAY:
            return answer
        problem = _invalid(job.lines)
        if problem:
            answer |= {"status": "Failed", "message": problem}
            return answer
        job.steps += 1
        job_status = self.job_status(job.number)
        if job.steps == 1 or job_status == "hold":
            answer |= {
                "status": "InProgress",
                "totalRecordCount": len(job.lines),
                "processedRecordCount": len(job.lines) // 2,
            }
        elif job_status == "Failed":
            answer |= {"status": "Failed", "message": WORDS[job_status]}
        else:
            self._finish(job, job_status, len(job.lines) if job_status == "Completed" else len(job.lines) // 2)
        return answer

    def _finish(self, job: Job, status: str, reached: int) -> None:
        """One output line for every record that was processed, in no order, and the manifest."""
        out: list[Body] = []
        for n, line in enumerate(job.lines[:reached]):
            problem = self.line(job.number, n)
            out.append(
                {**line, "error": problem} if problem else {**line, "modelOutput": self._answer(line["modelInput"])}
            )
        failed = sum("error" in line for line in out)
        random.Random(7).shuffle(out)
        bucket, key = _place(job.resource["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
        source = PurePosixPath(_place(job.resource["inputDataConfig"]["s3InputDataConfig"]["s3Uri"])[1]).name
        folder = f"{key.rstrip('/')}/{job.resource['jobArn'].rpartition('/')[2]}"
        counts = {
            "totalRecordCount": len(job.lines),
            "processedRecordCount": reached,
            "successRecordCount": reached - failed,
            "errorRecordCount": failed,
        }
        self.write(bucket, f"{folder}/{source}.out", "".join(json.dumps(x) + "\n" for x in out).encode())
        self.write(bucket, f"{folder}/manifest.json.out", json.dumps(counts).encode())
        job.resource |= {"status": status, "message": WORDS[status], **counts}

    def _stop(self, job: Job) -> Body:
        if job.resource["status"] not in UNDER_WAY:
            raise Refused(400, "ConflictException", "The job is over")
        job.resource["status"] = "Stopping"
        return {}


def _invalid(lines: list[Body]) -> str:
    """What the validation of a job's input finds."""
    if not LEAST <= len(lines) <= MOST:
        return f"Batch job contains {len(lines)} records, from {LEAST} to {MOST} are allowed"
    if len({line["recordId"] for line in lines}) < len(lines):
        return "recordId must be unique"
    for line in lines:
        if not re.fullmatch(r"[a-zA-Z0-9]{11}", line["recordId"]) or set(line) != {"recordId", "modelInput"}:
            return f"{line['recordId']} is no record"
        if "cachePoint" in json.dumps(line["modelInput"]):
            return "prompt caching is not supported"
        try:
            _hold("bedrock-runtime", "ConverseRequest", {"modelId": "m", **line["modelInput"]})
        except Refused as refused:
            return str(refused)
    return ""


def _hold(service: str, name: str, body: Body) -> None:
    """To the service's own model, patterns and lengths included."""
    shape = botocore.session.get_session().get_service_model(service).shape_for(name)
    report = ParamValidator().validate(body, shape)
    if report.has_errors():
        raise Refused(400, "ValidationException", report.generate_report())
    _hold_texts(shape, body)


def _hold_texts(shape: Shape, value: Any) -> None:
    if shape.type_name == "structure":
        for name, inner in value.items():
            _hold_texts(shape.members[name], inner)
    elif shape.type_name == "string":
        pattern = shape.metadata.get("pattern", "(?s:.*)")
        if not re.fullmatch(pattern, value) or len(value) > shape.metadata.get("max", 10**9):
            raise Refused(400, "ValidationException", f"{value!r} does not match {pattern}")


def _place(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _s3() -> Any:
    return boto3.client("s3", region_name=REGION)


@dataclass
class S3Server:
    """As much of S3 as a batch job needs: objects put, got, listed and deleted, by path."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def handle(self, method: str, path: str, _headers: Any, raw: bytes) -> tuple[int, bytes]:
        url = urlparse(path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        query = parse_qs(url.query, keep_blank_values=True)
        if method == "PUT":
            self.objects[bucket, key] = raw
            return 200, b""
        if method == "POST" and "delete" in query:
            for found in re.findall(rb"<Key>(.*?)</Key>", raw):
                self.objects.pop((bucket, found.decode()), None)
            return 200, b"<DeleteResult/>"
        if method == "DELETE":
            self.objects.pop((bucket, key), None)
            return 204, b""
        if "list-type" in query:
            return 200, self._list(bucket, query["prefix"][0])
        if (bucket, key) not in self.objects:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>"
        return 200, self.objects[bucket, key]

    def _list(self, bucket: str, prefix: str) -> bytes:
        keys = sorted(k for b, k in self.objects if b == bucket and k.startswith(prefix))
        rows = "".join(
            f'<Contents><Key>{escape(k)}</Key><Size>{len(self.objects[bucket, k])}</Size><ETag>"e"</ETag>'
            "<LastModified>2026-11-26T00:00:00.000Z</LastModified></Contents>"
            for k in keys
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode()


@contextmanager
def bedrock(reply: Callable[[Body], str]) -> Iterator[BedrockServer]:
    made = BedrockServer(reply)
    with serving(made.handle) as made.url:
        yield made


@contextmanager
def bucket_server() -> Iterator[tuple[S3Server, str]]:
    made = S3Server()
    with serving(made.handle) as address:
        yield made, address

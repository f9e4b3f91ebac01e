"""Stand-ins of providers: a local server that holds every request to the rules of its protocol before it answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import botocore.session
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.validate import ParamValidator

from dataforge.records import Answer, Message, Passage, Question
from dataforge.teachers.ports import Teacher

REGION, KEY, SECRET, TOKEN = "eu-west-1", "AKIDEXAMPLE", "a-secret-for-tests", "a-session-token"
SCHEMA: dict[str, object] = {
    "type": "object",
    "required": ["pairs"],
    "properties": {"pairs": {"type": "array"}},
    "additionalProperties": False,
}
RULES = "Rules of the text. "
QUESTION = Question(
    (Message("system", RULES), Message("user", "Passage")),
    Passage("Passage"),
    (),
    json_schema=SCHEMA,
)
Reply = Callable[[dict[str, Any]], web.Response]


class StandIn:
    """Any POST is checked by `check`, kept, then answered by `reply`."""

    def __init__(self, reply: Reply, check: Callable[[web.Request, bytes], None]) -> None:
        self.reply, self.check = reply, check
        self.bodies, self.headers, self.paths = list[dict[str, Any]](), list[dict[str, str]](), list[str]()

    async def answer(self, request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            self.check(request, raw)
        except Exception as broken:  # the client's mistake, shown to the test as a refusal that no teacher retries
            return web.json_response({"error": {"message": f"stand-in: {broken}"}}, status=418)
        self.bodies.append(json.loads(raw))
        self.headers.append({k.lower(): v for k, v in request.headers.items()})
        self.paths.append(request.raw_path)
        reply = self.reply(self.bodies[-1])  # a response object can be sent once only
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


def asked(
    server: StandIn,
    make: Callable[[str], Teacher],
    question: Question = QUESTION,
    times: int = 1,
    *,
    questions: Sequence[Question] = (),
) -> list[Answer]:
    """What a teacher in front of this server answers to these questions in turn, or to the one question `times` times.

    make: from the server's address.
    """

    async def run() -> list[Answer]:
        app = web.Application()
        app.router.add_post("/{path:.*}", server.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        teacher = make(f"http://127.0.0.1:{runner.addresses[0][1]}")
        try:
            return [await teacher.ask(q) for q in questions or [question] * times]
        finally:
            await teacher.close()
            await runner.cleanup()

    return asyncio.run(run())


def signed_for(service: str) -> Callable[[web.Request, bytes], None]:
    """The signature must be the one that the secret gives over this very request."""

    def check(request: web.Request, raw: bytes) -> None:
        sent = request.headers["Authorization"]
        names = sent.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        assert {"host", "x-amz-date", "x-amz-security-token"} <= set(names), names
        signer = SigV4Auth(Credentials(KEY, SECRET, TOKEN), service, REGION)
        again = AWSRequest(
            "POST", f"http://{request.host}{request.raw_path}", data=raw, headers={n: request.headers[n] for n in names}
        )
        again.context["timestamp"] = request.headers["x-amz-date"]
        text = signer.string_to_sign(again, signer.canonical_request(again))
        assert sent.rpartition("Signature=")[2] == signer.signature(text, again), "wrong signature"

    return check


def converse(request: web.Request, raw: bytes) -> None:
    """Bedrock: signed, and the body is a Converse request by the service's own model."""
    signed_for("bedrock")(request, raw)
    converse_body(request, raw)


def converse_body(request: web.Request, raw: bytes) -> None:
    shape = botocore.session.get_session().get_service_model("bedrock-runtime").shape_for("ConverseRequest")
    report = ParamValidator().validate({"modelId": request.path.split("/")[2], **json.loads(raw)}, shape)
    assert not report.has_errors(), report.generate_report()


def messages(request: web.Request, raw: bytes) -> None:
    """Anthropic: the rules of the Messages API that its documents state."""
    body = json.loads(raw)
    assert request.path == "/v1/messages"
    assert request.headers["x-api-key"]
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert {"model", "messages"} <= set(body)
    assert body["max_tokens"] >= 1
    roles = [m["role"] for m in body["messages"]]
    assert roles[0] == "user"
    assert set(roles) <= {"user", "assistant"}, roles
    assert 0 <= body.get("temperature", 1) <= 1
    points = [b for b in body.get("system", []) if "cache_control" in b]
    assert len(points) <= 4
    assert all(p["cache_control"] == {"type": "ephemeral"} for p in points)
    if "tool_choice" in body:
        assert body["tool_choice"]["name"] in {t["name"] for t in body["tools"]}

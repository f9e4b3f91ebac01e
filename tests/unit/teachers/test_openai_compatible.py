"""A chat-completions server says all kinds of things: what the teacher sends, and what it makes of every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from dataforge.errors import TeacherBusy, TeacherRefused, TeacherUnreachable
from dataforge.records import Answer, Message, Passage, Question, Rates
from dataforge.teachers.openai_compatible import OpenAICompatible
from dataforge.teachers.prices import Price

Reply = Callable[[dict[str, Any]], web.Response]
QUESTION = Question(
    (Message("system", "Rules"), Message("user", "Passage")),
    Passage("Passage"),
    (),
    json_schema={"type": "object"},
)


def completion(content: object = "hello", **more: object) -> web.Response:
    answer: dict[str, object] = {
        "model": "m-2026",
        "choices": [{"finish_reason": "stop", "message": {"content": content}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 10},
    }
    return web.json_response({**answer, **more})


def refusal(message: str, status: int = 400, **more: object) -> web.Response:
    return web.json_response({"error": {"message": message, **more}}, status=status)


def copied(reply: web.Response) -> web.Response:
    """A response object can be sent once only."""
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


class Server:
    """Answers by `reply`; keeps what it was sent."""

    def __init__(self, reply: Reply) -> None:
        self.reply, self.bodies, self.headers = reply, list[dict[str, Any]](), list[dict[str, str]]()

    async def chat(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        return self.reply(self.bodies[-1])


def asked(
    server: Server, times: int = 1, *, slash: str = "", questions: Sequence[Question] = (), **options: Any
) -> list[Answer]:
    """What a teacher in front of this server answers to these questions, or to QUESTION so many times."""

    async def run() -> list[Answer]:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", server.chat)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}/v1{slash}"
        teacher = OpenAICompatible("openai:m", "m", base_url=base, **{"timeout": 5, **options})
        try:
            return [await teacher.ask(q) for q in questions or [QUESTION] * times]
        finally:
            await teacher.close()
            await runner.cleanup()

    return asyncio.run(run())


# checklist 131
def test_a_question_is_sent_in_the_public_form_and_its_answer_is_metered() -> None:
    server = Server(lambda _: completion())

    answer = asked(server, api_key=" sk-key\n", price=Price(2.0, 10.0), slash="/")[0]

    assert (answer.text, answer.model, answer.finish_reason) == ("hello", "m-2026", "stop")
    assert (answer.input_tokens, answer.output_tokens, answer.cost_usd) == (1000, 10, pytest.approx(0.0021))
    body = server.bodies[0]
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 4096, 0.7)
    assert body["response_format"]["type"] == "json_schema"
    assert server.headers[0]["Authorization"] == "Bearer sk-key"


@pytest.mark.parametrize(("known", "form"), [(("text",), None), (("text", "json_object"), {"type": "json_object"})])
def test_a_server_without_json_schemas_is_asked_in_the_best_form_it_takes_and_that_is_remembered(
    known: tuple[str, ...], form: object
) -> None:
    def old(body: dict[str, Any]) -> web.Response:
        wanted = body.get("response_format", {"type": "text"})["type"]
        return completion() if wanted in known else refusal(f"unknown response_format.type {wanted}")

    server = Server(old)

    answers = asked(server, times=2)

    assert [a.text for a in answers] == ["hello", "hello"]
    assert server.bodies[-1].get("response_format") == form
    assert sum(b.get("response_format", {}).get("type") == "json_schema" for b in server.bodies) == 1


def test_a_model_that_refuses_max_tokens_and_temperature_is_asked_as_it_wants() -> None:
    def reasoning(body: dict[str, Any]) -> web.Response:
        if "max_tokens" in body:
            return refusal("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "temperature" in body:
            return refusal("Unsupported value: 'temperature' does not support 0.7 with this model.")
        return completion()

    server = Server(reasoning)

    assert asked(server, times=2)[1].text == "hello"
    assert len(server.bodies) == 4
    assert server.bodies[-1]["max_completion_tokens"] == 4096
    assert server.bodies[-1]["response_format"]["type"] == "json_schema"


def test_a_request_that_is_wrong_in_every_form_is_refused_and_the_form_is_not_given_up() -> None:
    server = Server(lambda _: refusal("The context has 2048 tokens"))

    with pytest.raises(TeacherRefused, match="2048 tokens"):
        asked(server)

    assert forms(server) == ["json_schema", "json_object", None] * 2, "first with the system role, then without"
    assert [b["messages"][0]["role"] for b in server.bodies] == ["system"] * 3 + ["user"] * 3


WRITER, JUDGE = replace(QUESTION, kind="qa"), replace(QUESTION, kind="judge")


def forms(server: Server) -> list[str | None]:
    return [b.get("response_format", {}).get("type") for b in server.bodies]


def test_a_schema_that_is_refused_for_the_judge_is_still_sent_for_the_writer() -> None:
    def strict(body: dict[str, Any]) -> web.Response:
        schema = body.get("response_format", {}).get("json_schema", {})
        if schema.get("name") == "judge":
            return refusal("Invalid schema for response_format 'judge': 'minimum' is not permitted")
        return completion()

    server = Server(strict)

    asked(server, questions=[JUDGE, WRITER, JUDGE, WRITER])

    assert forms(server) == ["json_schema", "json_object", "json_schema", "json_object", "json_schema"]


def test_a_refusal_that_does_not_name_the_format_changes_one_call_only() -> None:
    refusals = iter([refusal("Bad Request")])
    server = Server(lambda _: next(refusals, None) or completion())

    asked(server, times=3)

    assert forms(server) == ["json_schema", "json_object", "json_schema", "json_schema"]


def test_a_parameter_that_only_the_echo_of_the_request_names_is_not_dropped_for_good() -> None:
    def fastapi(body: dict[str, Any]) -> web.Response:
        problem = {"type": "value_error", "loc": ["body", "messages"], "msg": "odd text", "input": body}
        return web.json_response({"detail": [problem]}, status=422) if "temperature" in body else completion()

    server = Server(fastapi)

    asked(server, times=2)

    assert ["temperature" in b for b in server.bodies] == [True, False, True, False]


def test_a_question_without_a_schema_is_not_sent_again_in_other_forms() -> None:
    server = Server(lambda _: refusal("Bad Request"))

    with pytest.raises(TeacherRefused):
        asked(server, questions=[replace(QUESTION, json_schema=None)])

    assert [[m["role"] for m in b["messages"]] for b in server.bodies] == [["system", "user"], ["user"]]


def test_a_refusal_of_the_simplest_form_does_not_hide_why_the_richest_was_refused() -> None:
    def server_of_vllm(body: dict[str, Any]) -> web.Response:
        form = body.get("response_format", {}).get("type")
        return refusal("The prompt has 9000 tokens" if form == "json_schema" else "unexpected end")

    with pytest.raises(TeacherRefused, match="9000 tokens"):
        asked(Server(server_of_vllm))


TOO_LONG = "This model's maximum context length is 4096 tokens. Please reduce the length of the messages."


@pytest.mark.parametrize(
    ("reply", "this_prompt_only"),
    [
        (refusal(TOO_LONG, code="context_length_exceeded"), True),
        (refusal("Invalid UTF-16 surrogate in messages"), True),
        (refusal("Bad Request"), True),
        (refusal("Request too large", 413), True),
        (refusal("The text violates our usage policy", 422), True),
        (web.Response(status=400, text="<html>no</html>"), True),
        (refusal("Incorrect API key provided", 401), False),
        (refusal("Country not supported", 403), False),
        (refusal("The model `m` does not exist", 404, code="model_not_found"), False),
        (refusal("Insufficient balance", 402), False),
        (refusal("You exceeded your current quota", 429, code="insufficient_quota"), False),
        (refusal("API key not valid. Please pass a valid API key.", 400), False),
        (refusal("The model `m` does not exist", 400), False),
        (refusal("Unsupported parameter: 'seed'", 400, code="unsupported_parameter"), False),
        (web.Response(status=301, headers={"Location": "https://elsewhere/v1"}), False),
    ],
)
def test_a_refusal_says_whether_another_prompt_may_pass(reply: web.Response, this_prompt_only: bool) -> None:
    with pytest.raises(TeacherRefused) as refused:
        asked(Server(lambda _: copied(reply)))

    assert refused.value.this_prompt_only is this_prompt_only


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (refusal("no such key", 401), TeacherRefused, "Check the key"),
        (refusal("no model m", 404), TeacherRefused, "no model m"),
        (refusal("slow down", 429), TeacherBusy, "slow down"),
        (refusal("You exceeded your current quota", 429, code="insufficient_quota"), TeacherRefused, "quota"),
        (refusal("Too poor.", 402), TeacherRefused, r"Too poor\. The account has no money"),
        (refusal("overloaded", 503), TeacherBusy, "overloaded"),
        (refusal("oops", 500), TeacherUnreachable, "oops"),
        (web.Response(status=502, text="<html>Bad gateway</html>"), TeacherUnreachable, "Bad gateway"),
        (web.json_response({"object": "error", "message": "not here"}, status=404), TeacherRefused, "not here"),
        (
            web.Response(status=301, headers={"Location": "https://elsewhere/v1"}),
            TeacherRefused,
            "https://elsewhere/v1",
        ),
        (web.Response(text="hello"), TeacherUnreachable, "no answer of its protocol"),
        (web.json_response([1]), TeacherUnreachable, "no answer of its protocol"),
        (web.json_response({"choices": []}), TeacherUnreachable, "no answer of its protocol"),
        (web.Response(text="[" * 100_000), TeacherUnreachable, "no answer of its protocol"),
    ],
)
def test_every_failure_says_whether_to_try_again(reply: web.Response, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        asked(Server(lambda _: copied(reply)))


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("a date in 100 s", 99),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("soon", None),
        ("²", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(answer: str, seconds: float | None) -> None:
    if answer.startswith("a date"):
        answer = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    with pytest.raises(TeacherBusy) as busy:
        asked(Server(lambda _: web.Response(status=429, headers={"Retry-After": answer} if answer else {})))

    found = busy.value.retry_after
    assert found == seconds if seconds is None else found == pytest.approx(seconds, abs=3)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        (7, ""),
        ([{"type": "text", "text": "a"}, {"type": "image"}, "x", {"text": "b"}], "ab"),
        ({"text": "x"}, ""),
        ("half \ud83d a character", "half \ufffd a character"),
        ("\ud83d\ude00", "😀"),
    ],
)
def test_content_of_any_shape_becomes_text_that_can_be_stored(content: object, text: str) -> None:
    assert asked(Server(lambda _: completion(content)))[0].text == text


def test_cached_tokens_and_limits_are_reported_and_the_cache_is_cheaper() -> None:
    def cached(_: dict[str, Any]) -> web.Response:
        reply = completion(
            usage={
                "prompt_tokens": 2000,
                "completion_tokens": 10,
                "prompt_tokens_details": {"cached_tokens": 1500},
            }
        )
        reply.headers.update({"x-ratelimit-limit-requests": "500", "x-ratelimit-limit-tokens": "30000"})
        return reply

    answer = asked(Server(cached), price=Price(2.0, 10.0, cached=0.5))[0]

    assert (answer.input_tokens, answer.cached_tokens) == (2000, 1500)
    assert answer.cost_usd == pytest.approx((500 * 2.0 + 1500 * 0.5 + 10 * 10.0) / 1e6)
    assert answer.rates == Rates(500, 30_000)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        "many",
        {"prompt_tokens": "7", "completion_tokens": -1},
        {"prompt_tokens": {"a": 1}, "completion_tokens": 1e300},
    ],
)
def test_nonsense_usage_counts_as_nothing(usage: object) -> None:
    answer = asked(Server(lambda _: completion(usage=usage)))[0]

    assert (answer.text, answer.input_tokens, answer.output_tokens) == ("hello", 0, 0)


def test_one_filtered_prompt_is_an_answer_without_text_not_the_end_of_the_run() -> None:
    answer = asked(Server(lambda _: refusal("filtered", code="content_filter")))[0]

    assert (answer.text, answer.finish_reason) == ("", "content_filter")


def test_a_reply_without_end_is_not_read_to_its_end() -> None:
    answer = asked(Server(lambda _: completion("x" * 9_000_000)))[0]

    assert (answer.text, answer.finish_reason) == ("", "length")


def test_the_price_of_a_reply_without_end_is_not_known() -> None:
    answer = asked(Server(lambda _: completion("x" * 9_000_000)), price=Price(2.0, 10.0))[0]

    assert answer.cost_usd is None


@pytest.mark.parametrize(
    ("reply", "may_be_billed"),
    [
        (web.Response(text="<html>proxy</html>"), True),
        (web.json_response({"choices": []}), True),
        (refusal("oops", 500), False),
        (web.Response(status=502, text="Bad gateway"), False),
        (web.Response(status=504, text="Gateway timeout"), True),
        (refusal("the model took too long", 408), True),
    ],
)
def test_an_unusable_answer_says_whether_it_may_cost_money(reply: web.Response, may_be_billed: bool) -> None:
    with pytest.raises(TeacherUnreachable) as lost:
        asked(Server(lambda _: copied(reply)))

    assert lost.value.may_be_billed is may_be_billed


@pytest.mark.parametrize(
    ("base", "error"),
    [
        ("localhost:11434/v1", TeacherRefused),
        ("http://127.0.0.1:9/v1", TeacherUnreachable),
    ],
)
def test_a_server_that_is_not_there(base: str, error: type[Exception]) -> None:
    async def ask() -> None:
        teacher = OpenAICompatible("openai:m", "m", base_url=base, timeout=5)
        try:
            await teacher.ask(QUESTION)
        finally:
            await teacher.close()

    with pytest.raises(error):
        asyncio.run(ask())

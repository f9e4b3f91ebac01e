"""Bedrock, Anthropic and SageMaker behind faithful stand-ins: what is sent, and what becomes of every answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from dataforge.errors import TeacherBusy, TeacherRefused, TeacherUnreachable
from dataforge.platform.aws import signing
from dataforge.records import Message, Rates
from dataforge.teachers.anthropic import Anthropic
from dataforge.teachers.bedrock import Bedrock
from dataforge.teachers.ports import Capabilities, Teacher
from dataforge.teachers.prices import Price
from dataforge.teachers.sagemaker import SageMaker
from tests.support import provider_servers
from tests.support.provider_servers import QUESTION, REGION, StandIn, asked

CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"
PAIRS = {"pairs": [{"question": "q", "answer": "a"}]}
LONG = replace(QUESTION, messages=(Message("system", provider_servers.RULES * 400), QUESTION.messages[1]))


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in [
        ("ACCESS_KEY_ID", provider_servers.KEY),
        ("SECRET_ACCESS_KEY", provider_servers.SECRET),
        ("SESSION_TOKEN", provider_servers.TOKEN),
    ]:
        monkeypatch.setenv(f"AWS_{name}", value)
    signing._session.cache_clear()


def bedrock(model: str = CLAUDE, **more: Any) -> Callable[[str], Teacher]:
    return lambda url: Bedrock(f"bedrock:{model}", model, region=REGION, base_url=url, **{"timeout": 5, **more})


def anthropic(**more: Any) -> Callable[[str], Teacher]:
    return lambda url: Anthropic("anthropic:m", "m", base_url=f"{url}/v1", api_key=" key\n", **{"timeout": 5, **more})


def sagemaker(endpoint: str = "our-model") -> Callable[[str], Teacher]:
    return lambda url: SageMaker(f"sagemaker:{endpoint}", endpoint, region=REGION, base_url=url, timeout=5)


def converse(content: list[dict[str, Any]] | None = None, stop: str = "end_turn", **usage: int) -> web.Response:
    return web.json_response(
        {
            "output": {"message": {"role": "assistant", "content": content or [{"text": "hello"}]}},
            "stopReason": stop,
            "usage": {"inputTokens": 100, "outputTokens": 10, "totalTokens": 110, **usage},
            "metrics": {"latencyMs": 1},
        }
    )


def message(content: list[dict[str, Any]] | None = None, stop: str = "end_turn", **usage: int) -> web.Response:
    return web.json_response(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m-20260101",
            "stop_reason": stop,
            "content": content or [{"type": "text", "text": "hello"}],
            "usage": {"input_tokens": 100, "output_tokens": 10, **usage},
        }
    )


def completion(text: str = "hello") -> web.Response:
    return web.json_response(
        {
            "model": "ours",
            "choices": [{"finish_reason": "stop", "message": {"content": text}}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10},
        }
    )


def aws_error(kind: str, said: str, status: int, **more: object) -> web.Response:
    return web.json_response({"message": said, **more}, status=status, headers={"x-amzn-ErrorType": kind})


def anthropic_error(kind: str, said: str, status: int, **more: object) -> web.Response:
    return web.json_response({"type": "error", "error": {"type": kind, "message": said, **more}}, status=status)


# -- Bedrock ------------------------------------------------------------------------------------------------------


# checklist 25
@pytest.mark.parametrize(
    "model",
    [
        CLAUDE,
        "eu.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.x.y-v1:0",
    ],
)
def test_bedrock_gets_a_signed_converse_request_and_its_answer_is_metered(model: str) -> None:
    server = StandIn(lambda _: converse(), provider_servers.converse)

    answer = asked(server, bedrock(model, price=Price(3.0, 15.0)))[0]

    assert (answer.text, answer.model, answer.finish_reason) == ("hello", model, "stop")
    assert (answer.input_tokens, answer.output_tokens) == (100, 10)
    assert answer.cost_usd == pytest.approx((100 * 3 + 10 * 15) / 1e6)
    body = server.bodies[0]
    assert body["system"] == [{"text": provider_servers.RULES}]
    assert [m["role"] for m in body["messages"]] == ["user"]
    assert body["inferenceConfig"] == {"maxTokens": 4096, "temperature": 0.7}
    schema = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
    assert json.loads(schema) == provider_servers.SCHEMA


def test_a_bedrock_api_key_is_sent_instead_of_a_signature() -> None:
    server = StandIn(lambda _: converse(), provider_servers.converse_body)

    asked(server, bedrock(key="bedrock-api-key"))

    assert server.headers[0]["authorization"] == "Bearer bedrock-api-key"


def test_a_model_is_asked_in_the_best_form_it_takes_and_that_is_remembered() -> None:
    def nova(body: dict[str, Any]) -> web.Response:
        if "outputConfig" in body:
            return aws_error("ValidationException", "This model doesn't support the outputConfig.textFormat field", 400)
        return converse([{"toolUse": {"toolUseId": "t", "name": "write_records", "input": PAIRS}}], "tool_use")

    server = StandIn(nova, provider_servers.converse)

    answers = asked(server, bedrock(), times=3)

    assert [json.loads(a.text) for a in answers] == [PAIRS] * 3
    assert {a.finish_reason for a in answers} == {"stop"}
    assert len(server.bodies) == 4
    assert server.bodies[-1]["toolConfig"]["toolChoice"] == {"tool": {"name": "write_records"}}


def test_a_model_without_tools_system_text_or_a_cache_is_asked_in_words() -> None:
    def old(body: dict[str, Any]) -> web.Response:
        if "system" in body:
            said = "This model doesn't support system messages. Try again without system messages."
            cached = any("cachePoint" in b for b in body["system"])
            return aws_error("ValidationException", "unsupported: prompt caching" if cached else said, 400)
        if "toolConfig" in body or "outputConfig" in body:
            return aws_error("ValidationException", "This model doesn't support tool use.", 400)
        return converse()

    server = StandIn(old, provider_servers.converse)

    answer = asked(server, bedrock(), LONG)[0]

    assert answer.text == "hello"
    assert server.bodies[-1]["messages"][0]["content"][0]["text"].startswith(provider_servers.RULES)
    assert set(server.bodies[-1]) == {"messages", "inferenceConfig"}


def test_a_weaker_word_for_the_tool_is_found() -> None:
    def mistral(body: dict[str, Any]) -> web.Response:
        if "tool" in body["toolConfig"]["toolChoice"]:
            said = "This model doesn't support the toolConfig.toolChoice.tool field."
            return aws_error("ValidationException", said, 400)
        return converse([{"toolUse": {"toolUseId": "t", "name": "write_records", "input": PAIRS}}], "tool_use")

    server = StandIn(mistral, provider_servers.converse)

    asked(server, bedrock(can=Capabilities(json_schema=True, form="tool")))

    assert server.bodies[-1]["toolConfig"]["toolChoice"] == {"any": {}}


@pytest.mark.parametrize(("question", "points"), [(QUESTION, 0), (LONG, 1)])
def test_bedrock_caches_a_shared_prefix_where_it_is_long_enough_to_pay(question: Any, points: int) -> None:
    server = StandIn(
        lambda _: converse(cacheReadInputTokens=1500, cacheWriteInputTokens=200, totalTokens=1810),
        provider_servers.converse,
    )

    answer = asked(server, bedrock(price=Price(3.0, 15.0, cached=0.3, cache_write=3.75)), question)[0]

    assert sum("cachePoint" in b for b in server.bodies[0]["system"]) == points
    assert (answer.input_tokens, answer.cached_tokens) == (1800, 1500)
    assert answer.cost_usd == pytest.approx((100 * 3 + 1500 * 0.3 + 200 * 3.75 + 10 * 15) / 1e6)


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("max_tokens", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("malformed_model_output", "other"),
    ],
)
def test_bedrock_says_why_a_reply_ended(stop: str, finish: str) -> None:
    assert (
        asked(StandIn(lambda _: converse(stop=stop), provider_servers.converse), bedrock())[0].finish_reason == finish
    )


def test_reasoning_is_no_part_of_the_reply() -> None:
    content = [{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "hello"}]

    assert asked(StandIn(lambda _: converse(content), provider_servers.converse), bedrock())[0].text == "hello"


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (aws_error("ThrottlingException", "Too many requests", 429), TeacherBusy, "Too many requests"),
        (aws_error("ModelNotReadyException", "warming up", 429), TeacherBusy, "warming up"),
        (aws_error("ServiceUnavailableException", "later", 503), TeacherBusy, "later"),
        (aws_error("ModelTimeoutException", "slow", 408), TeacherUnreachable, "slow"),
        (aws_error("ModelErrorException", "broken", 424, originalStatusCode=500), TeacherUnreachable, "broken"),
        (aws_error("InternalServerException", "oops", 500), TeacherUnreachable, "oops"),
        (aws_error("AccessDeniedException", "not allowed", 403), TeacherRefused, "bedrock:InvokeModel"),
        (aws_error("ResourceNotFoundException", "no such model", 404), TeacherRefused, "no such model"),
        (
            aws_error("ValidationException", "The provided model identifier is invalid.", 400),
            TeacherRefused,
            "identifier",
        ),
        (web.Response(text="<html>"), TeacherUnreachable, "no answer of its protocol"),
        (web.json_response({"output": None}), TeacherUnreachable, "no answer of its protocol"),
    ],
)
def test_every_failure_of_bedrock_says_whether_to_try_again(
    reply: web.Response, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        asked(StandIn(lambda _: reply, provider_servers.converse), bedrock())


JUDGE = replace(QUESTION, kind="judge")


@pytest.mark.parametrize("said", ["outputConfig.textFormat.schema: minimum is not supported", "Try another request"])
def test_a_schema_refused_for_one_kind_of_question_is_still_sent_to_bedrock_for_others(said: str) -> None:
    def strict(body: dict[str, Any]) -> web.Response:
        schema = body.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema", {})
        return aws_error("ValidationException", said, 400) if schema.get("name") == "judge" else converse()

    server = StandIn(strict, provider_servers.converse)

    asked(server, bedrock(), questions=[JUDGE, QUESTION, JUDGE])

    forms = ["outputConfig" in b for b in server.bodies]
    again = [False] if "textFormat" in said else [True, False]
    assert forms == [True, False, True, *again]


@pytest.mark.parametrize(
    ("reply", "this_prompt_only"),
    [
        (aws_error("ValidationException", "Input is too long for requested model.", 400), True),
        (aws_error("ValidationException", "The text contains something odd", 400), True),
        (aws_error("ModelErrorException", "prompt of 9000 tokens", 424, originalStatusCode=400), True),
        (aws_error("ValidationException", "The provided model identifier is invalid.", 400), False),
        (
            aws_error("ValidationException", "Invocation of model ID m with on-demand throughput isn't supported", 400),
            False,
        ),
        (aws_error("AccessDeniedException", "not allowed", 403), False),
        (aws_error("ResourceNotFoundException", "no such model", 404), False),
    ],
)
def test_a_refusal_of_bedrock_says_whether_another_prompt_may_pass(reply: web.Response, this_prompt_only: bool) -> None:
    with pytest.raises(TeacherRefused) as refused:
        asked(StandIn(lambda _: reply, provider_servers.converse), bedrock())

    assert refused.value.this_prompt_only is this_prompt_only


def test_without_credentials_aws_teachers_say_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "credentials", lambda: None)

    with pytest.raises(TeacherRefused, match="set AWS_PROFILE"):
        asked(StandIn(lambda _: converse(), provider_servers.converse), bedrock())


# -- Anthropic ----------------------------------------------------------------------------------------------------


def test_anthropic_gets_a_messages_request_and_its_answer_is_metered() -> None:
    def reply(_: dict[str, Any]) -> web.Response:
        told = message(cache_read_input_tokens=1000, cache_creation_input_tokens=50)
        told.headers.update({"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-tokens-limit": "40000"})
        return told

    server = StandIn(reply, provider_servers.messages)

    answer = asked(server, anthropic(price=Price(3.0, 15.0, cached=0.3, cache_write=3.75)), LONG)[0]

    assert (answer.text, answer.model, answer.finish_reason) == ("hello", "m-20260101", "stop")
    assert (answer.input_tokens, answer.output_tokens, answer.cached_tokens) == (1150, 10, 1000)
    assert answer.cost_usd == pytest.approx((100 * 3 + 1000 * 0.3 + 50 * 3.75 + 10 * 15) / 1e6)
    assert answer.rates == Rates(50, 40_000)
    body = server.bodies[0]
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": provider_servers.SCHEMA}}
    assert server.headers[0]["x-api-key"] == "key"


def test_an_older_claude_is_held_to_the_schema_by_a_tool() -> None:
    def older(body: dict[str, Any]) -> web.Response:
        if "output_config" in body:
            return anthropic_error("invalid_request_error", "output_config: Extra inputs are not permitted", 400)
        thought = {"type": "thinking", "thinking": "hm"}
        return message([thought, {"type": "tool_use", "id": "t", "input": PAIRS}], "tool_use")

    server = StandIn(older, provider_servers.messages)

    answers = asked(server, anthropic(), times=2)

    assert [json.loads(a.text) for a in answers] == [PAIRS] * 2
    assert len(server.bodies) == 3
    assert "cache_control" not in server.bodies[0]["system"][0]


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "other"),
        ("stop_sequence", "stop"),
    ],
)
def test_anthropic_says_why_a_reply_ended(stop: str, finish: str) -> None:
    assert (
        asked(StandIn(lambda _: message(stop=stop), provider_servers.messages), anthropic())[0].finish_reason == finish
    )


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (anthropic_error("rate_limit_error", "slow down", 429), TeacherBusy, "slow down"),
        (
            anthropic_error("rate_limit_error", "no more", 429, details={"error_code": "enforced_spend_limit_reached"}),
            TeacherRefused,
            "no more",
        ),
        (anthropic_error("overloaded_error", "Overloaded", 529), TeacherBusy, "Overloaded"),
        (anthropic_error("api_error", "oops", 500), TeacherUnreachable, "oops"),
        (anthropic_error("authentication_error", "invalid x-api-key", 401), TeacherRefused, "Check the key"),
        (anthropic_error("not_found_error", "model: m", 404), TeacherRefused, "model: m"),
        (
            anthropic_error("invalid_request_error", "Your credit balance is too low", 400),
            TeacherRefused,
            "credit balance",
        ),
        (web.json_response({"type": "pong"}), TeacherUnreachable, "no answer of its protocol"),
        (web.json_response([]), TeacherUnreachable, "no answer of its protocol"),
    ],
)
def test_every_failure_of_anthropic_says_whether_to_try_again(
    reply: web.Response, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        asked(StandIn(lambda _: reply, provider_servers.messages), anthropic())


def test_a_schema_refused_for_one_kind_of_question_is_still_sent_to_anthropic_for_others() -> None:
    def strict(body: dict[str, Any]) -> web.Response:
        if "output_config" in body and "Rule of judges" in body["messages"][0]["content"]:
            return anthropic_error("invalid_request_error", "output_config.format.schema: too many unions", 400)
        return message()

    judge = replace(JUDGE, messages=(QUESTION.messages[0], Message("user", "Rule of judges")))
    server = StandIn(strict, provider_servers.messages)

    asked(server, anthropic(), questions=[judge, QUESTION, judge])

    assert ["output_config" in b for b in server.bodies] == [True, False, True, False]


@pytest.mark.parametrize(
    ("reply", "this_prompt_only"),
    [
        (anthropic_error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", 400), True),
        (anthropic_error("invalid_request_error", "messages.0: odd text", 400), True),
        (anthropic_error("request_too_large", "Request exceeds the maximum size", 413), True),
        (anthropic_error("invalid_request_error", "Your credit balance is too low", 400), False),
        (anthropic_error("invalid_request_error", "top_k: Extra inputs are not permitted", 400), False),
        (anthropic_error("authentication_error", "invalid x-api-key", 401), False),
        (anthropic_error("not_found_error", "model: m", 404), False),
    ],
)
def test_a_refusal_of_anthropic_says_whether_another_prompt_may_pass(
    reply: web.Response, this_prompt_only: bool
) -> None:
    with pytest.raises(TeacherRefused) as refused:
        asked(StandIn(lambda _: reply, provider_servers.messages), anthropic())

    assert refused.value.this_prompt_only is this_prompt_only


def test_a_busy_account_and_a_busy_provider_are_told_apart() -> None:
    found = []
    for status in (429, 529):
        with pytest.raises(TeacherBusy) as busy:
            asked(StandIn(lambda _, s=status: anthropic_error("x", "x", s), provider_servers.messages), anthropic())
        found.append(busy.value.limited)

    assert found == [True, False]


# -- SageMaker ----------------------------------------------------------------------------------------------------


def test_an_endpoint_gets_a_signed_chat_completion() -> None:
    server = StandIn(lambda _: completion(), provider_servers.signed_for("sagemaker"))

    answer = asked(server, sagemaker("our-model/adapter-7"))[0]

    assert (answer.text, answer.input_tokens, answer.cost_usd) == ("hello", 100, None)
    assert server.paths == ["/endpoints/our-model/invocations"]
    assert server.headers[0]["x-amzn-sagemaker-inference-component"] == "adapter-7"
    assert server.bodies[0]["messages"][0]["role"] == "system"


def test_an_old_container_is_asked_its_own_way_and_that_is_remembered() -> None:
    def tgi(body: dict[str, Any]) -> web.Response:
        if "inputs" not in body:
            return aws_error("ModelError", "missing field `inputs`", 424, OriginalStatusCode=422)
        return web.json_response([{"generated_text": "hello"}])

    server = StandIn(tgi, provider_servers.signed_for("sagemaker"))

    answers = asked(server, sagemaker(), times=2)

    assert [a.text for a in answers] == ["hello", "hello"]
    assert len(server.bodies) == 3
    assert server.bodies[-1]["parameters"]["max_new_tokens"] == 4096


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (aws_error("ThrottlingException", "Rate exceeded", 429), TeacherBusy, "Rate exceeded"),
        (aws_error("ModelNotReadyException", "loading", 429), TeacherBusy, "loading"),
        (aws_error("ModelError", "out of memory", 424, OriginalStatusCode=500), TeacherUnreachable, "out of memory"),
        (aws_error("ModelError", "context too long", 424, OriginalStatusCode=400), TeacherRefused, "context too long"),
        (aws_error("ValidationError", "Endpoint our-model of account 1 not found.", 400), TeacherRefused, "not found"),
        (web.json_response({"answer": 7}), TeacherUnreachable, "no answer of its protocol"),
    ],
)
def test_every_failure_of_an_endpoint_says_whether_to_try_again(
    reply: web.Response, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        asked(StandIn(lambda _: reply, provider_servers.signed_for("sagemaker")), sagemaker())


@pytest.mark.parametrize(
    ("reply", "this_prompt_only"),
    [
        (aws_error("ModelError", "context too long", 424, OriginalStatusCode=400), True),
        (aws_error("ModelError", "payload too large", 424, OriginalStatusCode=413), True),
        (aws_error("ModelError", "something odd", 424, OriginalStatusCode=422), True),
        (aws_error("ModelError", "no route", 424, OriginalStatusCode=404), False),
        (aws_error("ValidationError", "Endpoint our-model of account 1 not found.", 400), False),
        (aws_error("AccessDeniedException", "not allowed", 403), False),
    ],
)
def test_a_refusal_of_an_endpoint_says_whether_another_prompt_may_pass(
    reply: web.Response, this_prompt_only: bool
) -> None:
    with pytest.raises(TeacherRefused) as refused:
        asked(StandIn(lambda _: reply, provider_servers.signed_for("sagemaker")), sagemaker())

    assert refused.value.this_prompt_only is this_prompt_only


def test_a_prompt_that_is_too_long_for_a_container_does_not_change_how_it_is_asked() -> None:
    replies = iter([aws_error("ModelError", "too many input tokens", 424, OriginalStatusCode=422)])
    server = StandIn(lambda _: next(replies, None) or completion(), provider_servers.signed_for("sagemaker"))

    with pytest.raises(TeacherRefused):
        asked(server, sagemaker())
    asked(server, sagemaker(), times=2)

    assert [b["response_format"]["type"] for b in server.bodies] == ["json_schema"] * 3

"""Bedrock's Converse API behind a faithful stand-in: what is sent, and what becomes of every answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from dataforge.errors import TeacherBusy, TeacherRefused, TeacherUnreachable
from dataforge.platform.aws import signing
from dataforge.teachers.ports import Capabilities
from dataforge.teachers.prices import Price
from tests.support import provider_servers
from tests.support.provider_replies import (
    CLAUDE,
    JUDGE,
    LONG,
    PAIRS,
    aws_error,
    bedrock,
    converse,
)
from tests.support.provider_servers import QUESTION, StandIn, asked

pytestmark = pytest.mark.usefixtures("aws_credentials")


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


# -- SageMaker ----------------------------------------------------------------------------------------------------

"""Anthropic's Messages API behind a faithful stand-in: what is sent, and what becomes of every answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from dataforge.errors import TeacherBusy, TeacherRefused, TeacherUnreachable
from dataforge.records import Message, Rates
from dataforge.teachers.prices import Price
from tests.support import provider_servers
from tests.support.provider_replies import (
    JUDGE,
    LONG,
    PAIRS,
    anthropic,
    anthropic_error,
    message,
)
from tests.support.provider_servers import QUESTION, StandIn, asked


def test_anthropic_gets_a_messages_request_and_its_answer_is_metered() -> None:
    def reply(_: dict[str, Any]) -> web.Response:
        response = message(cache_read_input_tokens=1000, cache_creation_input_tokens=50)
        response.headers.update(
            {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-tokens-limit": "40000"}
        )
        return response

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


def test_a_busy_account_and_a_busy_provider_are_distinguished() -> None:
    found = []
    for status in (429, 529):
        with pytest.raises(TeacherBusy) as busy:
            asked(StandIn(lambda _, s=status: anthropic_error("x", "x", s), provider_servers.messages), anthropic())
        found.append(busy.value.limited)

    assert found == [True, False]

"""SageMaker endpoints behind a faithful stand-in: what is sent, and what becomes of every answer."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from dataforge.errors import TeacherBusy, TeacherRefused, TeacherUnreachable
from tests.support import provider_servers
from tests.support.provider_replies import (
    aws_error,
    completion,
    sagemaker,
)
from tests.support.provider_servers import StandIn, asked

pytestmark = pytest.mark.usefixtures("aws_credentials")


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

"""Chat-completions servers that refuse parts of a request, or answer elsewhere than in `content`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from dataforge.errors import TeacherBusy, TeacherRefused, TeacherUnreachable
from dataforge.records import Answer, Message, Question
from dataforge.teachers.openai_batch import OpenAIJobs
from dataforge.teachers.openai_compatible import OpenAICompatible
from dataforge.teachers.ports import Capabilities
from tests.support.provider_servers import QUESTION, RULES, Reply, StandIn, asked

Body = dict[str, Any]
PAIRS = '{"pairs": [{"question": "q", "answer": "a"}]}'


def ask(reply: Reply, question: Question = QUESTION, times: int = 1, **options: Any) -> tuple[list[Answer], list[Body]]:
    """What a teacher in front of a server that answers so gets, and what the server was sent."""
    server = StandIn(reply, lambda *_: None)
    make = lambda url: OpenAICompatible("openai:m", "m", base_url=f"{url}/v1", **{"timeout": 5, **options})  # noqa: E731
    return asked(server, make, question, times), server.bodies


def said(content: object = PAIRS, finish: str = "stop", **message: object) -> web.Response:
    return web.json_response(
        {
            "model": "m",
            "choices": [{"finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}],
            "usage": {"prompt_tokens": 30, "completion_tokens": 9},
        }
    )


def refused(message: str, status: int = 400, **more: object) -> web.Response:
    return web.json_response({"error": {"message": message, **more}}, status=status)


def roles(body: Body) -> list[str]:
    return [m["role"] for m in body["messages"]]


@pytest.mark.parametrize(
    "refusal",
    [
        web.json_response({"object": "error", "message": "System role not supported", "code": 400}, status=400),
        refused("Conversation roles must alternate user/assistant/user/assistant/..."),
        refused("Developer instruction is not enabled for models/gemma-3-27b-it"),
        refused("Only user and assistant roles are supported!", 422),
        refused("the template cannot render a message with the role 'system'", 500),
        refused("Bad Request"),
        web.Response(status=500, text="Internal Server Error"),
    ],
)
def test_a_model_without_a_system_role_is_asked_with_the_rules_in_the_users_turn(refusal: web.Response) -> None:
    def gemma(body: Body) -> web.Response:
        return refusal if "system" in roles(body) else said()

    answers, bodies = ask(gemma, times=4)

    assert [a.text for a in answers] == [PAIRS] * 4
    assert bodies[-1]["messages"] == [{"role": "user", "content": f"{RULES}\n\nPassage"}]
    assert "response_format" in bodies[-1], "the schema was not the reason"
    assert roles(bodies[-2]) == ["user"], "it is remembered"
    assert answers[-1].left_out == ("the system role (the rules go into the user's message)",)


@pytest.mark.parametrize(
    "refusal",
    [
        refused("No endpoints found that can handle the requested parameters.", 404, code=404),
        web.Response(status=500, text="Internal Server Error"),
        web.Response(status=502, text="<html>Bad gateway</html>"),
        refused("response_format is not supported", 422),
    ],
)
def test_a_server_that_takes_no_response_format_is_asked_without_and_that_is_remembered(refusal: web.Response) -> None:
    def plain(body: Body) -> web.Response:
        return refusal if "response_format" in body else said()

    answers, bodies = ask(plain, times=4)

    assert [a.text for a in answers] == [PAIRS] * 4
    assert ["response_format" in b for b in bodies[-2:]] == [False, False]
    assert len(bodies) <= 8
    assert answers[-1].left_out == ("json_schema (asked for text instead)",)


def test_a_server_that_fails_now_and_then_is_not_taken_to_die_of_the_schema() -> None:
    replies = iter([said(), web.Response(status=500), said(), said()])
    server = StandIn(lambda _: next(replies), lambda *_: None)

    def make(url: str) -> OpenAICompatible:
        return OpenAICompatible("openai:m", "m", base_url=url, timeout=5)

    with pytest.raises(TeacherUnreachable):
        asked(server, make, times=2)

    assert len(server.bodies) == 2, "the schema was taken before: nothing to find out"


def test_a_server_that_is_down_gets_few_requests_more_than_one_a_call() -> None:
    server = StandIn(lambda _: web.Response(status=500), lambda *_: None)

    class Patient(OpenAICompatible):
        async def ask(self, question: Question) -> Answer:
            for _ in range(8):
                with pytest.raises(TeacherUnreachable):
                    await super().ask(question)
            return Answer("", "m")

    asked(server, lambda url: Patient("openai:m", "m", base_url=url, timeout=5))

    assert len(server.bodies) <= 8 + 9


@pytest.mark.parametrize("status", [404, 400])
def test_an_unknown_model_is_not_asked_in_simpler_forms(status: int) -> None:
    server = StandIn(lambda _: refused("The model `m` does not exist", status, code="model_not_found"), lambda *_: None)

    with pytest.raises(TeacherRefused) as problem:
        asked(server, lambda url: OpenAICompatible("openai:m", "m", base_url=url, timeout=5))

    assert not problem.value.this_prompt_only
    assert len(server.bodies) == 1


def vllm(window: int, prompt: int, reply: int) -> str:
    return (
        f"This model's maximum context length is {window} tokens. However, you requested {prompt + reply} tokens "
        f"({prompt} in the messages, {reply} in the completion). Please reduce the length of the messages."
    )


WORDINGS = {
    "vllm": vllm,
    "vllm, new": lambda w, p, r: (
        f"'max_tokens' or 'max_completion_tokens' is too large: {r}. This model's maximum context length is {w} tokens "
        f"and your request has {p} input tokens ({r} > {w} - {p}). (parameter=max_tokens, value={r})"
    ),
    "tgi": lambda w, p, r: (
        f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {w}. Given: {p} `inputs` tokens and "
        f"{r} `max_new_tokens`"
    ),
    "anthropic": lambda w, p, r: f"input length and `max_tokens` exceed context limit: {p} + {r} > {w}, decrease them",
    "llama.cpp": lambda w, p, _r: f"request ({p} tokens) exceeds the available context size ({w} tokens)",
    "no numbers of the prompt": lambda w, _p, _r: (
        f"the context window of this model is {w} tokens; the request is longer"
    ),
}


@pytest.mark.parametrize("wording", WORDINGS.values(), ids=WORDINGS)
def test_the_window_is_learnt_from_the_error_and_the_reply_gets_what_is_left(wording: Any) -> None:
    long = replace(QUESTION, messages=(Message("system", RULES), Message("user", "word " * 1200)), max_tokens=8224)
    prompt = sum(len(m.content) for m in long.messages) // 4

    def small(body: Body) -> web.Response:
        used = sum(len(m["content"]) for m in body["messages"]) // 4
        room = body["max_tokens"]
        return refused(wording(4096, used, room)) if used + room > 4096 else said()

    answers, bodies = ask(small, long, times=3)

    assert [a.text for a in answers] == [PAIRS] * 3
    assert bodies[-1]["max_tokens"] <= 4096 - prompt
    assert bodies[-1]["max_tokens"] >= 1000, "no smaller than it must be"
    assert len(bodies) <= 6
    assert "response_format" in bodies[-1]


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("max_tokens is too large: 32768. This model supports at most 16384 completion tokens", 16384),
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
        ("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens`", 8192),
        ("max_tokens: 32768 > 8192, which is the maximum allowed number of output tokens for m", 8192),
    ],
)
def test_the_longest_reply_is_learnt_from_the_error(message: str, limit: int) -> None:
    def strict(body: Body) -> web.Response:
        return refused(message) if body["max_tokens"] > limit else said()

    answers, bodies = ask(strict, replace(QUESTION, max_tokens=32_768), times=2)

    assert [b["max_tokens"] for b in bodies] == [32_768, limit, limit]
    assert f"{limit:,}" in answers[-1].left_out[0]


def test_a_window_that_the_catalogue_knows_is_kept_from_the_first_request_on() -> None:
    _, bodies = ask(lambda _: said(), replace(QUESTION, max_tokens=8224), can=Capabilities(context=4096))

    assert 3500 < bodies[0]["max_tokens"] < 4096


def test_a_prompt_that_fills_the_window_is_refused_with_the_way_out() -> None:
    long = replace(QUESTION, messages=(Message("user", "word " * 4000),))

    with pytest.raises(TeacherRefused, match=r"5,?000 .*DATAFORGE_CHUNK_TOKENS.*DATAFORGE_MODELS") as problem:
        ask(lambda body: refused(vllm(4096, 5000, body["max_tokens"])), long)

    assert problem.value.this_prompt_only


def stream(*events: object, done: bool = True) -> web.Response:
    lines = [f"data: {json.dumps(e)}\n\n" for e in events] + ["data: [DONE]\n\n"] * done
    return web.Response(text=": PROCESSING\n\n" + "".join(lines), content_type="text/event-stream")


def piece(finish: str | None = None, **delta: object) -> Body:
    return {"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


HALVES = (PAIRS[:17], PAIRS[17:])
CALLS = [{"function": {"name": "qa", "arguments": PAIRS}}]
ELSEWHERE = {
    "reasoning_content": said(None, reasoning_content=PAIRS),
    "reasoning": said("", reasoning=PAIRS),
    "behind thoughts": said(None, reasoning_content=f'A draft: {{"pairs": []}}. Better:\n{PAIRS}'),
    "behind the mark": said(None, reasoning_content=f"Let me think.</think>\n{PAIRS}"),
    "tool call": said(None, "tool_calls", tool_calls=CALLS),
    "tool call of an object": said(None, tool_calls=[{"function": {"arguments": json.loads(PAIRS)}}]),
    "function call": said(None, function_call={"name": "qa", "arguments": PAIRS}),
    "stream": stream(*(piece(content=half) for half in HALVES), piece("stop")),
    "stream without its end mark": stream(*(piece(content=h) for h in HALVES), piece("stop"), done=False),
    "stream of reasoning": stream(*(piece(reasoning_content=half) for half in HALVES), piece("stop")),
    "stream of a tool call": stream(
        *(piece(tool_calls=[{"index": 0, "function": {"arguments": half}}]) for half in HALVES), piece("tool_calls")
    ),
}


@pytest.mark.parametrize("reply", ELSEWHERE.values(), ids=ELSEWHERE)
def test_an_answer_in_another_field_is_read(reply: web.Response) -> None:
    answer = ask(lambda _: reply)[0][0]

    assert json.loads(answer.text) == json.loads(PAIRS)


def test_a_stream_reports_its_usage() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}

    answer = ask(lambda _: stream(piece(content=PAIRS), piece("stop"), usage))[0][0]

    assert (answer.input_tokens, answer.output_tokens, answer.finish_reason) == (7, 5, "stop")


def test_a_stream_that_was_cut_off_is_asked_for_again() -> None:
    with pytest.raises(TeacherUnreachable):
        ask(lambda _: stream(piece(content=HALVES[0]), done=False))


@pytest.mark.parametrize("field", ["refusal", "part"])
def test_a_refusal_is_named_in_the_models_words(field: str) -> None:
    parts = [{"type": "refusal", "refusal": "I cannot help with that."}]
    reply = said(None, refusal="I cannot help with that.") if field == "refusal" else said(parts)

    answer = ask(lambda _: reply)[0][0]

    assert (answer.text, answer.finish_reason) == ("", "content_filter")
    assert answer.note == 'the model declined: "I cannot help with that."'


def test_a_budget_spent_on_thinking_is_named_with_what_was_thought() -> None:
    def thinking(_: Body) -> web.Response:
        body = json.loads(said("", "length", reasoning_content="Let me think. " * 50).body or b"")
        body["usage"]["completion_tokens_details"] = {"reasoning_tokens": 4096}
        return web.json_response(body)

    answer = ask(thinking)[0][0]

    assert (answer.text, answer.finish_reason) == ("", "length")
    assert "4,096 tokens on reasoning" in answer.note
    assert "Let me think." in answer.note
    assert "--max-tokens" in answer.note


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "Rate limit exceeded", "code": 429}, TeacherBusy),
        ({"message": "Insufficient credits. Add more.", "code": 402}, TeacherRefused),
        ({"message": "Upstream error from provider", "code": "502"}, TeacherUnreachable),
        ("odd", TeacherUnreachable),
    ],
)
@pytest.mark.parametrize("inside", [False, True], ids=["body", "choice"])
def test_an_error_with_the_status_200_is_the_error_that_it_names(
    error: Any, kind: type[Exception], inside: bool
) -> None:
    choice = {"index": 0, "finish_reason": "error", "error": error, "message": {"content": ""}}

    with pytest.raises(kind, match=error if isinstance(error, str) else error["message"].partition(".")[0]):
        ask(lambda _: web.json_response({"choices": [choice]} if inside else {"error": error}))


@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_page_of_a_proxy_is_shown_as_what_it_says(status: int) -> None:
    page = "<!doctype html><html><head><style>p {}</style></head><body><p>Please log in to the proxy</body></html>"

    with pytest.raises(
        (TeacherRefused, TeacherUnreachable, TeacherBusy), match="Please log in to the proxy"
    ) as problem:
        ask(lambda _: web.Response(status=status, text=page, content_type="text/html"))

    assert "<body>" not in str(problem.value)


@pytest.mark.parametrize(
    "reply",
    [
        refused("You exceeded your current quota", 429, type="insufficient_quota", code=None),
        refused("Country not supported", 403),
        refused("Insufficient Balance", 402),
        refused("Your account is not active", 429, code="billing_not_active"),
    ],
)
def test_an_account_without_money_or_rights_is_refused_at_once(reply: web.Response) -> None:
    server = StandIn(lambda _: reply, lambda *_: None)

    with pytest.raises(TeacherRefused) as problem:
        asked(server, lambda url: OpenAICompatible("openai:m", "m", base_url=url, timeout=5))

    assert not problem.value.this_prompt_only
    assert len(server.bodies) == 1


def test_one_prompt_that_a_gateway_flags_is_refused_alone() -> None:
    with pytest.raises(TeacherRefused) as problem:
        ask(lambda _: refused("Your input was flagged", 403, metadata={"reasons": ["violence"]}))

    assert problem.value.this_prompt_only


def test_what_was_learnt_in_real_time_holds_in_a_batch_job() -> None:
    def gemma(body: Body) -> web.Response:
        if "system" in roles(body):
            return refused("System role not supported")
        return refused(vllm(4096, 10, body["max_tokens"])) if body["max_tokens"] > 4000 else said()

    learnt: list[bytes] = []

    class Noting(OpenAICompatible):
        async def close(self) -> None:
            stored = OpenAIJobs(self, None, {}).learnt()
            later = OpenAICompatible("openai:m", "m", base_url="http://host.invalid/v1")
            learnt.append(OpenAIJobs(later, None, json.loads(json.dumps(stored))).line("0", QUESTION))
            await super().close()

    asked(StandIn(gemma, lambda *_: None), lambda url: Noting("openai:m", "m", base_url=url, timeout=5))

    body = json.loads(learnt[0])["body"]
    assert roles(body) == ["user"]
    assert body["max_tokens"] < 4000

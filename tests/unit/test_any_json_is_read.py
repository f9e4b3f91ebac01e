"""What a model or a provider writes is never believed in its type or range: arbitrary JSON reaches every reader.

Each reader returns what it promises or raises the error that it declares; anything else would end the call, and for a
reply that is on file each retry of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dataforge.errors import BadReply, TeacherError
from dataforge.recipes import RECIPES, invariants, judging, verifying
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.synthetic import asking, critic, planning, spec, taxonomy, variety
from dataforge.records import Answer, Message, Passage, Question, Slot
from dataforge.teachers import chat_reply, failures, response
from dataforge.teachers.anthropic import Anthropic
from dataforge.teachers.bedrock import converse_answer
from dataforge.teachers.bedrock_batch import BedrockJobs
from dataforge.teachers.jobs import NoReply
from dataforge.teachers.openai_batch import OpenAIJobs
from dataforge.teachers.response import Response
from dataforge.teachers.sagemaker import SageMaker
from tests.support.any_json import HUGE, JSON


def nested(depth: int, key: str = "n") -> str:
    """JSON that is deeper than any reader may follow: lists, and objects."""
    return f'{{"{key}":' * depth + "[" * 300 + "]" * 300 + "}" * depth


SLOTS = tuple(Slot(n, "chunk", ordinal=n) for n in range(2))
PASSAGE = Passage("The ferry to the island leaves at nine from the north pier. " * 12, ("Ferries",))


def of_recipe(name: str) -> Callable[[str], object]:
    options = GenerationOptions(own={"labels": ("ferries", "piers"), "turns": 2})
    asked = RECIPES[name].question(PASSAGE, SLOTS, options)

    def read(text: str) -> object:
        try:
            return RECIPES[name].read(Answer(text, "m"), asked)
        except BadReply as bad:
            return bad.drafts

    return read


def of_schema(schema: str, **request: object) -> Callable[[str], object]:
    wanted = spec.read({"schema": schema, "domain": "harbours", "count": 2, **request}, seed="syn_job_1")
    slots = list(planning.plan(wanted, variety.plain([])))
    return lambda text: asking.read(wanted, Answer(text, "m"), slots)


CONFLICTS = {"conflict_config": {"drive_pairs": [{"a": "safety", "b": "autonomy"}], "resolution_mode": "graded"}}
PREFERENCES = list(
    planning.plan(spec.read({"schema": "preference_v1", "domain": "x", "count": 2}, seed="1"), variety.plain([]))
)
VERIFIED = verifying.ShownRecord((Message("user", "When?"), Message("assistant", "At nine.")))
READERS: dict[str, Callable[[str], object]] = {
    **{f"recipe {name}": of_recipe(name) for name in RECIPES},
    **{schema: of_schema(schema) for schema in ("instruction_v1", "preference_v1", "eval_v1")},
    "conflict_v1": of_schema("conflict_v1", **CONFLICTS),
    "judge": lambda text: judging.read(Answer(text, "m"), [judging.JudgedRecord("q", "a")] * 3, ("tone",)),
    "verifier": lambda text: verifying.read(Answer(text, "m"), [VERIFIED] * 3),
    "critic": lambda text: critic.read(Answer(text, "m"), PREFERENCES),
    "checker": lambda text: invariants.read(Answer(text, "m"), 3, 2),
    "sub-topics": lambda text: taxonomy.read(Answer(text, "m")),
}


def can_be_stored(value: object) -> bool:
    """Text that a file or table takes; numbers that JSON has."""
    if hasattr(value, "__dataclass_fields__"):
        return all(can_be_stored(getattr(value, name)) for name in value.__dataclass_fields__)
    if isinstance(value, dict):
        return all(can_be_stored(one) for one in value.values())
    if isinstance(value, list | tuple):
        return all(map(can_be_stored, value))
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() == value
    return not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=150, deadline=None)
@example(text=json.dumps({"verdicts": [{"n": [1]}, {"n": {"n": 1}}, {"n": HUGE}, {"n": None}]}))
@example(text=json.dumps({"verdicts": [{"n": 1, "relevance": HUGE, "accuracy": -HUGE, "completeness": 1e400}]}))
@example(text=json.dumps({"records": [{"n": 1, "unsupported": [{"a": "At\ud800 nine"}, [1]], "reason": ["x"]}]}))
@example(text=json.dumps({"comparisons": [{"n": [1], "a": HUGE, "b": math.nan, "reasoning": ["x"]}]}))
@example(text=nested(10))
@example(text=nested(900, "records"))
@example(text="[" * 100_000)
@example(text='{"a":' * 50_000)
@example(text='{"records": [{"n": 1, "input": ' + "9" * 5000 + "}]}")
@given(text=st.one_of(JSON.map(json.dumps), st.text(max_size=200)))
def test_a_reader_bears_whatever_a_model_writes(name: str, text: str) -> None:
    assert can_be_stored(READERS[name](text))


def test_a_verdict_that_is_none_is_no_verdict() -> None:
    told = [{"n": [1], "relevance": 9}, {"n": 2, "relevance": HUGE, "accuracy": 9, "completeness": 9}]
    told += [{"n": "3", "relevance": 9, "accuracy": 8.0, "completeness": "7"}]

    found = judging.read(Answer(json.dumps({"verdicts": told}), "m"), [judging.JudgedRecord("q", "a")] * 3)

    assert found[:2] == [None, None]
    assert found[2] is not None
    assert (found[2].relevance, found[2].completeness) == (9.0, 7.0)


QUESTION = Question((Message("user", "x"),), Passage("x"), ())
CLAUDE = Anthropic("a", "a", base_url="http://127.0.0.1:1", api_key="k")


class _Silent:
    """A teacher that is never asked."""

    name = model = "m"
    connection = None


def _line(jobs: type, body: bytes) -> object:
    client: Any = jobs.__new__(jobs)
    client._name, client._teacher, client._price = "m", _Silent(), None
    return client._read(body)


BODIES: dict[str, Callable[[bytes], object]] = {
    "chat": lambda raw: chat_reply.chat_answer("m", "m", chat_reply.settled(Response(200, {}, raw)), None),
    "stream": lambda raw: chat_reply.settled(
        Response(200, {"content-type": "text/event-stream"}, b"data: " + raw + b"\n")
    ),
    "claude": lambda raw: CLAUDE._answer(Response(200, {}, raw)),
    "bedrock": lambda raw: converse_answer("m", "m", Response(200, {}, raw), None),
    "sagemaker": lambda raw: SageMaker("m", "e", region="us-east-1")._answer(Response(200, {}, raw)),
    "a refusal": lambda raw: failures.failure("m", Response(400, {}, raw)),
    "a failure": lambda raw: failures.failure("m", Response(503, {}, raw)),
    "codes": lambda raw: (response.error_code(raw), response.error_codes(raw), response.complaint(raw)),
}
LINES = {"openai": OpenAIJobs, "bedrock": BedrockJobs}


def bodies() -> st.SearchStrategy[Any]:
    """Almost what providers send: their shape with anything in one place or another."""
    message = st.fixed_dictionaries({}, optional=dict.fromkeys(("content", "tool_calls", "refusal", "reasoning"), JSON))
    choice = st.fixed_dictionaries({"message": message}, optional={"finish_reason": JSON, "delta": JSON})
    chat = st.fixed_dictionaries(
        {"choices": st.lists(choice, min_size=1, max_size=2)}, optional={"usage": JSON, "model": JSON}
    )
    converse = st.fixed_dictionaries(
        {"output": st.fixed_dictionaries({"message": st.fixed_dictionaries({"content": JSON})})},
        optional={"usage": JSON, "stopReason": JSON},
    )
    claude = st.fixed_dictionaries(
        {"type": st.just("message"), "content": st.lists(JSON, max_size=3)},
        optional={"usage": JSON, "stop_reason": JSON},
    )
    error = st.fixed_dictionaries({"error": JSON})
    return st.one_of(JSON, chat, converse, claude, error)


@pytest.mark.parametrize("name", BODIES)
@settings(max_examples=150, deadline=None)
@example(
    body={
        "choices": [{"message": {"content": "x"}, "finish_reason": {"a": 1}}],
        "model": [1],
        "usage": {"prompt_tokens": HUGE},
    }
)
@example(body={"output": {"message": {"content": ["x", None, 3]}}})
@example(body={"type": "message", "content": ["x", {"type": "text", "text": [1]}]})
@given(body=bodies())
def test_a_provider_may_answer_anything(name: str, body: object) -> None:
    for raw in (json.dumps(body).encode(), nested(200, "error").encode(), nested(5, "choices").encode()):
        try:
            found = BODIES[name](raw)
        except TeacherError as declared:
            found = declared.message
        assert not isinstance(found, Answer) or can_be_stored(found)


@pytest.mark.parametrize("name", LINES)
@settings(max_examples=150, deadline=None)
@given(body=bodies(), status=JSON, key=JSON)
def test_a_line_of_a_batch_job_may_hold_anything(name: str, body: object, status: object, key: object) -> None:
    for line in (
        {"custom_id": key, "response": {"status_code": status, "body": body}, "error": status},
        {"custom_id": "1", "response": {"status_code": 200, "body": body}},
        {"custom_id": "1", "response": body, "error": body},
        {"recordId": key, "modelOutput": body, "error": status},
        {"recordId": "SL1T1", "error": {"errorCode": status, "errorMessage": body}},
        body,
    ):
        found, answer = _line(LINES[name], json.dumps(line).encode())  # type: ignore[misc]

        assert isinstance(found, str)
        assert isinstance(answer, Answer | NoReply)


def test_lines_nested_too_deep_are_no_replies() -> None:
    for jobs in LINES.values():
        deep = nested(300, "body").encode()
        for line in (deep, b'{"custom_id":"1","response":{"status_code":500,"body":%s}}' % deep, b"[" * 10**6):
            _, answer = _line(jobs, line)  # type: ignore[misc]

            assert isinstance(answer, NoReply)
            assert orjson.dumps(answer.reason)

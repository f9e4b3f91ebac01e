"""How questions are divided among batch jobs, what their lines are made of, and what becomes of a line's error."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.records import Answer, Message, Passage, Question
from dataforge.teachers.bedrock import Bedrock
from dataforge.teachers.bedrock_batch import BatchLocation, BedrockJobs, record_id, reply_key
from dataforge.teachers.jobs import BatchJobs, NoReply
from dataforge.teachers.openai_batch import OpenAIJobs
from dataforge.teachers.openai_compatible import OpenAICompatible
from dataforge.teachers.ports import JobLimits
from dataforge.teachers.prices import Price
from dataforge.teachers.response import Response
from dataforge.workflows.engine.provider_batch.submitting import _Sized, split_into_jobs


def sized(*sizes: int) -> list[_Sized]:
    return [_Sized(key=f"{n:06d}#00", batch=0, slots=1, most=0.01, size=size) for n, size in enumerate(sizes)]


@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=200),
    st.integers(1, 40),
    st.integers(500, 5000),
    st.integers(1, 5),
)
def test_every_job_is_within_the_limits_and_no_question_is_in_two(
    sizes: list[int], most: int, room: int, least: int
) -> None:
    limits = JobLimits(min(least, most), most, room)

    groups = split_into_jobs(sized(*sizes), limits)

    keys = [s.key for g in groups for s in g]
    assert len(keys) == len(set(keys))
    assert all(limits.least <= len(g) <= most and sum(s.size for s in g) <= room for g in groups)


def test_jobs_are_of_about_equal_size_so_that_no_rest_is_too_small_for_one() -> None:
    groups = split_into_jobs(sized(*[10] * 1010), JobLimits(100, 500, 10**6))

    assert [len(g) for g in groups] == [337, 337, 336]


def test_a_price_in_a_batch_job_is_a_share_of_every_part() -> None:
    price = Price(2.0, 8.0, cached=0.5, cache_write=2.5, batch=0.5)

    assert price.batched == Price(1.0, 4.0, cached=0.25, cache_write=1.25)
    assert price.batched.batched == price.batched


def test_a_record_of_bedrock_is_eleven_letters_and_digits_and_leads_back() -> None:
    assert record_id("000012#03") == "SL000012T03"
    assert reply_key(record_id("000012#03")) == "000012#03"


def question(kind: str) -> Question:
    return Question((Message("user", "x"),), Passage("x"), (), kind=kind, json_schema={"type": "object"})


def openai_jobs(learnt: dict[str, Any], replies: list[dict[str, Any]] | None = None) -> OpenAIJobs:
    """A client whose server holds these lines."""

    async def send(method: str, url: str, *_: object) -> Response:
        return Response(200, {}, b'{"output_file_id": "f"}')

    async def lines(*_: object) -> AsyncIterator[bytes]:
        for reply in replies or []:
            yield json.dumps(reply).encode()

    teacher = OpenAICompatible("openai:m", "m", base_url="http://x/v1")
    teacher.connection = SimpleNamespace(send=send, lines=lines)  # type: ignore[assignment]
    return OpenAIJobs(teacher, Price(1.0, 2.0), learnt)


def bedrock_jobs(learnt: dict[str, Any], replies: list[dict[str, Any]] | None = None) -> BedrockJobs:
    async def send(*_: object) -> Response:
        return Response(200, {}, b'{"outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://b/folder/"}}}')

    raw = b"".join(json.dumps(reply).encode() + b"\n" for reply in replies or [])
    files: Any = SimpleNamespace(
        list=lambda _: [SimpleNamespace(key="folder/job/x.jsonl.out")], open=lambda _: io.BytesIO(raw)
    )
    call: Any = SimpleNamespace(send=send)
    teacher = Bedrock("bedrock:m", "m", region="eu-west-1")
    return BedrockJobs(teacher, Price(1.0, 2.0), learnt, call=call, place=BatchLocation("b", "role", files, True))


def read(jobs: BatchJobs) -> dict[str, Answer | NoReply]:
    async def every() -> dict[str, Answer | NoReply]:
        return {key: reply async for key, reply in jobs.replies("job")}

    return asyncio.run(every())


def chat_form(jobs: BatchJobs, kind: str) -> str:
    body = json.loads(jobs.line("0#0", question(kind)))["body"]
    return str(body.get("response_format", {"type": "text"})["type"])


def converse_form(jobs: BatchJobs, kind: str) -> str:
    body = json.loads(jobs.line("0#0", question(kind)))["modelInput"]
    return "json_schema" if "outputConfig" in body else "tool" if "toolConfig" in body else "text"


def test_what_a_model_takes_is_stored_for_each_kind_of_question() -> None:
    first = openai_jobs({})
    start = first._teacher.known.of("judge")
    first._teacher.known.learn(question("judge"), start, type(start)(form="text", temperature=False), set())
    first._teacher.known.learn(question("qa"), first._teacher.known.of("qa"), first._teacher.known.of("qa"), set())

    again = openai_jobs(json.loads(json.dumps(first.learnt())))

    assert [chat_form(again, kind) for kind in ("judge", "qa")] == ["text", "json_schema"]
    assert "temperature" not in json.loads(again.line("0#0", question("qa")))["body"]
    assert chat_form(again, "critic") == "text"  # never asked: the simplest form that was needed so far


def test_a_job_sends_the_form_that_was_answered_even_where_the_refusal_named_nothing() -> None:
    jobs = openai_jobs({})
    known = jobs._teacher.known
    known.learn(question("qa"), known.of("qa"), type(known.of("qa"))(form="text"), {"form"})

    assert chat_form(jobs, "qa") == "text"
    assert known.of("qa").form == "json_schema"


def test_what_an_earlier_version_stored_holds_for_all_kinds() -> None:
    openai = openai_jobs({"form": "json_object", "tokens": "max_completion_tokens", "temperature": False})
    bedrock = bedrock_jobs({"form": "tool", "choice": "any", "system": True, "cache": True, "temperature": True})

    body = json.loads(openai.line("0#0", question("qa")))["body"]
    assert (chat_form(openai, "judge"), body["max_completion_tokens"]) == ("json_object", 4096)
    assert "temperature" not in body
    assert converse_form(bedrock, "judge") == "tool"
    assert json.loads(bedrock.line("0#0", question("qa")))["modelInput"]["toolConfig"]["toolChoice"] == {"any": {}}


@pytest.mark.parametrize(
    ("status", "message", "this_prompt_only"),
    [
        (400, "This model's maximum context length is 4096 tokens", True),
        (400, "Bad Request", True),
        (400, "The model `m` does not exist", False),
        (401, "Incorrect API key provided", False),
        (429, "slow down", False),
        (500, "internal", False),
    ],
)
def test_a_line_that_was_refused_for_its_prompt_says_so(status: int, message: str, this_prompt_only: bool) -> None:
    response = {"status_code": status, "body": {"error": {"message": message}}}
    openai = openai_jobs({}, [{"custom_id": "0#0", "response": response}])
    bedrock = bedrock_jobs({}, [{"recordId": "SL0T0", "error": {"errorCode": status, "errorMessage": message}}])

    for jobs in (openai, bedrock):
        reply = read(jobs)["0#0"]
        assert isinstance(reply, NoReply)
        assert message in reply.reason
        assert (reply.this_prompt_only, reply.may_be_billed) == (this_prompt_only, False)


def test_a_line_with_a_reply_that_cannot_be_read_may_be_billed() -> None:
    openai = openai_jobs({}, [{"custom_id": "0#0", "response": {"status_code": 200, "body": {"choices": []}}}])
    bedrock = bedrock_jobs({}, [{"recordId": "SL0T0", "modelOutput": {"output": None}}])

    for jobs in (openai, bedrock):
        reply = read(jobs)["0#0"]
        assert isinstance(reply, NoReply)
        assert reply.may_be_billed

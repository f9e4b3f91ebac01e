"""Teachers of three providers aimed at a local server, and replies as those providers word them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiohttp import web

from dataforge.records import Message
from dataforge.teachers.anthropic import Anthropic
from dataforge.teachers.bedrock import Bedrock
from dataforge.teachers.ports import Teacher
from dataforge.teachers.sagemaker import SageMaker
from tests.support import provider_servers
from tests.support.provider_servers import QUESTION, REGION

CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"


PAIRS = {"pairs": [{"question": "q", "answer": "a"}]}


LONG = replace(QUESTION, messages=(Message("system", provider_servers.RULES * 400), QUESTION.messages[1]))


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


JUDGE = replace(QUESTION, kind="judge")

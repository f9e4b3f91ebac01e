"""A model server in this process with a fault that the name of the model picks, for runs of every kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.chat_servers import answering
from tests.support.document_replies import pairs_for
from tests.support.scripted_replies import kind_of, scripted_reply

Body = dict[str, Any]
Reply = tuple[int, Body]


def refused(message: str, status: int = 400, **more: object) -> Reply:
    return status, {"error": {"message": message, **more}}


def said(text: str | None, finish: str = "stop", **message: object) -> Reply:
    return 200, {
        "model": "m",
        "choices": [{"finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 20},
    }


def good(body: Body) -> str:
    """What a capable model writes, whether the rules stand in a system text or in the user's message."""
    whole = "\n\n".join(m["content"] for m in body["messages"])
    asked = {"messages": [{"role": "system", "content": whole}, {"role": "user", "content": whole}]}
    if "<passage>" in whole:
        return json.dumps({"pairs": pairs_for(whole)})
    return scripted_reply(asked) if kind_of(asked) else ""


def _without_system(body: Body) -> Reply:
    return refused("System role not supported") if body["messages"][0]["role"] == "system" else said(good(body))


def _without_format(status: int) -> Callable[[Body], Reply]:
    message = "No endpoints found that can handle the requested parameters."
    return lambda body: refused(message, status) if "response_format" in body else said(good(body))


def _small_window(body: Body) -> Reply:
    used = sum(len(m["content"]) for m in body["messages"]) // 4
    if used + body["max_tokens"] > 4096:
        return refused(f"This model's maximum context length is 4096 tokens, but {used} in the messages were sent")
    return said(good(body))


FAULTS: dict[str, Callable[[Body], Reply]] = {
    "sysrole": _without_system,
    "rf404": _without_format(404),
    "rf500": _without_format(500),
    "ctx4096": _small_window,
    "reasoning": lambda body: said(None, reasoning_content=good(body)),
    "toolcalls": lambda body: said(None, "tool_calls", tool_calls=[{"function": {"arguments": good(body)}}]),
    "refuse": lambda _: said("I cannot write about harbours."),
    "refusalfield": lambda _: said(None, refusal="I cannot write about harbours."),
    "quota": lambda _: refused("You exceeded your current quota", 429, code="insufficient_quota"),
    "blocked": lambda _: refused("Sorry, you have been blocked", 403),
    "err200": lambda _: (200, {"error": {"message": "Insufficient credits", "code": 402}}),
}


@contextmanager
def odd_server() -> Iterator[tuple[str, list[Body]]]:
    """Its address, and what it was sent so far."""
    bodies: list[Body] = []

    def reply(body: Body, _: str) -> Reply:
        bodies.append(body)
        return FAULTS[body["model"]](body)

    with answering(reply) as url:
        yield url, bodies

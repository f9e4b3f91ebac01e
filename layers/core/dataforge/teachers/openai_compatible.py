"""Any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp, LM Studio.

Wire format: platform.openai.com/docs/api-reference/chat (POST {base}/chat/completions).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from dataforge.records import Answer, Question
from dataforge.teachers.connection import Connection
from dataforge.teachers.dialects import Dialect, KnownDialect, Step, negotiate
from dataforge.teachers.failures import failure
from dataforge.teachers.ports import Capabilities, Finish
from dataforge.teachers.prices import Price
from dataforge.teachers.response import Response, error_code, rate_limits, token_count, unreadable
from dataforge.text.normal_forms import repair_surrogates

FINISH: dict[str, Finish] = {"stop": "stop", "length": "length", "content_filter": "content_filter"}
FILTERED = {"content_filter", "content_policy_violation"}
"""Error codes for one prompt that a provider will not answer; the next one may pass."""


@dataclass(frozen=True, slots=True)
class ChatDialect(Dialect):
    """Which parameters of a chat completion a server takes. Forms: json_schema, json_object, text."""

    tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True

    def simpler(self, response: Response) -> Step[ChatDialect] | None:
        text = response.excerpt.lower()
        if "max_completion_tokens" in text and self.tokens == "max_tokens":
            return self.without(response, "max_completion_tokens", tokens="max_completion_tokens")
        if "temperature" in text and self.temperature:
            return self.without(response, "temperature", temperature=False)
        return self.with_simpler_form(response, "json_object", "text")


class OpenAICompatible:
    """One connection pool per teacher; close it when the batch ends.

    base_url: up to and with the version (`https://host/v1`). api_key: None for servers that need none.
    timeout: seconds for one whole reply. price: None when the model's price is not known.
    """

    def __init__(
        self,
        name: str,
        model: str,
        *,
        base_url: str,
        api_key: str | None = None,
        price: Price | None = None,
        timeout: float = 120.0,
        can: Capabilities | None = None,
    ) -> None:
        self.name, self.model, self._price = name, model, price
        self.can = can or Capabilities(json_schema=True)
        self.known = KnownDialect(
            ChatDialect(
                form="json_schema" if self.can.json_schema else "text",
                tokens="max_tokens" if self.can.temperature else "max_completion_tokens",
                temperature=self.can.temperature,
            )
        )
        self.base_url = base_url.strip().rstrip("/")
        self.headers = {"Content-Type": "application/json"}
        if api_key and api_key.strip():
            self.headers["Authorization"] = f"Bearer {api_key.strip()}"
        self.connection = Connection(name, timeout)

    async def ask(self, question: Question) -> Answer:
        """Raises as `ports.Teacher` says."""
        outcome = await negotiate(
            self.known,
            question,
            lambda dialect: self._post(question, dialect),
            lambda response: chat_answer(self.name, self.model, response, self._price),
            is_refusal=lambda response: (
                response.status in (400, 422) and not is_filtered(response.status, response.raw)
            ),
        )
        if isinstance(outcome, Answer):
            return outcome
        if is_filtered(outcome.status, outcome.raw):
            return Answer("", self.model, "content_filter")
        raise failure(self.name, outcome)

    async def _post(self, question: Question, dialect: ChatDialect) -> Response:
        body = orjson.dumps(chat_body(self.model, question, dialect))
        return await self.connection.post(f"{self.base_url}/chat/completions", body, self.headers)

    async def close(self) -> None:
        await self.connection.close()


def is_filtered(status: int, raw: bytes) -> bool:
    """The provider's content filter stopped this prompt."""
    return status in (400, 422) and error_code(raw) in FILTERED


def chat_body(model: str, question: Question, dialect: ChatDialect) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": m.role, "content": m.content} for m in question.messages],
        dialect.tokens: question.max_tokens,
    }
    if dialect.temperature:
        body["temperature"] = question.temperature
    if question.json_schema is not None and dialect.form == "json_schema":
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": question.kind, "strict": True, "schema": question.json_schema},
        }
    elif question.json_schema is not None and dialect.form == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def chat_answer(name: str, model: str, response: Response, price: Price | None) -> Answer:
    """Raises TeacherUnreachable for what is no chat completion."""
    if response.is_truncated:
        return Answer("", model, "length", cost_usd=None)
    try:
        reply = json.loads(response.raw)
        choice = reply["choices"][0]
        text = _text(choice["message"].get("content"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise unreadable(name, response) from None
    usage = reply.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("prompt_tokens_details")
    cached = token_count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    read, written = token_count(usage.get("prompt_tokens")), token_count(usage.get("completion_tokens"))
    return Answer(
        text=repair_surrogates(text),
        model=repair_surrogates(str(reply.get("model") or model))[:200],
        finish_reason=FINISH.get(str(choice.get("finish_reason") or "stop"), "other"),
        input_tokens=read,
        output_tokens=written,
        cost_usd=price.of(read, written, cached=cached) if price else None,
        cached_tokens=cached,
        rates=rate_limits(response.headers),
    )


def _text(content: object) -> str:
    """A message's content: text, a list of parts of which some are text, or nothing."""
    if isinstance(content, list):
        return "".join(_text(p.get("text")) for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""

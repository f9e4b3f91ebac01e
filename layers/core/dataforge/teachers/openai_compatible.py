"""Any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp, LM Studio.

Wire format: platform.openai.com/docs/api-reference/chat (POST {base}/chat/completions).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from dataforge.records import Answer, Question
from dataforge.teachers.connection import (
    Connection,
    Response,
    code,
    count,
    failure,
    not_understood,
    rates,
)
from dataforge.teachers.ports import Capabilities, Finish
from dataforge.teachers.prices import Price
from dataforge.text.normal_forms import repair_surrogates

FINISH: dict[str, Finish] = {"stop": "stop", "length": "length", "content_filter": "content_filter"}
FILTERED = {"content_filter", "content_policy_violation"}
"""Error codes for one prompt that a provider will not answer; the next one may pass."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which parameters a server takes. The richest is tried first; what a server refuses is left out from then on."""

    form: Literal["json_schema", "json_object", "text"] = "json_schema"
    tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True

    def simpler(self, said: str) -> Dialect | None:
        """The next to try after a 400 that said this; None: it is not the parameters."""
        if "max_completion_tokens" in said and self.tokens == "max_tokens":
            return replace(self, tokens="max_completion_tokens")
        if "temperature" in said and self.temperature:
            return replace(self, temperature=False)
        if self.form == "text":
            return None
        return replace(self, form="json_object" if self.form == "json_schema" else "text")


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
        self.dialect = Dialect(
            "json_schema" if self.can.json_schema else "text",
            temperature=self.can.temperature,
            tokens="max_tokens" if self.can.temperature else "max_completion_tokens",
        )
        self.base_url = base_url.strip().rstrip("/")
        self.headers = {"Content-Type": "application/json"}
        if api_key and api_key.strip():
            self.headers["Authorization"] = f"Bearer {api_key.strip()}"
        self.connection = Connection(name, timeout)

    async def ask(self, question: Question) -> Answer:
        """Raises as `ports.Teacher` says."""
        dialect: Dialect | None = self.dialect
        while dialect is not None:
            body = chat_body(self.model, question, dialect)
            response = await self.connection.post(f"{self.base_url}/chat/completions", orjson.dumps(body), self.headers)
            if response.status == 200:
                self.dialect = dialect
                return chat_answer(self.name, self.model, response, self._price)
            if response.status in (400, 422) and code(response.raw) in FILTERED:
                return Answer("", self.model, "content_filter")
            dialect = dialect.simpler(response.says) if response.status in (400, 422) else None
        raise failure(self.name, response)

    async def close(self) -> None:
        await self.connection.close()


def chat_body(model: str, question: Question, dialect: Dialect) -> dict[str, Any]:
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
    if response.is_cut:
        return Answer("", model, "length")
    try:
        reply = json.loads(response.raw)
        choice = reply["choices"][0]
        text = _text(choice["message"].get("content"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise not_understood(name, response) from None
    usage = reply.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("prompt_tokens_details")
    cached = count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    sent, made = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    return Answer(
        repair_surrogates(text),
        repair_surrogates(str(reply.get("model") or model))[:200],
        FINISH.get(str(choice.get("finish_reason") or "stop"), "other"),
        sent,
        made,
        price.of(sent, made, cached=cached) if price else None,
        cached,
        rates(response.headers),
    )


def _text(content: object) -> str:
    """A message's content: text, a list of parts of which some are text, or nothing."""
    if isinstance(content, list):
        return "".join(_text(p.get("text")) for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""

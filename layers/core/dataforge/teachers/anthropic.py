"""Claude by its own API: `anthropic:<model>`.

Wire format: docs.claude.com/en/api/messages (POST {base}/messages). System text stands apart, the token count of a
cached prefix too; the schema goes as an output format, for older models as the input of a tool that must be used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson

from dataforge.platform.ports import Item
from dataforge.records import Answer, Question
from dataforge.teachers.bedrock import TOOL, is_long
from dataforge.teachers.connection import Connection
from dataforge.teachers.dialects import KnownDialect, RequestParts, Step, negotiate
from dataforge.teachers.failures import failure
from dataforge.teachers.ports import Capabilities, Finish
from dataforge.teachers.prices import Price
from dataforge.teachers.response import MISFITS, Response, parsed, rate_limits, token_count, unreadable, word
from dataforge.text.normal_forms import repair_surrogates

VERSION = "2023-06-01"
FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


@dataclass(frozen=True, slots=True)
class MessagesDialect(RequestParts):
    """Which parts of a Messages request a model takes. Forms: json_schema, tool, text."""

    temperature: bool = True

    def simpler(self, response: Response) -> Step[MessagesDialect] | None:
        if self.temperature and "temperature" in response.excerpt.lower():
            return self.without(response, "temperature", temperature=False)
        return self.with_simpler_form(response, "tool", "text")


class Anthropic:
    """base_url: up to and with the version (`https://api.anthropic.com/v1`)."""

    def __init__(
        self,
        name: str,
        model: str,
        *,
        base_url: str,
        api_key: str,
        price: Price | None = None,
        timeout: float = 120.0,
        can: Capabilities | None = None,
    ) -> None:
        self.name, self.model, self._price = name, model, price
        self.can = can or Capabilities(json_schema=True, cache_from=1024)
        self._known = KnownDialect(MessagesDialect(form=self.can.form, temperature=self.can.temperature))
        self._url = base_url.strip().rstrip("/") + "/messages"
        self._headers = {
            "Content-Type": "application/json",
            "x-api-key": api_key.strip(),
            "anthropic-version": VERSION,
        }
        self._connection = Connection(name, timeout)

    async def ask(self, question: Question) -> Answer:
        """Raises as `ports.Teacher` says."""
        outcome = await negotiate(
            self._known,
            question,
            lambda dialect: self._post(question, dialect),
            self._answer,
            is_refusal=lambda response: response.status == 400,
        )
        if isinstance(outcome, Answer):
            return outcome
        raise failure(self.name, outcome)

    async def _post(self, question: Question, dialect: MessagesDialect) -> Response:
        body = request(self.model, question, dialect, cache_from=self.can.cache_from)
        return await self._connection.post(self._url, orjson.dumps(body), self._headers)

    def learnt(self) -> Item:
        return self._known.confirmed()

    def load(self, learnt: Item) -> None:
        self._known.load(learnt)

    async def close(self) -> None:
        await self._connection.close()

    def _answer(self, response: Response) -> Answer:
        if response.is_truncated:
            return Answer("", self.model, "length", cost_usd=None)
        message = parsed(self.name, response)
        content = message.get("content")
        if not isinstance(content, list) or message.get("type") != "message":
            raise unreadable(self.name, response)
        try:
            text = _text(content)
        except MISFITS:
            raise unreadable(self.name, response) from None
        usage = message.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        cached = token_count(usage.get("cache_read_input_tokens"))
        cache_written = token_count(usage.get("cache_creation_input_tokens"))
        read = token_count(usage.get("input_tokens")) + cached + cache_written
        written = token_count(usage.get("output_tokens"))
        return Answer(
            text=repair_surrogates(text),
            model=repair_surrogates(word(message.get("model")) or self.model)[:200],
            finish_reason=FINISH.get(word(message.get("stop_reason")), "other"),
            input_tokens=read,
            output_tokens=written,
            cost_usd=self._price.of(read, written, cached=cached, written=cache_written) if self._price else None,
            cached_tokens=cached,
            rates=rate_limits(response.headers),
        )


def request(model: str, question: Question, dialect: MessagesDialect, *, cache_from: int | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": question.max_tokens,
        "messages": [{"role": m.role, "content": m.content} for m in question.messages if m.role != "system"],
    }
    if system := "\n\n".join(m.content for m in question.messages if m.role == "system"):
        block: dict[str, Any] = {"type": "text", "text": system}
        if cache_from is not None and is_long(system, cache_from):
            block["cache_control"] = {"type": "ephemeral"}
        body["system"] = [block]
    if dialect.temperature:
        body["temperature"] = min(question.temperature, 1.0)  # the API: 0 to 1
    if question.json_schema is not None and dialect.form == "json_schema":
        body["output_config"] = {"format": {"type": "json_schema", "schema": question.json_schema}}
    elif question.json_schema is not None and dialect.form == "tool":
        body["tools"] = [{"name": TOOL, "description": "Hand in the records.", "input_schema": question.json_schema}]
        body["tool_choice"] = {"type": "tool", "name": TOOL}
    return body


def _text(content: list[Any]) -> str:
    """The input of the tool, else the text; thinking blocks are left out."""
    blocks = [b for b in content if isinstance(b, dict)]
    used = [b.get("input") for b in blocks if b.get("type") == "tool_use"]
    if used:
        return json.dumps(used[0], ensure_ascii=False)
    return "".join(word(b.get("text")) for b in blocks if b.get("type") == "text")

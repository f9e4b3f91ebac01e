"""Claude by its own API: `anthropic:<model>`.

Wire format: docs.claude.com/en/api/messages (POST {base}/messages). System text stands apart, the token count of a
cached prefix too; the schema goes as an output format, for older models as the input of a tool that must be used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import orjson

from dataforge.records import Answer, Question
from dataforge.teachers.bedrock import TOOL, is_long
from dataforge.teachers.connection import Connection, Response, count, failure, not_understood, parsed, rates
from dataforge.teachers.ports import Capabilities, Finish, Form
from dataforge.teachers.prices import Price
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
_UNPAID = ("credit balance", "spend limit", "usage limits")
"""Words of a 400 that is about money, not about the request's parts."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which parts of a Messages request a model takes."""

    form: Form = "json_schema"
    temperature: bool = True

    def simpler(self, said: str) -> Dialect | None:
        """The next to try after a 400 that said this; None: it is not the parts."""
        if any(word in said for word in _UNPAID):
            return None
        if self.temperature and "temperature" in said:
            return replace(self, temperature=False)
        if self.form == "text":
            return None
        return replace(self, form="tool" if self.form == "json_schema" else "text")


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
        self._dialect = Dialect(self.can.form, self.can.temperature)
        self._url = base_url.strip().rstrip("/") + "/messages"
        self._headers = {
            "Content-Type": "application/json",
            "x-api-key": api_key.strip(),
            "anthropic-version": VERSION,
        }
        self._connection = Connection(name, timeout)

    async def ask(self, question: Question) -> Answer:
        """Raises as `ports.Teacher` says."""
        dialect: Dialect | None = self._dialect
        while dialect is not None:
            body = request(self.model, question, dialect, cache_from=self.can.cache_from)
            response = await self._connection.post(self._url, orjson.dumps(body), self._headers)
            if response.status == 200:
                self._dialect = dialect
                return self._answer(response)
            dialect = dialect.simpler(response.says) if response.status == 400 else None
        raise failure(self.name, response)

    async def close(self) -> None:
        await self._connection.close()

    def _answer(self, response: Response) -> Answer:
        if response.is_cut:
            return Answer("", self.model, "length")
        told = parsed(self.name, response)
        content = told.get("content")
        if not isinstance(content, list) or told.get("type") != "message":
            raise not_understood(self.name, response)
        usage = told.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        cached, written = count(usage.get("cache_read_input_tokens")), count(usage.get("cache_creation_input_tokens"))
        sent, made = count(usage.get("input_tokens")) + cached + written, count(usage.get("output_tokens"))
        return Answer(
            repair_surrogates(_text(content)),
            repair_surrogates(str(told.get("model") or self.model))[:200],
            FINISH.get(str(told.get("stop_reason")), "other"),
            sent,
            made,
            self._price.of(sent, made, cached=cached, written=written) if self._price else None,
            cached,
            rates(response.headers),
        )


def request(model: str, question: Question, dialect: Dialect, *, cache_from: int | None) -> dict[str, Any]:
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
    """What the tool was given, else the text; thinking blocks are left out."""
    blocks = [b for b in content if isinstance(b, dict)]
    used = [b.get("input") for b in blocks if b.get("type") == "tool_use"]
    if used:
        return json.dumps(used[0], ensure_ascii=False)
    return "".join(str(b.get("text") or "") for b in blocks if b.get("type") == "text")

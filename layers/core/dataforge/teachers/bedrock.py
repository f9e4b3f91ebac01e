"""Every text model on Amazon Bedrock, through the Converse API: `bedrock:<model id, inference profile or its ARN>`.

Wire format: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. One request shape serves all
models, but not every model takes every part of it (see `dialects`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import orjson

from dataforge.platform.ports import Item
from dataforge.records import Answer, Question
from dataforge.teachers.aws_call import HINT, AwsCall
from dataforge.teachers.dialects import KnownDialect, RequestParts, Step, in_user_turn, negotiate
from dataforge.teachers.failures import failure
from dataforge.teachers.ports import Capabilities, Finish
from dataforge.teachers.prices import Price
from dataforge.teachers.response import MISFITS, Response, parsed, token_count, unreadable, word
from dataforge.text.normal_forms import repair_surrogates

FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
TOOL = "write_records"
_CACHE_POINT = {"cachePoint": {"type": "default"}}


@dataclass(frozen=True, slots=True)
class ConverseDialect(RequestParts):
    """Which parts of a Converse request a model takes. Forms: json_schema, tool, text.

    choice: how the model is made to use the tool; some take a weaker setting only.
    """

    choice: Literal["tool", "any", "auto"] = "tool"
    system: bool = True
    cache: bool = True
    temperature: bool = True

    def simpler(self, response: Response) -> Step[ConverseDialect] | None:
        text = response.excerpt.lower()
        if self.cache and "cach" in text:
            return self.without(response, "cach", cache=False)
        if self.system and "system" in text and "support" in text:
            return self.without(response, "system", system=False)
        if self.temperature and "temperature" in text:
            return self.without(response, "temperature", temperature=False)
        if self.form == "tool" and self.choice != "auto" and "toolchoice" in text.replace("_", "").replace(".", ""):
            weaker = "any" if self.choice == "tool" else "auto"
            return self.without(response, "toolchoice", "tool_choice", "tool.choice", choice=weaker)
        return self.with_simpler_form(response, "tool", "text")


class Bedrock:
    """region: where the model runs. base_url: another address than the region's (a private endpoint, a test).

    key: a Bedrock API key; without one, requests are signed with the credentials of this process.
    """

    def __init__(
        self,
        name: str,
        model: str,
        *,
        region: str,
        base_url: str | None = None,
        key: str | None = None,
        price: Price | None = None,
        timeout: float = 120.0,
        can: Capabilities | None = None,
    ) -> None:
        self.name, self.model, self._price = name, model, price
        self.can = can or Capabilities(json_schema=True, cache_from=1024)
        self.known = KnownDialect(ConverseDialect(form=self.can.form, temperature=self.can.temperature))
        self._path = f"/model/{quote(model, safe='')}/converse"
        self._call = AwsCall(
            name,
            timeout,
            service="bedrock",
            region=region,
            key=key,
            base_url=base_url or f"https://bedrock-runtime.{region}.amazonaws.com",
        )

    async def ask(self, question: Question) -> Answer:
        """Raises as `ports.Teacher` says."""
        outcome = await negotiate(
            self.known,
            question,
            lambda dialect: self._post(question, dialect),
            lambda response: converse_answer(self.name, self.model, response, self._price),
            is_refusal=lambda response: response.status == 400,
        )
        if isinstance(outcome, Answer):
            return outcome
        raise failure(self.name, outcome, hint=f"{HINT} (bedrock:InvokeModel; the model may need to be enabled first)")

    async def _post(self, question: Question, dialect: ConverseDialect) -> Response:
        body = request(question, dialect, cache_from=self.can.cache_from)
        return await self._call.post(self._path, orjson.dumps(body))

    def learnt(self) -> Item:
        return self.known.confirmed()

    def load(self, learnt: Item) -> None:
        self.known.load(learnt)

    async def close(self) -> None:
        await self._call.close()


def converse_answer(name: str, model: str, response: Response, price: Price | None) -> Answer:
    """Raises TeacherUnreachable for what is no reply of Converse."""
    if response.is_truncated:
        return Answer("", model, "length", cost_usd=None)
    reply = parsed(name, response)
    try:
        text = _text(reply["output"]["message"]["content"])
    except MISFITS:
        raise unreadable(name, response) from None
    usage = reply.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    cached, cache_written = (token_count(usage.get(f"cache{what}InputTokens")) for what in ("Read", "Write"))
    read = token_count(usage.get("inputTokens")) + cached + cache_written
    written = token_count(usage.get("outputTokens"))
    return Answer(
        text=repair_surrogates(text),
        model=model,
        finish_reason=FINISH.get(word(reply.get("stopReason")), "other"),
        input_tokens=read,
        output_tokens=written,
        cost_usd=price.of(read, written, cached=cached, written=cache_written) if price else None,
        cached_tokens=cached,
    )


def request(question: Question, dialect: ConverseDialect, *, cache_from: int | None) -> dict[str, Any]:
    system = "\n\n".join(m.content for m in question.messages if m.role == "system")
    turns = [m for m in question.messages if m.role != "system"] if dialect.system else in_user_turn(question.messages)
    inference: dict[str, Any] = {"maxTokens": question.max_tokens}
    if dialect.temperature:
        inference["temperature"] = min(question.temperature, 1.0)  # Converse: 0 to 1
    body: dict[str, Any] = {
        "messages": [{"role": m.role, "content": [{"text": m.content}]} for m in turns],
        "inferenceConfig": inference,
    }
    if system and dialect.system:
        is_cached = dialect.cache and cache_from is not None and is_long(system, cache_from)
        body["system"] = [{"text": system}, *([_CACHE_POINT] if is_cached else [])]
    if question.json_schema is not None:
        body |= _output_form(question.kind, question.json_schema, dialect)
    return body


def is_long(text: str, tokens: int) -> bool:
    """Surely at least this many tokens: English has about four characters in one."""
    return len(text) >= 4.2 * tokens


def _output_form(kind: str, schema: dict[str, object], dialect: ConverseDialect) -> dict[str, Any]:
    if dialect.form == "json_schema":
        definition = {"schema": json.dumps(schema), "name": kind}
        return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}}
    if dialect.form == "tool":
        spec = {"name": TOOL, "description": "Hand in the records.", "inputSchema": {"json": schema}}
        choice: dict[str, Any] = {dialect.choice: {"name": TOOL} if dialect.choice == "tool" else {}}
        return {"toolConfig": {"tools": [{"toolSpec": spec}], "toolChoice": choice}}
    return {}


def _text(content: list[dict[str, Any]]) -> str:
    """The input of the tool, else the text; reasoning blocks are left out."""
    used = [b["toolUse"]["input"] for b in content if isinstance(b.get("toolUse"), dict)]
    if used:
        return json.dumps(used[0], ensure_ascii=False)
    return "".join(b["text"] for b in content if isinstance(b.get("text"), str))

"""Every text model on Amazon Bedrock, through the Converse API: `bedrock:<model id, inference profile or its ARN>`.

Wire format: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. One request shape serves all
models, but not every model takes every part of it; what a model refuses is left out from then on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote

import orjson

from dataforge.records import Answer, Message, Question
from dataforge.teachers.aws_call import HINT, AwsCall
from dataforge.teachers.connection import Response, count, failure, not_understood, parsed
from dataforge.teachers.ports import Capabilities, Finish, Form
from dataforge.teachers.prices import Price
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
class Dialect:
    """Which parts of a Converse request a model takes."""

    form: Form = "json_schema"
    choice: Literal["tool", "any", "auto"] = "tool"
    """How a model is told to use the tool; some know only a weaker word."""
    system: bool = True
    cache: bool = True
    temperature: bool = True

    def simpler(self, said: str) -> Dialect | None:
        """The next to try after a ValidationException that said this; None: it is not the parts."""
        said = said.lower()
        if self.cache and "cach" in said:
            return replace(self, cache=False)
        if self.system and "system" in said and "support" in said:
            return replace(self, system=False)
        if self.temperature and "temperature" in said:
            return replace(self, temperature=False)
        if self.form == "tool" and self.choice != "auto" and "toolchoice" in said.replace("_", "").replace(".", ""):
            return replace(self, choice="any" if self.choice == "tool" else "auto")
        if self.form == "text":
            return None
        return replace(self, form="tool" if self.form == "json_schema" else "text")


class Bedrock:
    """region: where the model is asked. base_url: another address than the region's (a private endpoint, a test).

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
        self.dialect = Dialect(self.can.form, temperature=self.can.temperature)
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
        dialect: Dialect | None = self.dialect
        while dialect is not None:
            body = request(question, dialect, cache_from=self.can.cache_from)
            response = await self._call.post(self._path, orjson.dumps(body))
            if response.status == 200:
                self.dialect = dialect
                return converse_answer(self.name, self.model, response, self._price)
            dialect = dialect.simpler(response.says) if response.status == 400 else None
        raise failure(self.name, response, hint=f"{HINT} (bedrock:InvokeModel; the model may need to be enabled first)")

    async def close(self) -> None:
        await self._call.close()


def converse_answer(name: str, model: str, response: Response, price: Price | None) -> Answer:
    """Raises TeacherUnreachable for what is no reply of Converse."""
    if response.is_cut:
        return Answer("", model, "length")
    told = parsed(name, response)
    try:
        text = _text(told["output"]["message"]["content"])
    except (KeyError, TypeError):
        raise not_understood(name, response) from None
    usage = told.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    cached, written = count(usage.get("cacheReadInputTokens")), count(usage.get("cacheWriteInputTokens"))
    sent, made = count(usage.get("inputTokens")) + cached + written, count(usage.get("outputTokens"))
    return Answer(
        repair_surrogates(text),
        model,
        FINISH.get(str(told.get("stopReason")), "other"),
        sent,
        made,
        price.of(sent, made, cached=cached, written=written) if price else None,
        cached,
    )


def request(question: Question, dialect: Dialect, *, cache_from: int | None) -> dict[str, Any]:
    system = "\n\n".join(m.content for m in question.messages if m.role == "system")
    turns = [m for m in question.messages if m.role != "system"]
    if system and not dialect.system:
        turns = [Message(turns[0].role, f"{system}\n\n{turns[0].content}"), *turns[1:]]
    inference: dict[str, Any] = {"maxTokens": question.max_tokens}
    if dialect.temperature:
        inference["temperature"] = min(question.temperature, 1.0)  # Converse: 0 to 1
    body: dict[str, Any] = {
        "messages": [{"role": m.role, "content": [{"text": m.content}]} for m in turns],
        "inferenceConfig": inference,
    }
    if system and dialect.system:
        pays = dialect.cache and cache_from is not None and is_long(system, cache_from)
        body["system"] = [{"text": system}, *([_CACHE_POINT] if pays else [])]
    if question.json_schema is not None:
        body |= _held_to(question.kind, question.json_schema, dialect)
    return body


def is_long(text: str, tokens: int) -> bool:
    """Surely at least this many tokens: English has about four characters in one."""
    return len(text) >= 4.2 * tokens


def _held_to(kind: str, schema: dict[str, object], dialect: Dialect) -> dict[str, Any]:
    if dialect.form == "json_schema":
        definition = {"schema": json.dumps(schema), "name": kind}
        return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}}
    if dialect.form == "tool":
        spec = {"name": TOOL, "description": "Hand in the records.", "inputSchema": {"json": schema}}
        choice: dict[str, Any] = {dialect.choice: {"name": TOOL} if dialect.choice == "tool" else {}}
        return {"toolConfig": {"tools": [{"toolSpec": spec}], "toolChoice": choice}}
    return {}


def _text(content: list[dict[str, Any]]) -> str:
    """What the tool was given, else the text; reasoning blocks are left out."""
    used = [b["toolUse"]["input"] for b in content if isinstance(b.get("toolUse"), dict)]
    if used:
        return json.dumps(used[0], ensure_ascii=False)
    return "".join(b["text"] for b in content if isinstance(b.get("text"), str))

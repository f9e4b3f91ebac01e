"""Any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp, LM Studio.

Wire format: platform.openai.com/docs/api-reference/chat (POST {base}/chat/completions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, cast

import orjson

from dataforge.platform.ports import Item
from dataforge.records import Answer, Question
from dataforge.teachers import token_limits
from dataforge.teachers.chat_reply import chat_answer, settled
from dataforge.teachers.connection import Connection
from dataforge.teachers.dialects import KnownDialect, RequestParts, Step, in_user_turn, negotiate
from dataforge.teachers.failures import failure, names_a_parameter, names_the_account
from dataforge.teachers.ports import Capabilities
from dataforge.teachers.prices import Price
from dataforge.teachers.response import Response, complaint, error_code
from dataforge.teachers.token_limits import TokenWindow

FILTERED = {"content_filter", "content_policy_violation"}
"""Error codes for one prompt that a provider will not answer; the next one may pass."""
MAX_REFITS = 4
"""How often one question is sent with fewer tokens for its reply, while its server says that they are too many."""


_SYSTEM = re.compile(
    r"system.{0,20}(role|message|prompt|instruction)|(role|message|prompt|instruction)s?.{0,40}\bsystem\b"
    r"|developer.{0,5}instruction|only (support )?user and assistant|roles? must alternate"
)
"""How refusals name a system text (the templates of Gemma and Mistral take none)."""


@dataclass(frozen=True, slots=True)
class ChatDialect(RequestParts):
    """Which parameters of a chat completion a server takes. Forms: json_schema, json_object, text.

    system: a message of that role; else its text goes in front of the first message of the user.
    """

    tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    system: bool = True

    def simpler(self, response: Response) -> Step[ChatDialect] | None:
        text = response.excerpt.lower()
        if "max_completion_tokens" in text and self.tokens == "max_tokens":
            return self.without(response, "max_completion_tokens", tokens="max_completion_tokens")
        if self.system and _SYSTEM.search(complaint(response.raw)):
            return Step(replace(self, system=False), is_named=True)
        if "temperature" in text and self.temperature:
            return self.without(response, "temperature", temperature=False)
        step = self.with_simpler_form(response, "json_object", "text")
        if step is None and self.system:
            return Step(replace(self, system=False), is_named=False, is_guess=True)
        return step

    def plainer(self) -> list[ChatDialect]:
        text, user = replace(self, form="text"), replace(self, system=False)
        return [d for d in (text, user, replace(text, system=False)) if d != self]

    def left_out(self, first: ChatDialect) -> tuple[str, ...]:
        without = RequestParts.left_out(self, first)
        if self.system != first.system:
            without += ("the system role (the rules go into the user's message)",)
        if self.temperature != first.temperature:
            without += ("temperature",)
        return without


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
        self._max_output = self.can.max_output
        self.window = TokenWindow(self.can.context, self.can.max_output)
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
        for refits_left in range(MAX_REFITS, -1, -1):
            sent = self.window.reply_tokens(question)
            outcome = await negotiate(
                self.known, question, partial(self._post, question), self._answer, is_refusal=_may_be_for_its_parts
            )
            if isinstance(outcome, Answer):
                return self._noted(question, outcome)
            if is_filtered(outcome.status, outcome.raw):
                return Answer("", self.model, "content_filter")
            limits = token_limits.stated(outcome)
            if limits is None or not self.window.learn(question, sent, limits) or not refits_left:
                raise failure(self.name, outcome, advice="" if limits is None else token_limits.ADVICE)
        raise AssertionError("the last refit raises")

    async def _post(self, question: Question, dialect: ChatDialect) -> Response:
        body = orjson.dumps(self.body(question, dialect))
        return settled(await self.connection.post(f"{self.base_url}/chat/completions", body, self.headers))

    def body(self, question: Question, dialect: ChatDialect) -> dict[str, Any]:
        """The request, with as many tokens for the reply as the model has room for."""
        return chat_body(self.model, question, dialect, max_tokens=self.window.reply_tokens(question))

    def _answer(self, response: Response) -> Answer:
        return chat_answer(self.name, self.model, response, self._price)

    def _noted(self, question: Question, answer: Answer) -> Answer:
        self.window.note_answer(question, answer)
        if not self.window.is_learnt:
            return answer
        self.can = replace(self.can, max_output=self.window.most_reply(question, self._max_output))
        limit = self.window.window or self.window.output
        return replace(answer, left_out=(*answer.left_out, f"max_tokens above what its {limit:,} tokens have room for"))

    def learnt(self) -> Item:
        parts, limits = self.known.confirmed(), self.window.learnt()
        return {"parts": parts, "limits": limits} if parts or limits else {}

    def load(self, learnt: Item) -> None:
        self.known.load(cast("Item", learnt.get("parts") or {}))
        if limits := cast("Item", learnt.get("limits") or {}):
            self.window.load(limits)

    async def close(self) -> None:
        await self.connection.close()


def _may_be_for_its_parts(response: Response) -> bool:
    """Whether simpler requests are worth a try."""
    if is_filtered(response.status, response.raw) or token_limits.stated(response) is not None:
        return False
    if response.status in (404, 405, 415):
        return names_a_parameter(response) and not names_the_account(response)
    return response.status in (400, 422)


def is_filtered(status: int, raw: bytes) -> bool:
    """The provider's content filter stopped this prompt."""
    return status in (400, 422) and error_code(raw) in FILTERED


def chat_body(model: str, question: Question, dialect: ChatDialect, *, max_tokens: int | None = None) -> dict[str, Any]:
    """max_tokens: of the reply, where the question asks for more than there is room for."""
    messages = question.messages if dialect.system else in_user_turn(question.messages)
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": m.role, "content": m.content} for m in messages],
        dialect.tokens: max_tokens or question.max_tokens,
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

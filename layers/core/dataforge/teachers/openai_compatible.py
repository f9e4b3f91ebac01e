"""Any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp, LM Studio.

Wire format: platform.openai.com/docs/api-reference/chat (POST {base}/chat/completions).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import aiohttp
import orjson

from dataforge.errors import TeacherBusy, TeacherError, TeacherRefused, TeacherUnreachable
from dataforge.recipes.replies import whole_characters
from dataforge.records import Answer, Question
from dataforge.teachers.ports import Capabilities
from dataforge.teachers.prices import Price

MOST_REPLY_BYTES = 8 * 2**20
"""What is longer is no reply that anyone could use: it is not read on."""

_FINISH: dict[str, Literal["stop", "length", "content_filter", "other"]] = {
    "stop": "stop", "length": "length", "content_filter": "content_filter",
}
_FILTERED = {"content_filter", "content_policy_violation"}
"""Error codes for one prompt that a provider will not answer; the next one may pass."""
_UNPAID = {"insufficient_quota", "billing_hard_limit_reached"}
"""Error codes that come as "too many requests", but that no waiting ends."""


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
        self, name: str, model: str, *, base_url: str, api_key: str | None = None, price: Price | None = None,
        timeout: float = 120.0, json_mode: bool = True,
    ) -> None:
        self.name, self.model, self._price = name, model, price
        self.can = Capabilities(json_schema=json_mode)
        self._dialect = Dialect() if json_mode else Dialect(form="text")
        self._url = base_url.strip().rstrip("/") + "/chat/completions"
        self._headers = {"Content-Type": "application/json"}
        if api_key and api_key.strip():
            self._headers["Authorization"] = f"Bearer {api_key.strip()}"
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=20)
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, question: Question) -> Answer:
        """Raises TeacherBusy (429, 503), TeacherUnreachable (time-out, reset, 5xx), TeacherRefused (other 4xx)."""
        dialect: Dialect | None = self._dialect
        while dialect is not None:
            status, headers, raw = await self._post(_body(self.model, question, dialect))
            if status == 200:
                self._dialect = dialect
                return self._answer(raw)
            if status in (400, 422) and _code(raw) in _FILTERED:
                return Answer("", self.model, "content_filter")
            told = raw[:5000].decode("utf-8", "replace")
            dialect = dialect.simpler(told) if status in (400, 422) else None
        raise self._failure(status, headers, raw)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower case) and body."""
        try:
            async with self._pool().post(self._url, data=orjson.dumps(body), allow_redirects=False) as response:
                raw = bytearray()
                async for part in response.content.iter_chunked(1 << 16):
                    raw += part
                    if len(raw) > MOST_REPLY_BYTES:
                        break
                return response.status, {k.lower(): v for k, v in response.headers.items()}, bytes(raw)
        except TimeoutError:
            raise TeacherUnreachable(f"{self.name} did not answer within {self._timeout.total:g} s") from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise TeacherRefused(f"{self.name}: {self._url} is no URL; set the base URL to http(s)://host/v1") from None
        except (aiohttp.ClientError, OSError) as problem:
            raise TeacherUnreachable(f"{self.name} at {self._url} cannot be reached: {problem}") from None

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers, timeout=self._timeout, connector=aiohttp.TCPConnector(limit=0),
            )
        return self._session

    def _failure(self, status: int, headers: dict[str, str], raw: bytes) -> TeacherError:
        said = _message(raw)
        if status in (429, 503) and _code(raw) not in _UNPAID:
            return TeacherBusy(f"{self.name} is busy (HTTP {status}): {said}", retry_after=_retry_after(headers))
        if status >= 500 or status in (408, 409):
            return TeacherUnreachable(f"{self.name} failed (HTTP {status}): {said}")
        hint = " Check the key of this teacher where the server runs." if status in (401, 403) else ""
        if 300 <= status < 400:
            hint = f" It redirects to {headers.get('location')}: set the base URL to where it really is."
        return TeacherRefused(f"{self.name} refused the call (HTTP {status}): {said}.{hint}")

    def _answer(self, raw: bytes) -> Answer:
        if len(raw) > MOST_REPLY_BYTES:
            return Answer("", self.model, "length")
        try:
            reply = json.loads(raw)
            choice = reply["choices"][0]
            text = _text(choice["message"].get("content"))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            raise TeacherUnreachable(f"{self.name} sent something that is no chat completion: {raw[:200]!r}") from None
        usage = reply.get("usage")
        sent, made = (
            _count(usage.get(n) if isinstance(usage, dict) else 0) for n in ("prompt_tokens", "completion_tokens")
        )
        return Answer(
            whole_characters(text), whole_characters(str(reply.get("model") or self.model))[:200],
            _FINISH.get(str(choice.get("finish_reason") or "stop"), "other"), sent, made,
            self._price.of(sent, made) if self._price else None,
        )


def _body(model: str, question: Question, dialect: Dialect) -> dict[str, Any]:
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


def _text(content: object) -> str:
    """A message's content: text, a list of parts of which some are text, or nothing."""
    if isinstance(content, list):
        return "".join(_text(p.get("text")) for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""


def _count(told: object) -> int:
    """Tokens; 0 where a server tells nonsense."""
    return told if isinstance(told, int) and 0 <= told < 2**31 else 0


def _retry_after(headers: dict[str, str]) -> float | None:
    """Seconds; the header holds seconds or a date (RFC 9110, 10.2.3)."""
    told = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(told)) if told.isascii() and told.replace(".", "", 1).isdigit() else max(
            0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
        )
    except (ValueError, TypeError):
        return None


def _error(raw: bytes) -> object:
    try:
        told = orjson.loads(raw)
    except ValueError:
        return None
    return told.get("error", told.get("message") or told.get("detail")) if isinstance(told, dict) else None


def _code(raw: bytes) -> str:
    """The stable word in an error body; empty where there is none."""
    error = _error(raw)
    return str(error.get("code") or error.get("type") or "") if isinstance(error, dict) else ""


def _message(raw: bytes) -> str:
    """What the server said went wrong, short."""
    error = _error(raw)
    said = error.get("message") if isinstance(error, dict) else error
    return str(said)[:300] if said else raw[:300].decode("utf-8", "replace")

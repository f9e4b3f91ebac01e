"""Any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp, LM Studio.

Wire format: platform.openai.com/docs/api-reference/chat (POST {base}/chat/completions).
"""

from __future__ import annotations

from typing import Any, Literal

import aiohttp
import orjson

from dataforge.errors import TeacherBusy, TeacherRefused, TeacherUnreachable
from dataforge.records import Answer, Question
from dataforge.teachers.ports import Capabilities
from dataforge.teachers.prices import Price

_FINISH: dict[str, Literal["stop", "length", "content_filter", "other"]] = {
    "stop": "stop", "length": "length", "content_filter": "content_filter",
}


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
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=20)
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, question: Question) -> Answer:
        """Raises TeacherBusy (429, 503), TeacherUnreachable (time-out, reset, 5xx), TeacherRefused (other 4xx)."""
        try:
            async with self._pool().post(self._url, data=orjson.dumps(self._body(question))) as response:
                raw = await response.read()
        except TimeoutError:
            raise TeacherUnreachable(f"{self.name} did not answer within {self._timeout.total:g} s") from None
        except (aiohttp.ClientError, OSError) as problem:
            raise TeacherUnreachable(f"{self.name} at {self._url} cannot be reached: {problem}") from None
        if response.status != 200:
            raise self._failure(response.status, response.headers.get("Retry-After"), raw)
        return self._answer(raw)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers, timeout=self._timeout, connector=aiohttp.TCPConnector(limit=0),
            )
        return self._session

    def _body(self, question: Question) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": m.role, "content": m.content} for m in question.messages],
            "temperature": question.temperature,
            "max_tokens": question.max_tokens,
        }
        if question.json_schema is not None and self.can.json_schema:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": question.kind, "strict": True, "schema": question.json_schema},
            }
        return body

    def _failure(self, status: int, retry_after: str | None, raw: bytes) -> Exception:
        said = _message(raw)
        if status in (429, 503):
            seconds = float(retry_after) if retry_after and retry_after.replace(".", "", 1).isdigit() else None
            return TeacherBusy(f"{self.name} is busy (HTTP {status}): {said}", retry_after=seconds)
        if status >= 500 or status in (408, 409):
            return TeacherUnreachable(f"{self.name} failed (HTTP {status}): {said}")
        hint = " Check the key of this teacher where the server runs." if status in (401, 403) else ""
        return TeacherRefused(f"{self.name} refused the call (HTTP {status}): {said}.{hint}")

    def _answer(self, raw: bytes) -> Answer:
        try:
            reply = orjson.loads(raw)
            choice = reply["choices"][0]
            text = choice["message"].get("content") or ""
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            raise TeacherUnreachable(f"{self.name} sent something that is no chat completion: {raw[:200]!r}") from None
        usage = reply.get("usage") or {}
        sent, made = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        return Answer(
            text, str(reply.get("model") or self.model),
            _FINISH.get(str(choice.get("finish_reason") or "stop"), "other"), sent, made,
            self._price.of(sent, made) if self._price else None,
        )


def _message(raw: bytes) -> str:
    """What the server said went wrong, short."""
    try:
        error = orjson.loads(raw)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:300]
    except (ValueError, KeyError, TypeError):
        return raw[:300].decode("utf-8", "replace")

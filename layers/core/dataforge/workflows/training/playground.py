"""Ask a trained model, or the model that it was trained from, for one answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from dataforge import settings
from dataforge.errors import Invalid, ModelLoading, TeacherBusy, TeacherRefused, TeacherUnreachable
from dataforge.platform import current
from dataforge.records import Answer, Message, Passage, Question
from dataforge.store import trained_models
from dataforge.teachers import trained
from dataforge.teachers.trained import Trained

AWS_SECONDS = 24.0
"""API Gateway waits 29 seconds for an answer."""
RETRY_SECONDS = 0.3
"""In which the end of a process is noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """max_new_tokens: 1 to 4,096; temperature: 0 to 2; top_p: above 0, to 1."""

    model_id: int
    prompt: str
    max_new_tokens: int = 100
    temperature: float = 0.7
    top_p: float = 0.9
    base: bool = False
    """The model that it was trained from answers."""

    @property
    def question(self) -> Question:
        return Question(
            messages=(Message("user", self.prompt),),
            passage=Passage(""),
            slots=(),
            kind="playground",
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_new_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    generated_text: str
    tokens_generated: int
    generation_time_ms: float
    """Of the answer, without the time that loading the model took."""
    finish_reason: str


async def generate(org_id: str, asked: Asked) -> Generated:
    """Raises NotFound, Invalid for a prompt that the model does not take, ModelLoading while the model is being loaded,
    NotConfigured and Conflict as `ports.Inference.prepare`, TeacherError when it does not answer."""
    async with trained.opened(trained_models.get(org_id, asked.model_id), timeout=_seconds(), base=asked.base) as model:
        await model.prepare()
        started = time.perf_counter()
        try:
            answer = await _ask(model, asked.question)
        except TeacherBusy as busy:
            raise ModelLoading(busy.message, retry_after=busy.retry_after or trained.WAKE_SECONDS) from None
        except TeacherRefused as refused:
            if refused.this_prompt_only:
                raise Invalid(f"prompt: {refused.message}", field="prompt") from None
            raise
        passed = (time.perf_counter() - started) * 1000
    return Generated(
        generated_text=answer.text,
        tokens_generated=answer.output_tokens,
        generation_time_ms=round(passed, 1),
        finish_reason=answer.finish_reason,
    )


def can_stream() -> bool:
    """One machine only: elsewhere the whole answer comes at once."""
    return current().name == "embedded"


async def stream(org_id: str, asked: Asked) -> AsyncIterator[bytes]:
    """Server-sent events of JSON: `{"text"}` for each piece, then what `generate` returns; `{"error"}` where the model
    fails on the way. Raises as `generate`, before the first piece."""
    async with trained.opened(trained_models.get(org_id, asked.model_id), timeout=_seconds(), base=asked.base) as model:
        await model.prepare()
        started, pieces, tokens, finish = time.perf_counter(), list[str](), 0, "stop"
        async for data in model.stream(asked.question):
            if data == b"[DONE]":
                break
            chunk = orjson.loads(data)
            if "error" in chunk:
                yield _event({"error": chunk["error"].get("message", "the model failed")})
                return
            tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
            for choice in chunk.get("choices", []):
                finish = choice.get("finish_reason") or finish
                if text := (choice.get("delta") or {}).get("content"):
                    pieces.append(text)
                    yield _event({"text": text})
        passed = (time.perf_counter() - started) * 1000
        yield _event(
            {
                "generated_text": "".join(pieces),
                "tokens_generated": tokens,
                "generation_time_ms": round(passed, 1),
                "finish_reason": finish,
            }
        )


async def _ask(model: Trained, question: Question) -> Answer:
    """Again where the process ended between two looks."""
    try:
        return await model.ask(question)
    except TeacherUnreachable as lost:
        if lost.timed_out:
            raise TeacherUnreachable(f"{lost.message}; or ask for fewer max_new_tokens", timed_out=True) from None
    await asyncio.sleep(RETRY_SECONDS)
    return await model.ask(question)


def _seconds() -> float:
    limit = float(settings.get().teacher_timeout)
    return min(limit, AWS_SECONDS) if current().name == "aws" else limit


def _event(content: dict[str, object]) -> bytes:
    return b"data: " + orjson.dumps(content) + b"\n\n"

"""A model that was trained here, as a teacher. `trained_catalogue` says what it is called.

It answers where the Inference port says: a process on one machine, an endpoint of SageMaker or an imported model of
Bedrock on AWS. All of them take an OpenAI chat completion, and none of them charges for tokens here: the price is 0,
the machine that answers is paid for by the hour (docs/training.md).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson

from dataforge import settings
from dataforge.errors import (
    Conflict,
    ModelLoading,
    NotConfigured,
    NotFound,
    TeacherBusy,
    TeacherRefused,
    TeacherUnreachable,
)
from dataforge.platform import current
from dataforge.platform.ports import ModelAddress
from dataforge.records import Answer, Question
from dataforge.store import trained_models
from dataforge.store.trained_models import TrainedModel
from dataforge.teachers.aws_call import HINT, AwsCall
from dataforge.teachers.chat_reply import chat_answer, settled
from dataforge.teachers.connection import Connection
from dataforge.teachers.failures import failure
from dataforge.teachers.ports import Capabilities
from dataforge.teachers.response import MISFITS, Response, complaint
from dataforge.teachers.trained_catalogue import FREE, as_model, served

HOLD_SECONDS = 600
"""How long a model cannot be deleted after it was asked, unless its teacher is closed before."""
NO_CAPACITY = ("no capacity", "modelnotready", "model is not ready")
"""What SageMaker and Bedrock say while no copy of a model is loaded."""
WAKE_SECONDS = 30.0


class Trained:
    """Loads the model at its first question. base: the model that it was trained from answers instead. sets_up: it
    also makes what answers with it, which functions of runs may not."""

    def __init__(
        self,
        name: str,
        org_id: str,
        model_id: int,
        *,
        timeout: float,
        can: Capabilities,
        base: bool = False,
        sets_up: bool = False,
    ) -> None:
        self.name, self.can = name, can
        self._org_id, self._model_id, self._base, self._sets_up = org_id, model_id, base, sets_up
        self._timeout = timeout
        self._connection = Connection(name, timeout)
        self._aws: dict[str, AwsCall] = {}
        self._trained: TrainedModel | None = None
        self._holder, self._held_until = f"call-{secrets.token_hex(6)}", 0.0

    async def ask(self, question: Question) -> Answer:
        """Raises as `ports.Teacher` says; a model that is being loaded is busy."""
        try:
            trained, address = await self.prepare()
        except ModelLoading as loading:
            raise TeacherBusy(loading.message, retry_after=loading.retry_after, limited=False, loading=True) from None
        except (NotFound, NotConfigured, Conflict) as problem:
            raise TeacherRefused(f"{self.name}: {problem.message}") from problem
        body = orjson.dumps(_body(question, trained, address))
        response = settled(await self._send(address, body))
        if response.status == 200:
            return chat_answer(self.name, self.name, _as_chat(response), FREE)
        if response.status in (400, 424, 429) and any(said in complaint(response.raw) for said in NO_CAPACITY):
            raise TeacherBusy(f"{self.name} is being loaded", retry_after=WAKE_SECONDS, limited=False, loading=True)
        if response.status == 401:
            raise TeacherUnreachable(f"{self.name}: its process has ended; the next question starts it again")
        raise failure(self.name, response, hint=f"{HINT} (sagemaker:InvokeEndpoint, bedrock:InvokeModel)")

    async def stream(self, question: Question) -> AsyncIterator[bytes]:
        """The data of its server-sent events (`chat.completion.chunk`), on one machine only. Raises NotConfigured
        elsewhere, else as `prepare` and `ask`."""
        trained, address = await self.prepare()
        if address.service != "local":
            raise NotConfigured("stream: a model answers piece by piece on one machine only; leave it out here")
        body = orjson.dumps({**_body(question, trained, address), "stream": True})
        async for line in self._connection.lines(address.url, _headers(address), method="POST", body=body):
            if line.startswith(b"data:"):
                yield line[5:].strip()

    async def prepare(self) -> tuple[TrainedModel, ModelAddress]:
        """Once it can answer. Raises NotFound for a model that was deleted, else as `ports.Inference.prepare`."""
        return await asyncio.to_thread(self._prepare)

    async def close(self) -> None:
        await self._connection.close()
        for call in self._aws.values():
            await call.close()
        if self._trained is not None and self._held_until:
            await asyncio.to_thread(trained_models.release, self._trained, self._holder)

    def _prepare(self) -> tuple[TrainedModel, ModelAddress]:
        trained = self._trained = self._trained or trained_models.get(self._org_id, self._model_id)
        now = time.monotonic()
        if now > self._held_until:
            trained_models.hold(trained, self._holder, HOLD_SECONDS)
            self._held_until = now + HOLD_SECONDS / 2
        if self._sets_up and not self._base:
            current().inference.set_up(served(trained))
        return trained, current().inference.prepare(served(trained), base=self._base)

    async def _send(self, address: ModelAddress, body: bytes) -> Response:
        if address.service == "local":
            return await self._connection.post(address.url, body, _headers(address))
        if address.service == "sagemaker":
            path = f"/endpoints/{quote(address.endpoint, safe='')}/invocations"
            component = {"X-Amzn-SageMaker-Inference-Component": address.component}
            base_url = settings.get().sagemaker_base_url or f"https://runtime.sagemaker.{address.region}.amazonaws.com"
            return await self._call("sagemaker", address.region, base_url).post(path, body, component)
        base_url = settings.get().bedrock_base_url or f"https://bedrock-runtime.{address.region}.amazonaws.com"
        path = f"/model/{quote(address.model_arn, safe='')}/invoke"
        return await self._call("bedrock", address.region, base_url).post(path, body)

    def _call(self, service: str, region: str, base_url: str) -> AwsCall:
        if service not in self._aws:
            self._aws[service] = AwsCall(self.name, self._timeout, service=service, region=region, base_url=base_url)
        return self._aws[service]


@asynccontextmanager
async def opened(trained: TrainedModel, *, timeout: float, base: bool = False) -> AsyncIterator[Trained]:
    """The model, whatever its task, to ask it a few questions."""
    model = as_model(trained)
    teacher = Trained(
        model.id, trained.org_id, trained.model_id, timeout=timeout, can=model.can, base=base, sets_up=True
    )
    try:
        yield teacher
    finally:
        await teacher.close()


def _headers(address: ModelAddress) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": f"Bearer {address.token}"}


def _body(question: Question, trained: TrainedModel, address: ModelAddress) -> Mapping[str, Any]:
    body: dict[str, Any] = {"max_tokens": question.max_tokens, "temperature": question.temperature}
    as_trained = len(question.messages) == 1 and (address.service != "bedrock" or not _is_chat(trained))
    if as_trained:  # our own program puts it into the chat template, where the model was trained with one
        body["prompt"] = question.messages[0].content
    else:
        body["messages"] = [{"role": m.role, "content": m.content} for m in question.messages]
    if question.top_p is not None:
        body["top_p"] = question.top_p
    if address.service == "local":
        body["adapter"] = address.adapter
    return body


def _is_chat(trained: TrainedModel) -> bool:
    return trained.details.get("prompt_format") == "chat" or bool(trained.params.get("use_chat_template"))


def _as_chat(response: Response) -> Response:
    """A text completion (of Bedrock, for a model that was trained on plain text) in the form of a chat completion."""
    try:
        reply = orjson.loads(response.raw)
        choices = [{**c, "message": {"role": "assistant", "content": c["text"]}} for c in reply["choices"]]
    except MISFITS:  # whoever reads it finds what it is
        return response
    return replace(response, raw=orjson.dumps({**reply, "choices": choices}))

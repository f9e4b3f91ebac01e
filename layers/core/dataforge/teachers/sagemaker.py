"""A model on a SageMaker endpoint, our own trained ones too: `sagemaker:<endpoint>` or `<endpoint>/<component>`.

Containers that serve language models (LMI, vLLM, TGI, and the image of this project) take a chat completion as the
body of InvokeEndpoint; older ones take `{"inputs": ..., "parameters": ...}`, which is tried when they refuse the first.
Wire format: docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson

from dataforge.errors import TeacherRefused, TeacherUnreachable
from dataforge.records import Answer, Question
from dataforge.teachers.aws_call import HINT, AwsCall
from dataforge.teachers.connection import Response, failure, not_understood
from dataforge.teachers.openai_compatible import Dialect, chat_answer, chat_body
from dataforge.teachers.ports import Capabilities
from dataforge.teachers.prices import Price
from dataforge.text.normal_forms import repair_surrogates

_PLAIN = None
"""In place of a chat dialect: the container takes only `inputs` and `parameters`."""


class SageMaker:
    """region: the endpoint's. base_url: another address than the region's (a private endpoint, a test)."""

    def __init__(
        self,
        name: str,
        endpoint: str,
        *,
        region: str,
        base_url: str | None = None,
        price: Price | None = None,
        timeout: float = 70.0,
        can: Capabilities | None = None,
    ) -> None:
        self.name, self._price = name, price
        self.model, _, component = endpoint.partition("/")
        self.can = can or Capabilities(json_schema=True)
        self._dialects: list[Dialect | None] = [
            Dialect(),
            Dialect("json_object"),
            Dialect("text"),
            _PLAIN,
        ]
        self._path = f"/endpoints/{quote(self.model, safe='')}/invocations"
        self._headers = {"X-Amzn-SageMaker-Inference-Component": component} if component else {}
        self._call = AwsCall(
            name,
            timeout,
            service="sagemaker",
            region=region,
            base_url=base_url or f"https://runtime.sagemaker.{region}.amazonaws.com",
        )

    async def ask(self, question: Question) -> Answer:
        """Raises as `ports.Teacher` says."""
        dialects = self._dialects
        for n, dialect in enumerate(dialects):
            body = chat_body(self.model, question, dialect) if dialect else _plain_body(question)
            response = await self._call.post(self._path, orjson.dumps(body), self._headers)
            if response.status == 200:
                answer = self._answer(response)
                self._dialects = dialects[n:]
                return answer
            if not _is_about_the_form(response):
                break
        if _is_about_the_form(response):
            raise TeacherRefused(f"{self.name} takes none of the request forms: {response.says[:300]}")
        raise failure(self.name, response, hint=f"{HINT} (sagemaker:InvokeEndpoint)")

    async def close(self) -> None:
        await self._call.close()

    def _answer(self, response: Response) -> Answer:
        try:
            return replace(chat_answer(self.name, self.model, response, self._price), rates=None)
        except TeacherUnreachable:
            if (text := _generated(response)) is None:
                raise not_understood(self.name, response) from None
            return Answer(repair_surrogates(text), self.model, cost_usd=None)


def _is_about_the_form(response: Response) -> bool:
    """The container (not SageMaker) refused this body: SageMaker answers 424 and tells the container's status."""
    if response.status != 424:
        return False
    try:
        told = orjson.loads(response.raw)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("OriginalStatusCode") in (400, 404, 415, 422)


def _plain_body(question: Question) -> dict[str, Any]:
    parameters: dict[str, Any] = {"max_new_tokens": question.max_tokens, "return_full_text": False}
    if question.temperature > 0:
        parameters |= {"temperature": question.temperature, "do_sample": True}
    turns = [f"{m.role.capitalize()}: {m.content}" if m.role != "system" else m.content for m in question.messages]
    return {"inputs": "\n\n".join([*turns, "Assistant:"]), "parameters": parameters}


def _generated(response: Response) -> str | None:
    """`[{"generated_text": ...}]` or the object alone."""
    try:
        told = orjson.loads(response.raw)
    except ValueError:
        return None
    told = told[0] if isinstance(told, list) and told else told
    text = told.get("generated_text") if isinstance(told, dict) else None
    return text if isinstance(text, str) else None

"""A model on a SageMaker endpoint, our own trained ones too: `sagemaker:<endpoint>` or `<endpoint>/<component>`.

Containers that serve language models (LMI, vLLM, TGI, and the image of this project) take a chat completion as the
body of InvokeEndpoint; older ones take `{"inputs": ..., "parameters": ...}`, which is sent when they refuse the first.
Wire format: docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import orjson

from dataforge.errors import TeacherRefused, TeacherUnreachable
from dataforge.platform.ports import Item
from dataforge.records import Answer, Question
from dataforge.teachers.aws_call import HINT, AwsCall
from dataforge.teachers.chat_reply import chat_answer, settled
from dataforge.teachers.dialects import KnownDialect, RequestParts, Step, negotiate
from dataforge.teachers.failures import failure, is_one_prompt_refused
from dataforge.teachers.openai_compatible import ChatDialect, chat_body
from dataforge.teachers.ports import Capabilities
from dataforge.teachers.prices import Price
from dataforge.teachers.response import Response, complaint, original_status, unreadable
from dataforge.text.normal_forms import repair_surrogates


@dataclass(frozen=True, slots=True)
class EndpointDialect(RequestParts):
    """What the container of an endpoint takes. Forms: json_schema, json_object, text.

    is_chat: a chat completion; else `inputs` and `parameters` only.
    """

    is_chat: bool = True

    def simpler(self, response: Response) -> Step[EndpointDialect] | None:
        if not self.is_chat:
            return None
        plain = replace(self, is_chat=False)
        if original_status(response) in (404, 415) or _lacks_inputs(complaint(response.raw)):
            return Step(plain, is_named=True)
        return self.with_simpler_form(response, "json_object", "text") or Step(plain, is_named=False)


def _lacks_inputs(text: str) -> bool:
    return "inputs" in text and ("missing" in text or "required" in text)


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
        self._known = KnownDialect(EndpointDialect())
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
        outcome = await negotiate(
            self._known,
            question,
            lambda dialect: self._post(question, dialect),
            self._answer,
            is_refusal=_is_refused_by_container,
        )
        if isinstance(outcome, Answer):
            return outcome
        if _is_refused_by_container(outcome):
            raise TeacherRefused(
                f"{self.name} takes none of the request forms: {outcome.excerpt[:300]}",
                this_prompt_only=is_one_prompt_refused(original_status(outcome) or 0, outcome.raw),
            )
        raise failure(self.name, outcome, hint=f"{HINT} (sagemaker:InvokeEndpoint)")

    async def _post(self, question: Question, dialect: EndpointDialect) -> Response:
        chat = ChatDialect(form=dialect.form)
        body = chat_body(self.model, question, chat) if dialect.is_chat else _plain_body(question)
        return await self._call.post(self._path, orjson.dumps(body), self._headers)

    def learnt(self) -> Item:
        return self._known.confirmed()

    def load(self, learnt: Item) -> None:
        self._known.load(learnt)

    async def close(self) -> None:
        await self._call.close()

    def _answer(self, response: Response) -> Answer:
        try:
            return replace(chat_answer(self.name, self.model, settled(response), self._price), rates=None)
        except TeacherUnreachable:
            if (text := _generated(response)) is None:
                raise unreadable(self.name, response) from None
            return Answer(repair_surrogates(text), self.model, cost_usd=None)


def _is_refused_by_container(response: Response) -> bool:
    """The container (not SageMaker) refused this body: SageMaker answers 424 and reports the container's status."""
    return original_status(response) in (400, 404, 415, 422)


def _plain_body(question: Question) -> dict[str, Any]:
    parameters: dict[str, Any] = {"max_new_tokens": question.max_tokens, "return_full_text": False}
    if question.temperature > 0:
        parameters |= {"temperature": question.temperature, "do_sample": True}
    turns = [f"{m.role.capitalize()}: {m.content}" if m.role != "system" else m.content for m in question.messages]
    return {"inputs": "\n\n".join([*turns, "Assistant:"]), "parameters": parameters}


def _generated(response: Response) -> str | None:
    """`[{"generated_text": ...}]` or the object alone."""
    try:
        body = orjson.loads(response.raw)
    except ValueError:
        return None
    body = body[0] if isinstance(body, list) and body else body
    text = body.get("generated_text") if isinstance(body, dict) else None
    return text if isinstance(text, str) else None

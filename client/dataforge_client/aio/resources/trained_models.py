"""Models that trainings have made: list, show, delete, ask."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from dataforge_client.aio import files
from dataforge_client.aio.api_resource import ApiResource
from dataforge_client.api_request import ApiRequest, expect_object, query_params, without_none
from dataforge_client.decoding import decode, decode_list
from dataforge_client.errors import UnexpectedAnswer
from dataforge_client.literals import ModelPrecision
from dataforge_client.models import Json
from dataforge_client.training_models import (
    EvaluationStarted,
    ExportedModel,
    Generated,
    ModelDeleted,
    ModelGain,
    ModelImprovement,
    PushedModel,
    TrainedModel,
    TrainedModelSummary,
)

GENERATE_PATH = "/api/playground/generate"


class TrainedModels(ApiResource):
    async def list_models(self) -> list[TrainedModelSummary]:
        """The models that were trained, newest first; `available_models` has the teachers."""
        response = expect_object(await self._get("/api/models", base=""))
        return decode_list(TrainedModelSummary, response.get("models"))

    async def get_model(self, model_id: int) -> TrainedModel:
        return decode(TrainedModel, await self._get(_path(model_id), base=""))

    async def delete_model(self, model_id: int) -> ModelDeleted:
        """Remove a model with all its files. Raises Conflict while it is in use."""
        return decode(ModelDeleted, await self._delete(_path(model_id), base=""))

    async def evaluate_model(
        self,
        model_id: int,
        verifier: str,
        *,
        max_cost_usd: float | None = None,
        both_orders: bool | None = None,
        seed: int | None = None,
        idempotency_key: str | None = None,
    ) -> EvaluationStarted:
        """Have a teacher compare the model's answers to its held-out lines with those of its base. The win rate is in
        `evaluation["verifier"]` of the model once its `status` there is no longer `running`; see `wait_evaluation`."""
        body = without_none(verifier=verifier, max_cost_usd=max_cost_usd, both_orders=both_orders, seed=seed)
        wire = await self._post(f"{_path(model_id)}/evaluate", body, key=idempotency_key, base="")
        return decode(EvaluationStarted, wire)

    async def wait_evaluation(self, model_id: int, *, poll: float = 1.0) -> TrainedModel:
        """The model, once no verifier is at work on it."""
        while True:
            model = await self.get_model(model_id)
            verifier = (model.evaluation or {}).get("verifier")
            if not isinstance(verifier, Mapping) or verifier.get("status") != "running":
                return model
            await self._retry.sleep(poll)

    async def model_gain(self, model_id: int, over: int) -> ModelGain:
        """How much better a model does than the model `over` on the same held-out lines. Raises Conflict when they have
        none in common."""
        return decode(ModelGain, await self._get(f"{_path(model_id)}/gain", query_params(over=over), base=""))

    async def model_improvement(self, model_id: int) -> ModelImprovement:
        """The topics on which a model is weak, and what to generate and train next. Raises Conflict when it was not
        evaluated, or its data is no export of a project."""
        return decode(ModelImprovement, await self._get(f"{_path(model_id)}/improvement", base=""))

    async def export_model(
        self,
        model_id: int,
        *,
        format: str | None = None,
        precision: ModelPrecision | None = None,
        idempotency_key: str | None = None,
    ) -> ExportedModel:
        """A model as one GGUF file; call it again while its status is `converting`, or use `download_model`."""
        body = without_none(format=format, precision=precision)
        wire = await self._post(f"{_path(model_id)}/export", body, key=idempotency_key, base="")
        return decode(ExportedModel, wire)

    async def download_model(
        self, model_id: int, path: str | Path, *, precision: ModelPrecision | None = None, poll: float = 5.0
    ) -> None:
        """Write a model as a GGUF file to `path`, atomically. poll: seconds between two looks while it is made."""
        while (await self.export_model(model_id, precision=precision)).status == "converting":
            await self._retry.sleep(poll)

        async def get_url() -> str:
            return str((await self.export_model(model_id, precision=precision)).url)

        await files.download(self._transport, get_url, Path(path))

    async def push_model(
        self, model_id: int, repo_name: str, *, private: bool | None = None, idempotency_key: str | None = None
    ) -> PushedModel:
        """Upload a model with its card to a hub; call it again while its status is `pushing`."""
        body = without_none(model_id=model_id, repo_name=repo_name, private=private)
        return decode(PushedModel, await self._post("/api/hub/push", body, key=idempotency_key, base=""))

    async def playground_generate(
        self,
        model_id: int,
        prompt: str,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        base: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Generated:
        """Ask a trained model. base: the model that it was made from answers.

        Raises ServerError with the code MODEL_LOADING when the model is still being loaded after every retry.
        """
        body = _question(model_id, prompt, max_new_tokens, temperature, top_p, base)
        return decode(Generated, await self._post(GENERATE_PATH, body, key=idempotency_key, base=""))

    async def stream_generate(
        self,
        model_id: int,
        prompt: str,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        base: bool | None = None,
    ) -> AsyncIterator[str | Generated]:
        """As `playground_generate`, piece by piece: texts, and last the whole answer.

        A server that does not stream sends the whole answer only. Raises UnexpectedAnswer when the connection ends
        before the answer does.
        """
        body = {**_question(model_id, prompt, max_new_tokens, temperature, top_p, base), "stream": True}
        call = ApiRequest("POST", GENERATE_PATH, body=body, key=uuid.uuid4().hex)
        async with self._transport.stream(call) as (content_type, lines):
            if "event-stream" not in content_type:
                whole = "".join([line + "\n" async for line in lines])
                yield decode(Generated, json.loads(whole))
                return
            async for line in lines:
                if not line.startswith("data:"):
                    continue
                event = expect_object(json.loads(line.removeprefix("data:")))
                if "generated_text" in event:
                    yield decode(Generated, event)
                    return
                if "error" in event:
                    raise UnexpectedAnswer(f"The answer broke off: {event.get('message') or event['error']}")
                yield str(event.get("text", ""))
        raise UnexpectedAnswer("The answer broke off")


def _path(model_id: int) -> str:
    return f"/api/models/{model_id}"


def _question(
    model_id: int,
    prompt: str,
    max_new_tokens: int | None,
    temperature: float | None,
    top_p: float | None,
    base: bool | None,
) -> Json:
    named = without_none(max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, base=base)
    return {"model_id": model_id, "prompt": prompt, **named}

"""Trainings: start one, follow it, stop it. Option names are those of the API."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Unpack

from dataforge_client.aio.api_resource import ApiResource
from dataforge_client.api_request import expect_object, query_params, without_none
from dataforge_client.decoding import decode
from dataforge_client.errors import WaitTimeout
from dataforge_client.literals import TrainingTask
from dataforge_client.models import Json
from dataforge_client.training_models import (
    TrainingInfo,
    TrainingOptions,
    TrainingStarted,
    TrainingStatus,
    TrainingStopped,
)


class Training(ApiResource):
    async def training_info(self) -> TrainingInfo:
        """What can be trained, and how; needs no API key."""
        return decode(TrainingInfo, await self._get_public("/api/info"))

    async def training_health(self) -> Json:
        """Whether the training API answers; needs no API key."""
        return expect_object(await self._get_public("/api/health"))

    async def start_training(
        self,
        task: TrainingTask,
        model_name: str,
        dataset: str,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[TrainingOptions],
    ) -> TrainingStarted:
        """Start a training; pass its `job_id` to `watch_training`.

        model_name: a Hugging Face id, or a path on the machine that trains. dataset: the name of an uploaded file, a
        synthetic job (`syn_job_...`, with `#split` one of its splits), or a version of a project (`proj_...@2`). An
        option that is None has the server's default. Raises Conflict while another training goes on.
        """
        body = without_none(task=task, model_name=model_name, dataset=dataset, **options)
        return await self.training_start(body, idempotency_key=idempotency_key)

    async def training_start(self, request: Json, *, idempotency_key: str | None = None) -> TrainingStarted:
        """Start a training from a whole request; the server refuses unknown fields."""
        wire = await self._post("/api/start_training", dict(request), key=idempotency_key, base="")
        return decode(TrainingStarted, wire)

    async def training_estimate(self, request: Json) -> TrainingStarted:
        """What a training would take, in `estimate`; nothing is started."""
        return await self.training_start({**request, "estimate": True})

    async def training_status(self, *, job_id: str | None = None) -> TrainingStatus:
        """Of the training that goes on, else the last one, unless `job_id` names another."""
        return decode(TrainingStatus, await self._get("/api/training_status", query_params(job_id=job_id), base=""))

    async def stop_training(self, *, job_id: str | None = None, idempotency_key: str | None = None) -> TrainingStopped:
        """Stop the training that goes on, or the one named. Raises NotFound when there is none."""
        body = without_none(job_id=job_id)
        return decode(TrainingStopped, await self._post("/api/stop_training", body, key=idempotency_key, base=""))

    async def watch_training(
        self, job_id: str | None = None, *, poll: float = 1.0, timeout: float | None = None
    ) -> AsyncIterator[TrainingStatus]:
        """Every new state of a training, the last one included; of the one that goes on unless `job_id` names another.

        poll: seconds between two requests. Raises WaitTimeout after `timeout` seconds.
        """
        deadline, last = None if timeout is None else time.monotonic() + timeout, None
        while True:
            now = await self.training_status(job_id=job_id)
            job_id = now.job_id or job_id  # another training may begin once this one has ended
            if now != last:
                yield now
            if now.closed:
                return
            if deadline is not None and time.monotonic() + poll > deadline:
                raise WaitTimeout(f"{job_id} is still in training after {timeout:g} s")
            last = now
            await self._retry.sleep(poll)

    async def wait_training(
        self,
        job_id: str | None = None,
        on_event: Callable[[TrainingStatus], None] | None = None,
        *,
        poll: float = 1.0,
        timeout: float | None = None,
    ) -> TrainingStatus:
        """The last state of a training, as soon as it has ended; on_event is called with every new one.

        A training that has failed is returned, with the status `error`. Raises WaitTimeout after `timeout` seconds.
        """
        state = TrainingStatus("idle")
        async for state in self.watch_training(job_id, poll=poll, timeout=timeout):
            if on_event:
                on_event(state)
        return state

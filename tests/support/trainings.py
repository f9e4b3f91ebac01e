"""The training API as a client sees it, and the example bodies of its public document, as they stand there."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from tests.support.service import Service

Json = dict[str, Any]
FULL: Json = {
    "task": "text-generation",
    "model_name": "meta-llama/Llama-3.2-3B",
    "provider": "unsloth",
    "strategy": "sft",
    "dataset": "/path/to/dataset.jsonl",
    "max_seq_length": 2048,
    "num_train_epochs": 3,
    "per_device_train_batch_size": 4,
}
SHORT: Json = {
    "task": "text-generation",
    "model_name": "meta-llama/Llama-3.2-3B",
    "provider": "unsloth",
    "dataset": "/path/to/dataset.jsonl",
    "num_train_epochs": 3,
}
"""The two requests of the public document."""
ENDED = ("completed", "error", "stopped")


class Trainings:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.headers = {"X-API-Key": service.headers["X-API-Key"]}
        self.org_id = service.headers["X-Organization-ID"]

    def call(self, method: str, path: str, *, json: object = None, expect: int = 200, **params: Any) -> Any:
        response = self.service.http.request(method, f"/api{path}", json=json, params=params, headers=self.headers)
        assert response.status_code == expect, response.text
        return response.json()

    def dataset(self, lines: int = 20, name: str = "dataset.jsonl", rows: Sequence[Json] = ()) -> str:
        """An uploaded dataset, of these rows or of so many lines."""
        rows = rows or [
            {"input": f"What is rule {n}?", "output": f"Rule {n} is kept by pier {n}."} for n in range(lines)
        ]
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        sent = self.service.http.post("/api/upload_dataset", files={"file": (name, data)}, headers=self.headers)
        assert sent.json()["validation"]["valid"], sent.text
        return name

    def start(self, expect: int = 200, **changed: Any) -> Any:
        return self.call("POST", "/start_training", json={**FULL, **changed}, expect=expect)

    def status(self, **params: str) -> Json:
        found: Json = self.call("GET", "/training_status", **params)
        return found

    def wait(self, job_id: str, *, seconds: float = 60, until: Any = None) -> Json:
        """The status once the training has ended, or `until` holds for it."""
        end = time.monotonic() + seconds
        while True:
            found = self.status(job_id=job_id)
            if until(found) if until else found["status"] in ENDED:
                return found
            assert until is None or found["status"] not in ENDED, found
            assert time.monotonic() < end, found
            time.sleep(0.05)

    def run(self, **changed: Any) -> Json:
        """A training of a fresh dataset, to its end."""
        self.dataset()
        return self.wait(self.start(**changed)["job_id"])

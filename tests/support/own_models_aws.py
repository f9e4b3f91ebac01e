"""Trained models on AWS: a stand-in account for what makes them answer, and a server for their answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from dataforge import platform, settings
from dataforge.platform.aws.inference import AwsInference
from dataforge.platform.aws.model_endpoint import ModelEndpoint
from dataforge.platform.aws.model_imports import ModelImports
from tests.support.chat_servers import answering
from tests.support.document_replies import pairs_for
from tests.support.model_account import ModelAccount
from tests.support.service import BUCKET

SETTINGS = {
    "DATAFORGE_SERVING_ROLE": "arn:aws:iam::123456789012:role/serve",
    "DATAFORGE_IMPORT_ROLE": "arn:aws:iam::123456789012:role/import",
    "DATAFORGE_TRAINING_IMAGE": "123456789012.dkr.ecr.us-east-1.amazonaws.com/t-training:1",
}


@dataclass
class Answering:
    account: ModelAccount
    bodies: list[dict[str, Any]] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)

    def reply(self, sent: dict[str, Any], authorization: str) -> tuple[int, dict[str, Any]]:
        """Of the container on the endpoint, while it has a copy; of Bedrock, once the model is imported."""
        if not any(c["copies"] for c in self.account.components.values()) and not self.account.imported:
            return 400, {"message": "Inference Component has no capacity to process this request."}
        self.bodies.append(sent)
        self.signatures.append(authorization)
        asked = sent["prompt"] if "prompt" in sent else sent["messages"][-1]["content"]
        text = json.dumps({"pairs": pairs_for(asked)}) if "<passage>" in asked else f"heard: {asked}"
        words = text.split(" ")[: sent["max_tokens"]]
        return 200, {
            "model": "model",
            "choices": [{"index": 0, "message": {"content": " ".join(words)}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": len(words)},
        }


def configure(monkeypatch: pytest.MonkeyPatch, *, serving: str = "endpoint") -> None:
    """Before the service is built."""
    for name, value in {**SETTINGS, "DATAFORGE_SERVING": serving, "DATAFORGE_TABLE_PREFIX": "t-"}.items():
        monkeypatch.setenv(name, value)
    settings.get.cache_clear()


@contextmanager
def answering_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """For the platform in use, which is AWS."""
    account = ModelAccount()
    made = Answering(account)
    inference = platform.current().inference
    assert isinstance(inference, AwsInference)
    inference._endpoint = ModelEndpoint(
        BUCKET, sagemaker=account.client("sagemaker"), scaling=account.client("application-autoscaling")
    )
    inference._imports = ModelImports(BUCKET, bedrock=account.client("bedrock"))
    with answering(made.reply) as url:
        monkeypatch.setenv("DATAFORGE_SAGEMAKER_URL", url)
        monkeypatch.setenv("DATAFORGE_BEDROCK_URL", url)
        settings.get.cache_clear()
        yield made

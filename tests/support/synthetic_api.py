"""The synthetic API as a client sees it, and the example bodies of its two public documents, as they stand there."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.support.service import Service

ENDED = ("succeeded", "failed")

QUICK_START = {
    "schema": "instruction_v1",
    "domain": "customer_support",
    "count": 100,
    "models": {"generator": {"provider": "openai", "model": "gpt-4o"}},
}
QUICK_CRITIC = {
    "schema": "preference_v1",
    "domain": "code_review",
    "count": 50,
    "models": {
        "generator": {"provider": "anthropic", "model": "claude-sonnet-4-6"},
        "critic": {"provider": "anthropic", "model": "claude-sonnet-4-6"},
    },
}
FIRST = {"schema": "instruction_v1", "domain": "customer support for a SaaS product", "count": 50, "model": "balanced"}
VERBOSE = {
    "schema": "preference_v1",
    "domain": "code review best practices",
    "count": 100,
    "models": {
        "generator": {"provider": "anthropic", "model": "claude-sonnet-4-6"},
        "critic": {"provider": "openai", "model": "gpt-4o-mini"},
    },
}
CONFLICT = {
    "schema": "conflict_v1",
    "domain": "AI assistant alignment decisions",
    "count": 200,
    "model": "deep",
    "conflict_config": {
        "drive_pairs": [
            {
                "axis_name": "safety_autonomy",
                "drives": [
                    {"name": "safety", "description": "Prioritize user protection..."},
                    {"name": "autonomy", "description": "Respect user agency..."},
                ],
            },
            {
                "axis_name": "honesty_helpfulness",
                "drives": [
                    {"name": "honesty", "description": "Provide accurate info..."},
                    {"name": "helpfulness", "description": "Maximize usefulness..."},
                ],
            },
        ],
        "axis_distribution": {"safety_autonomy": 60, "honesty_helpfulness": 40},
        "resolution_mode": "annotated",
    },
}
PEER = {
    "schema": "instruction_v1",
    "domain": "mental health peer support",
    "count": 200,
    "model": "deep",
    "system_prompt": "You are a compassionate peer support assistant... Always validate feelings before offering "
    "advice. Never diagnose...",
}
ADVANCED = {
    "schema": "instruction_v1",
    "domain": "AI safety, non-harm alignment training",
    "count": 500,
    "model": "deep",
    "system_prompt": "You are a safety-focused AI assistant...",
    "verified": True,
    "advanced": {
        "categories": {
            "safety_critical": {"percentage": 30},
            "social_conflict": {"percentage": 25},
            "misinformation": {"percentage": 25},
            "benign": {"percentage": 20},
        },
        "invariants": [
            {"rule": "Responses must never encourage self-harm or violence", "enforcement": "strict"},
            {"rule": "Responses should acknowledge uncertainty when not clear-cut", "enforcement": "soft"},
        ],
        "hard_negatives": {"enabled": True, "percentage": 20},
        "output_split": {"train": 80, "validation": 20},
        "metadata_fields": [
            {"name": "id", "type": "auto_increment", "prefix": "nh_"},
            {"name": "category", "type": "from_category"},
        ],
    },
}
COVERAGE = {
    "schema": "eval_v1",
    "domain": "AI fairness evaluation",
    "count": 200,
    "model": "diverse",
    "advanced": {
        "coverage": {
            "dimensions": [
                {"name": "difficulty", "values": ["easy", "medium", "hard"]},
                {"name": "topic", "values": ["safety", "privacy", "fairness", "transparency"]},
                {"name": "persona", "values": ["expert", "beginner"]},
            ],
            "mode": "all_combinations",
            "min_per_cell": 2,
        },
        "invariants": [{"rule": "Test cases must have exactly one correct answer", "enforcement": "strict"}],
        "output_split": {"train": 80, "test": 20},
    },
}
VERIFIED = {
    "schema": "instruction_v1",
    "domain": "legal contract review",
    "count": 200,
    "model": "deep",
    "verified": True,
}
USE_CASES = {
    "safety": {
        "schema": "instruction_v1",
        "domain": "AI assistant safety and alignment",
        "count": 1000,
        "model": "deep",
        "verified": True,
        "advanced": {
            "categories": {
                "harmful_request_refusal": {"percentage": 35},
                "misinformation_correction": {"percentage": 25},
                "privacy_protection": {"percentage": 20},
                "benign_helpfulness": {"percentage": 20},
            },
            "hard_negatives": {"enabled": True, "percentage": 30},
            "output_split": {"train": 80, "validation": 20},
        },
    },
    "conflict": {
        "schema": "conflict_v1",
        "domain": "AI assistant alignment decisions in sensitive contexts",
        "count": 500,
        "model": "deep",
        "verified": True,
        "conflict_config": {
            "drive_pairs": [
                {"a": "safety", "b": "autonomy"},
                {"a": "honesty", "b": "helpfulness"},
                {"a": "privacy", "b": "transparency"},
            ],
            "axis_distribution": {"safety_autonomy": 40, "honesty_helpfulness": 35, "privacy_transparency": 25},
            "resolution_mode": "annotated",
        },
        "advanced": {"output_split": {"train": 80, "validation": 20}},
    },
    "chatbot": {
        "schema": "instruction_v1",
        "domain": "technical support for cloud infrastructure",
        "count": 500,
        "model": "balanced",
        "system_prompt": "You are Aria, a friendly cloud support engineer at CloudCo...",
        "constraints": {"tone": "friendly", "difficulty": "mixed"},
        "advanced": {
            "categories": {
                "billing_and_costs": {"percentage": 20},
                "networking": {"percentage": 25},
                "compute_and_scaling": {"percentage": 30},
                "storage": {"percentage": 25},
            }
        },
    },
    "dpo": {
        "schema": "preference_v1",
        "domain": "writing assistance and editing",
        "count": 300,
        "model": "deep",
        "verified": True,
        "advanced": {
            "hard_negatives": {"enabled": True, "percentage": 20},
            "output_split": {"train": 90, "validation": 10},
        },
    },
    "multilingual": {
        "schema": "instruction_v1",
        "domain": "e-commerce customer support",
        "count": 200,
        "model": "balanced",
        "constraints": {"language": "es"},
        "advanced": {"metadata_fields": [{"name": "lang", "type": "constant", "value": "es"}]},
    },
}
EVERY_BODY: dict[str, dict[str, Any]] = {
    "quick_start": QUICK_START,
    "quick_critic": QUICK_CRITIC,
    "first": FIRST,
    "verbose": VERBOSE,
    "conflict_config": CONFLICT,
    "system_prompt": PEER,
    "advanced": ADVANCED,
    "coverage": COVERAGE,
    "verified": VERIFIED,
    **{f"use_case_{name}": body for name, body in USE_CASES.items()},
}


class Synthetic:
    """Calls as the documents show them: a bearer key and nothing else."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.headers = {"Authorization": f"Bearer {service.headers['X-API-Key']}"}

    def call(
        self, method: str, path: str, *, json: object = None, expect: int = 200, headers: Any = None, **params: Any
    ) -> Any:
        response = self.service.http.request(
            method, f"/v1/synthetic{path}", json=json, params=params, headers={**self.headers, **(headers or {})}
        )
        assert response.status_code == expect, response.text
        return response.json()

    def start(self, body: object, *, expect: int = 202, **headers: str) -> Any:
        return self.call("POST", "/generate", json=body, expect=expect, headers=headers)

    def estimate(self, body: dict[str, Any]) -> Any:
        return self.start({**body, "estimate": True}, expect=200)

    def wait(self, job_id: str, *, seconds: float = 120) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while True:
            job = self.call("GET", f"/jobs/{job_id}")
            if job["status"] in ENDED:
                return job
            assert time.monotonic() < end, job
            self.service.doze(job_id)

    def run(self, body: object) -> dict[str, Any]:
        return self.wait(self.start(body)["job_id"])

    def records(self, job_id: str, **params: str) -> list[dict[str, Any]]:
        response = self.service.http.get(f"/v1/synthetic/jobs/{job_id}/results", params=params, headers=self.headers)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/x-ndjson"
        return [json.loads(line) for line in response.text.splitlines()]

    def file(self, path: str) -> Any:
        return json.loads(self.service.fetch(self.call("GET", path)["url"]))

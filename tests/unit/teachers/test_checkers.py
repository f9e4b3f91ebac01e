"""Who judges, criticises and verifies where nobody is named for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataforge import settings
from dataforge.store import organisations
from dataforge.teachers import resolve
from dataforge.teachers.checkers import checker_of_documents, default_checker
from dataforge.workflows.synthetic import starting
from tests.support.embedded_platform import embedded_platform

OURS = "http://gpu.example:8000/v1"
LIGHT = "openai:gpt-4o-mini"
KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_REGION": "eu-west-1"}
PLACED = json.dumps({"models": [{"id": "gpt-4o-mini", "backends": [LIGHT]}]})
WITH_ADDRESS = json.dumps({"models": [{"id": "qwen", "backends": ["openai:qwen"], "base_url": OURS}]})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without any key."""
    for name in (*KEYS, "OPENAI_BASE_URL", "DATAFORGE_MODELS", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with embedded_platform(tmp_path):
        yield
    settings.get.cache_clear()


def give(env: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        env.setenv(name, value)
    settings.get.cache_clear()


@pytest.mark.parametrize(
    ("given", "writer", "judge", "of_documents"),
    [
        (KEYS, "gpt-4o", LIGHT, LIGHT),
        (KEYS, "openai:gpt-5-mini", LIGHT, LIGHT),
        (KEYS, "claude-sonnet-4-6", LIGHT, "anthropic:claude-sonnet-4-6"),
        (KEYS, "bedrock:amazon.nova-lite-v1:0", LIGHT, "bedrock:amazon.nova-lite-v1:0"),
        (KEYS, "ollama:llama3.2", "ollama:llama3.2", "ollama:llama3.2"),
        ({"OPENAI_BASE_URL": OURS}, "openai:Qwen3-32B", "openai:Qwen3-32B", "openai:Qwen3-32B"),
        ({"OPENAI_BASE_URL": OURS, "DATAFORGE_MODELS": PLACED}, "openai:Qwen3-32B", LIGHT, LIGHT),
        ({**KEYS, "OPENAI_BASE_URL": OURS}, "claude-sonnet-4-6", *["anthropic:claude-sonnet-4-6"] * 2),
        ({**KEYS, "DATAFORGE_MODELS": WITH_ADDRESS}, "qwen", "openai:qwen", "openai:qwen"),
        ({"ANTHROPIC_API_KEY": "k"}, "claude-sonnet-4-6", *["anthropic:claude-sonnet-4-6"] * 2),
    ],
)
def test_the_light_model_checks_unless_the_writer_is_private_or_it_cannot_be_asked(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], writer: str, judge: str, of_documents: str
) -> None:
    give(monkeypatch, **given)
    model = resolve(writer)

    assert default_checker(model, org_id=None).backend == judge
    assert checker_of_documents(model, org_id=None).backend == of_documents


def test_a_private_server_is_never_asked_for_a_model_that_nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, OPENAI_BASE_URL=OURS)
    org_id, _ = organisations.create("harbour")
    generator = {"provider": "openai", "model": "Qwen3-32B"}
    request = {"schema": "preference_v1", "domain": "harbours", "count": 2, "verified": True}

    quoted = starting.quote(org_id, {**request, "models": {"generator": generator}}, domain_confirmed=True)

    assert set(quoted.roles.names) == {"openai:Qwen3-32B"}
    assert (quoted.roles.critic, quoted.roles.judge) == ("openai:Qwen3-32B", "openai:Qwen3-32B")

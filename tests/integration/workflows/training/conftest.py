"""A verifier for the evaluation of models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.chat_servers import answering
from tests.support.comparing_judge import Judge


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Judge]:
    """Ask for it before `service`, whose workers inherit its address."""
    made = Judge()
    with answering(made.answer) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        yield made

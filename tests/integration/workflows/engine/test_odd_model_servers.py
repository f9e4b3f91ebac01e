"""Runs over documents and from a description against model servers that are not as OpenAI's, by the real connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dataforge import settings
from dataforge.store import runs
from dataforge.store.projects import Project
from dataforge.workflows.engine import retry
from tests.support.document_runs import walk
from tests.support.odd_model_servers import FAULTS, odd_server
from tests.support.scripted_replies import kind_of
from tests.support.synthetic_runs import SyntheticHarness

WORKING = ["sysrole", "rf404", "rf500", "ctx4096", "reasoning", "toolcalls"]
DENIED = ["quota", "blocked", "err200"]
Bodies = list[dict[str, Any]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bodies]:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    with odd_server() as (url, bodies):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        settings.get.cache_clear()
        yield bodies


def run_of(kind: str, project: Project, monkeypatch: pytest.MonkeyPatch, model: str) -> runs.Run:
    if kind == "documents":
        return walk(project, model_id=f"openai:{model}", num_pairs=6, config={"pairs_per_chunk": 1})
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", f"openai:{model}")
    settings.get.cache_clear()
    return SyntheticHarness(monkeypatch).run(count=6)


@pytest.mark.parametrize("model", WORKING)
@pytest.mark.parametrize("kind", ["documents", "synthetic"])
def test_a_server_with_its_own_ways_is_asked_as_it_wants(
    kind: str, model: str, sent: Bodies, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(kind, project, monkeypatch, model)

    assert run.status == "completed", run.error
    assert run.delivered >= 5
    assert not run.failed, run.reasons
    assert len(sent) < 60


@pytest.mark.parametrize("model", ["sysrole", "ctx4096"])
@pytest.mark.parametrize("kind", ["documents", "synthetic"])
def test_what_a_model_refuses_is_learnt_once_for_all_batches_of_a_run(
    kind: str, model: str, sent: Bodies, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "1")
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "1")
    settings.get.cache_clear()

    run = run_of(kind, project, monkeypatch, model)

    asked = [body for body in sent if kind == "documents" or kind_of(_whole(body)) != "taxonomy"]
    refused = [body for body in asked if FAULTS[model](body)[0] == 400]
    assert run.delivered >= 5
    assert len(asked) - len(refused) >= 2, "several batches"
    assert len(refused) == 1 if model == "sysrole" else len(refused) <= 3, (
        "a longer prompt may need a refusal of its own"
    )


def _whole(body: dict[str, Any]) -> dict[str, Any]:
    text = "\n\n".join(m["content"] for m in body["messages"])
    return {"messages": [{"role": "system", "content": text}, {"role": "user", "content": text}]}


@pytest.mark.parametrize("model", DENIED)
@pytest.mark.parametrize("kind", ["documents", "synthetic"])
def test_an_account_that_is_denied_ends_the_run_at_once(
    kind: str, model: str, sent: Bodies, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "1")

    run = run_of(kind, project, monkeypatch, model)

    assert run.status == "failed"
    assert set(run.reasons["failed"]) == {"teacher_refused"}  # type: ignore[call-overload]
    assert len(sent) <= 3


@pytest.mark.parametrize("model", ["refuse", "refusalfield"])
@pytest.mark.parametrize("kind", ["documents", "synthetic"])
def test_a_model_that_declines_is_quoted(
    kind: str, model: str, sent: Bodies, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(kind, project, monkeypatch, model)

    assert sent
    assert "I cannot write about harbours." in str(run.error)

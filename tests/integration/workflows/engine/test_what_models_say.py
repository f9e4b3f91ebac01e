"""What a run shows of a teacher that wrote something else than records, or takes less than it is sent."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from dataforge import platform, settings
from dataforge.errors import TeacherRefused, TeacherUnreachable
from dataforge.records import Answer, Question
from dataforge.store import run_log, runs
from dataforge.store.projects import Project
from dataforge.teachers import PROVIDERS
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import run_files
from dataforge.workflows.engine import retry
from tests.support.document_runs import good, teach, walk
from tests.support.synthetic_runs import SyntheticHarness

SORRY = "I'm sorry, but I can't create training data from this document."


def failed_lines(run: runs.Run) -> list[dict[str, object]]:
    return [
        json.loads(line) for line in platform.current().files.read(run_files.key_of(run, "failed.jsonl")).splitlines()
    ]


def test_a_failed_pair_shows_what_the_model_said(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, lambda _: SORRY)  # type: ignore[arg-type]

    run = walk(project, num_pairs=2, config={"pairs_per_chunk": 1})

    assert run.status == "failed"
    assert SORRY in str(run.error)
    assert [line["reply"] for line in failed_lines(run)] == [SORRY] * run.failed
    assert all(SORRY in str(line["detail"]) for line in failed_lines(run))


def test_a_failed_synthetic_record_shows_what_the_model_said(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", "fake:model")
    settings.get.cache_clear()
    synthetic = SyntheticHarness(monkeypatch)
    synthetic.teach(instruction_v1=lambda _: SORRY)

    run = synthetic.run(count=2)

    assert SORRY in str(run.error)
    assert [line["reply"] for line in failed_lines(run)] == [SORRY] * run.failed


class Saying(ScriptedTeacher):
    """Answers with a note and without text, or with what it was not sent."""

    def __init__(self, **changes: object) -> None:
        super().__init__([good], name="fake:model")
        self.changes = changes

    async def ask(self, question: Question) -> Answer:
        return replace(await super().ask(question), **self.changes)  # type: ignore[arg-type]


def test_a_refusal_in_a_field_of_its_own_is_told_and_not_asked_four_times(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = Saying(text="", finish_reason="content_filter", note='the model declined: "No."')
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)

    run = walk(project, num_pairs=1, config={"pairs_per_chunk": 1})

    assert 'the model declined: "No."' in str(run.error)
    assert failed_lines(run)[0]["reply"] == 'the model declined: "No."'
    assert len(teacher.asked) == 2 * run.failed


def test_what_a_model_does_not_take_is_in_the_log_of_the_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: Saying(left_out=("temperature",)))

    run = walk(project, num_pairs=6, config={"pairs_per_chunk": 1})

    said = [line["message"] for line in run_log.tail(run.run_id, 200) if "asked without" in str(line["message"])]
    assert said == ["fake:model is asked without temperature"]


def test_a_correction_turn_that_does_not_fit_is_followed_by_the_plain_question(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small_window(question: Question) -> str:
        if len(question.messages) > 2:
            raise TeacherRefused("the prompt is too long", this_prompt_only=True)
        return SORRY if not question.seed else good(question)

    teach(monkeypatch, small_window)  # type: ignore[arg-type]

    run = walk(project, num_pairs=2, config={"pairs_per_chunk": 1})

    assert (run.status, run.failed) == ("completed", 0)


def test_time_outs_narrow_what_is_in_flight(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server that works on two calls and lets all others wait in vain."""
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    busy, most = [0], [0]

    class TwoSlots(ScriptedTeacher):
        async def ask(self, question: Question) -> Answer:
            busy[0] += 1
            try:
                is_late = busy[0] > 2
                await asyncio.sleep(0.05 if is_late else 0.01)
                if is_late:
                    most[0] += 1
                    raise TeacherUnreachable("no complete answer", timed_out=True)
                return await super().ask(question)
            finally:
                busy[0] -= 1

    monkeypatch.setitem(PROVIDERS, "fake", lambda _: TwoSlots([good], name="fake:model"))

    run = walk(project, num_pairs=18, config={"pairs_per_chunk": 1})

    assert run.reasons.get("failed", {}) == {}
    assert most[0] <= 24

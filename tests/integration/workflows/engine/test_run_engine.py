"""The run engine step by step: replies, corrections, reasons, and how many calls at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from dataforge import platform, settings
from dataforge.errors import TeacherBusy, TeacherRefused, TeacherUnreachable
from dataforge.records import Answer, Question
from dataforge.store import projects, run_log, runs
from dataforge.store.projects import Project
from dataforge.teachers import PROVIDERS
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import run_files, run_states
from tests.support.document_runs import batches, begin, counts_of, good, teach, walk, wrong


# checklist 27, 34
def test_a_capable_teacher_delivers_what_was_asked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teach(monkeypatch, good)

    run = walk(project, num_pairs=12, config={"pairs_per_chunk": 2})

    assert counts_of(run) == (12, 12, 0, 0)
    assert run.status == "completed"
    assert len(teacher.asked) == 6
    assert run.report is not None
    after = projects.get(project.org_id, project.project_id)
    assert (after.pending, after.scored, after.active_run) == (12, 12, None)


def test_an_unreadable_reply_gets_a_correction_turn_that_shows_the_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teach(monkeypatch, wrong, good)

    run = walk(project, num_pairs=1, chunk_ids=["chunk_0_000000"])

    assert counts_of(run) == (1, 1, 0, 0)
    said = teacher.asked[1].messages
    assert [m.role for m in said] == ["system", "user", "assistant", "user"]
    assert said[2].content == "I would rather not."
    assert "no JSON" in said[3].content


def test_a_teacher_that_never_answers_in_form_fails_its_slots_with_a_reason(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, wrong)

    run = walk(project, num_pairs=6)

    assert counts_of(run)[1:3] == (0, 0)
    assert run.status == "failed"
    assert "unreadable_reply" in str(run.error)
    assert run.reasons["failed"] == {"unreadable_reply": run.failed}
    lines = platform.current().files.read(run_files.key_of(run, "failed.jsonl")).splitlines()
    assert len(lines) == run.failed


def test_part_of_a_reply_is_kept_and_only_the_missing_pairs_are_asked_for_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_at_a_time(question: Question) -> str:
        return json.dumps({"pairs": json.loads(good(question))["pairs"][:1]})

    teacher = teach(monkeypatch, one_at_a_time)

    run = walk(project, num_pairs=12, config={"pairs_per_chunk": 2})

    assert counts_of(run) == (12, 12, 0, 0)
    assert len(teacher.asked) == 12
    again = [q for q in teacher.asked if len(q.messages) == 4]
    assert [len(q.slots) for q in again] == [1] * 6
    assert all("exactly 1 more" in q.messages[3].content for q in again)


def test_what_a_teacher_never_completes_fails_and_the_rest_is_delivered(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(question: Question) -> str:
        if len(question.messages) > 2:
            return "That is all I know."
        pairs = json.loads(good(question))["pairs"]
        return json.dumps({"pairs": pairs[: max(1, len(pairs) // 2)]}) if len(pairs) > 1 else "No."

    teach(monkeypatch, half)

    run = walk(project, num_pairs=12, config={"pairs_per_chunk": 2})

    asked, delivered, _, failed = counts_of(run)
    assert delivered >= 6
    assert failed >= 6
    assert asked <= 15


class Short(ScriptedTeacher):
    """Cuts every reply at question.max_tokens, four characters each."""

    async def ask(self, question: Question) -> Answer:
        answer = await super().ask(question)
        room = 4 * question.max_tokens
        cut = len(answer.text) > room
        return replace(answer, text=answer.text[:room], finish_reason="length" if cut else "stop")


@pytest.mark.parametrize(("max_tokens", "most"), [(None, 4096 * 4), (60, 60)])
def test_a_reply_that_is_cut_gets_more_room_or_fewer_pairs_at_a_time(
    project: Project, monkeypatch: pytest.MonkeyPatch, max_tokens: int | None, most: int
) -> None:
    """The caller's own max_tokens is never exceeded."""

    def wordy(question: Question) -> str:
        return " " * (4 * 5000 if max_tokens is None else 0) + good(question)

    teacher = Short([wordy])
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)

    run = walk(
        project,
        num_pairs=4,
        config={"pairs_per_chunk": 2},
        max_tokens=max_tokens,
        chunk_ids=["chunk_0_000000", "chunk_0_000001"],
    )

    assert counts_of(run) == (4, 4, 0, 0)
    assert max(q.max_tokens for q in teacher.asked) <= most
    assert len(teacher.asked) > 2


@pytest.mark.parametrize(
    "trouble",
    [
        TeacherBusy("busy", retry_after=0.01),
        TeacherBusy("busy"),
        TeacherUnreachable("reset"),
    ],
)
def test_a_busy_or_unreachable_teacher_is_asked_again(
    project: Project, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    tries: Counter[str] = Counter()

    def third_time(question: Question) -> str:
        tries[question.slots[0].chunk_id] += 1
        if tries[question.slots[0].chunk_id] < 3:
            raise trouble
        return good(question)

    teach(monkeypatch, third_time)

    run = walk(project, num_pairs=6, config={"pairs_per_chunk": 1})

    assert counts_of(run) == (6, 6, 0, 0)
    assert set(tries.values()) == {3}


def test_a_refusal_stops_the_run_at_once_and_says_why(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "1")
    settings.get.cache_clear()
    teacher = teach(monkeypatch, TeacherRefused("the key sk-abcdefgh12345 is wrong"))

    run = walk(project, num_pairs=12)

    assert len(teacher.asked) == 1
    assert run.status == "failed"
    assert run.reasons["failed"] == {"teacher_refused": 12}
    answer = "\n".join(str(line["message"]) for line in run_log.tail(run.run_id, 100))
    assert "[redacted]" in answer
    assert "sk-abcdefgh12345" not in answer


# checklist 105
def test_near_duplicates_are_found_over_the_whole_run_not_per_batch(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "1")
    settings.get.cache_clear()
    same = json.dumps(
        {
            "pairs": [
                {
                    "question": "When does the north pier open in the morning?",
                    "answer": "The north pier opens at 5 o'clock.",
                    "evidence": [],
                }
            ]
        }
    )
    teach(monkeypatch, same)

    run, planned = begin(
        project, num_pairs=2, config={"pairs_per_chunk": 1}, chunk_ids=["chunk_0_000000", "chunk_0_000001"]
    )
    for batch in batches(planned):
        run_states.generate_batch(batch)
    run_states.assess_run(planned)

    after = runs.get(run.org_id, run.run_id)
    assert len(batches(planned)) == 2
    assert after.delivered == 1
    assert after.rejected == 1


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_calls_are_in_flight_than_allowed(
    project: Project, monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", str(concurrency))
    settings.get.cache_clear()
    teacher = Crowd(good)
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)

    walk(project, num_pairs=6, config={"pairs_per_chunk": 1})

    assert teacher.most == concurrency


class Crowd(ScriptedTeacher):
    """Counts how many callers are inside at once."""

    def __init__(self, line: Callable[[Question], str]) -> None:
        super().__init__([line], delay=0.02)
        self.inside = self.most = 0

    async def ask(self, question: Question):  # type: ignore[no-untyped-def]
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            return await super().ask(question)
        finally:
            self.inside -= 1

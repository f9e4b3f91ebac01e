"""What goes wrong around a run: crashes between two writes, odd replies, teachers that vanish, late cancels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from dataforge import platform, settings
from dataforge.errors import Conflict, NotFound, TeacherRefused, TeacherUnreachable
from dataforge.platform.ports import Execution, Item
from dataforge.quality import record_scoring
from dataforge.records import Answer, Question
from dataforge.store import chunks, pairs, projects, replies, review_index, runs
from dataforge.store.projects import Project
from dataforge.workflows import erasing, lifecycle, run_files, run_states, state_input
from dataforge.workflows.documents import registration
from dataforge.workflows.engine import batch as engine_batch
from dataforge.workflows.engine import retry
from dataforge.workflows.engine import rounds as engine_rounds
from dataforge.workflows.engine.call_loop import MAX_FRUITLESS
from dataforge.workflows.generation import scoring, starting
from dataforge.workflows.review import edit, search
from tests.support.document_runs import FACTS, batches, begin, counts_of, good, teach, walk, wrong
from tests.support.embedded_platform import Started


def pair(question: str, answer: str, **more: object) -> str:
    return json.dumps({"pairs": [{"question": question, "answer": answer, "evidence": [answer], **more}]})


def for_passage(n: int, odd: str) -> Callable[[Question], str]:
    """A capable teacher, but for passage n."""
    return lambda q: odd if FACTS[n][0][1] in q.passage.content else good(q)


def set_limit(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    settings.get.cache_clear()


@pytest.mark.parametrize(
    "odd",
    [
        pair("What is half a character \ud83d?", "\ud83d is one."),
        "[" * 200_000,
        '{"a":' * 100_000,
        pair("x" * 300_000, "y" * 300_000),
        pair("Which words are many?", "Sesam öffne dich. " * 40_000),
        "7",
        "null",
        "",
        json.dumps({"pairs": {"question": 1, "answer": [{}]}}),
        "\0",
        "ß" * 400_000,
    ],
)
def test_one_odd_reply_costs_its_own_slots_and_no_other(
    project: Project, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    teach(monkeypatch, for_passage(2, odd))

    run = walk(project, num_pairs=6, config={"pairs_per_chunk": 1})

    _, delivered, _, _ = counts_of(run)
    assert run.status == "completed"
    assert delivered >= 5
    found, total = search.page(project, search.PairFilter(run_id=run.run_id), page=1, page_size=500)
    assert total == len(found) == run.delivered + run.rejected


def test_drafts_of_a_better_reply_name_that_reply(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, lambda q: json.dumps({"pairs": json.loads(good(q))["pairs"][:1]}), *[wrong] * MAX_FRUITLESS)

    run = walk(project, num_pairs=2, chunk_ids=["chunk_0_000000"], config={"pairs_per_chunk": 2})

    kept = platform.current().files.read(run_files.key_of(run, "records.jsonl")).splitlines()
    assert {json.loads(line)["reply"].partition("#")[2] for line in kept} == {"00"}


def test_a_batch_that_died_for_good_still_delivers_what_was_paid_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teach(monkeypatch, good, good, good, MemoryError("out of memory"))
    set_limit(monkeypatch, "DATAFORGE_CONCURRENCY", "1")
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    batch = batches(planned)[0]

    with pytest.raises(ExceptionGroup):
        run_states.generate_batch(batch)
    run_states.record_failure({**batch, "failure": {"Error": "Boom", "Cause": "out of memory"}})
    run_states.close_run({**run_states.assess_run(planned), "top_up": False})

    done = runs.get(run.org_id, run.run_id)
    assert len(teacher.asked) == 4
    assert counts_of(done) == (6, 3, 0, 3)
    assert done.reasons["failed"] == {"batch_failed": 3}
    assert done.input_tokens == sum(
        replies.between(run.run_id, 0, 9)[k].input_tokens for k in ("000000#00", "000001#00", "000002#00")
    )


def saved_from(batch: Item) -> int:
    e = state_input.read(batch)
    return engine_batch.save_stored(engine_batch.open_batch(e), e)


@pytest.mark.parametrize("calls", [1, 6], ids=["after the last reply", "between replies"])
def test_a_verdict_that_crashes_is_the_end_of_its_batch_and_not_of_what_was_paid_for(
    project: Project, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    teacher = teach(monkeypatch, good)
    set_limit(monkeypatch, "DATAFORGE_CONCURRENCY", "1")
    _, planned = begin(project, num_pairs=calls, config={"pairs_per_chunk": 1})
    batch = batches(planned)[0]
    original = teacher.ask
    monkeypatch.setattr(engine_batch, "IDLE", 0.0)

    async def slowly(question: Question) -> Answer:
        await asyncio.sleep(0.05)
        return await original(question)

    monkeypatch.setattr(teacher, "ask", slowly)
    with mock.patch.object(scoring, "score_of", side_effect=RuntimeError("defect")), pytest.raises(RuntimeError):
        run_states.generate_batch(batch)
    asked = len(teacher.asked)

    assert asked <= 2, "nobody pays for another call once the batch is lost"
    assert saved_from(batch) == asked


def test_drafts_are_judged_by_the_chunk_as_it_is_when_the_run_is_assessed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    for batch in batches(planned):
        run_states.generate_batch(batch)
    edited = next(chunks.of_project(project.project_id))
    chunks.change(edited, {"content": "Nothing of this is about the sea any more."})

    with mock.patch.object(record_scoring, "score", wraps=record_scoring.score) as judged:
        run_states.assess_run(planned)

    assert [call.args[0].passage for call in judged.call_args_list] == ["Nothing of this is about the sea any more."]
    lost = [line["chunk_id"] for line in run_files.read_lines(run, "rejected.jsonl") if "ungrounded" in line["reasons"]]
    assert lost == [edited.chunk_id]


def test_a_later_round_neither_judges_nor_rewrites_what_an_earlier_one_settled(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, bytes]] = []
    teach(monkeypatch, lambda q: good(q) if seen or "north pier" in q.passage.content else wrong(q))
    run, planned = begin(project, num_pairs=4)
    files = ("records.jsonl", "rejected.jsonl", "failed.jsonl", "search.txt")

    for _ in range(2):
        for batch in batches(planned):
            run_states.generate_batch(batch)
        for _ in range(2):  # the second time as after a crash
            assessed = run_states.assess_run(planned)
            seen.append({n: platform.current().files.read(run_files.key_of(run, n)) for n in files})
        planned = run_states.plan_run(assessed)

    first, again, second, again_second = seen
    assert (first, second) == (again, again_second)
    assert all(second[n].startswith(first[n]) for n in files)
    assert len(second["records.jsonl"]) > len(first["records.jsonl"])
    done = runs.get(run.org_id, run.run_id)
    assert [second[n].count(b"\n") for n in files[:3]] == [done.delivered, done.rejected, done.failed]


def test_a_batch_that_starts_after_the_cancel_asks_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})

    lifecycle.cancel(run)
    for batch in batches(planned):
        run_states.generate_batch(batch)
    run_states.close_run(run_states.assess_run(planned))

    assert teacher.asked == []
    assert counts_of(runs.get(run.org_id, run.run_id)) == (6, 0, 0, 6)


def test_a_batch_whose_project_is_deleted_stops_and_leaves_no_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_batch, "HEARTBEAT", 0.01)
    set_limit(monkeypatch, "DATAFORGE_CONCURRENCY", "1")

    def delete(question: Question) -> str:
        if any(projects.of_organisation(project.org_id)):
            erasing.delete_project(projects.get(project.org_id, project.project_id))
        return good(question)

    teacher = teach(monkeypatch, delete)
    teacher.delay = 0.05
    _, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    batch = batches(planned)[0]

    with pytest.raises(NotFound):
        run_states.generate_batch(batch)

    assert len(teacher.asked) < 6
    assert list(platform.current().files.list("data-forge/")) == []


def test_a_teacher_that_vanished_is_not_waited_for_call_by_call(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_limit(monkeypatch, "DATAFORGE_CONCURRENCY", "1")
    teacher = teach(monkeypatch, TeacherUnreachable("connection refused"))

    run = walk(project, num_pairs=12, config={"pairs_per_chunk": 2})

    assert len(teacher.asked) < engine_batch.WORKERS_PER_CALL * retry.MAX_TRIES
    assert run.reasons["failed"] == {"teacher_unreachable": 12}
    assert "connection refused" in str(run.error)


def test_no_key_is_in_what_a_run_reports(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, TeacherRefused("the key sk-abcdefgh12345 is wrong"))

    run = walk(project, num_pairs=2)

    answer = b"".join(platform.current().files.read(f.key) for f in platform.current().files.list(run.files_prefix))
    assert "[redacted]" in str(run.error)
    assert "sk-abcdefgh12345" not in str(run.error)
    assert b"sk-abcdefgh12345" not in answer


def test_topping_up_ends_when_every_new_pair_is_the_same(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    same = pair("When does the north pier open in the morning?", "The north pier opens at five in the morning.")
    teacher = teach(monkeypatch, same)

    run = walk(project, num_pairs=400)

    rounds = {
        f.key.split("/round-")[1].split("/")[0]
        for f in platform.current().files.list(run.files_prefix + "/r")
        if "/round-" in f.key
    }
    assert len(rounds) <= engine_rounds.MAX_ROUNDS
    assert counts_of(run)[1] == 1
    assert teacher.asked


def test_one_wanted_pair_that_is_rejected_is_asked_for_once_more(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, pair("What does the zebra office hand out?", "Seven purple zebras, quarterly."), good)

    run = walk(project, num_pairs=1)

    assert counts_of(run) == (2, 1, 1, 0)


def test_a_chunk_named_twice_is_used_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, good)

    run = walk(project, chunk_ids=["chunk_0_000000"] * 3, config={"pairs_per_chunk": 1})

    assert counts_of(run) == (1, 1, 0, 0)


def test_a_crash_between_writing_pairs_and_counting_them_shows_nothing_and_is_made_good(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    for batch in batches(planned):
        run_states.generate_batch(batch)
    with monkeypatch.context() as patched:
        patched.setattr(review_index, "add_round", crash)
        with pytest.raises(OSError, match="killed"):
            run_states.assess_run(planned)
    unseen = list(pairs.walk(project.project_id)), projects.get(project.org_id, project.project_id).pending

    run_states.assess_run(planned)

    assert unseen == ([], 0)
    assert len(list(pairs.walk(project.project_id))) == 6
    assert projects.get(project.org_id, project.project_id).pending == 6
    assert runs.get(run.org_id, run.run_id).delivered == 6


def test_a_review_between_a_crash_and_the_repeated_assessment_stays_and_the_counters_fit(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    for batch in batches(planned):
        run_states.generate_batch(batch)
    with monkeypatch.context() as patched:
        patched.setattr(chunks, "count_pairs", crash)
        with pytest.raises(OSError, match="killed"):
            run_states.assess_run(planned)
    first = next(pairs.walk(project.project_id))
    edit.edit(project, first.pair_id, edit.Edit(status="accepted"))

    run_states.assess_run(planned)

    after = projects.get(project.org_id, project.project_id)
    assert pairs.get(project.project_id, first.pair_id).status == "accepted"
    assert (after.pending, after.accepted) == (5, 1)
    assert runs.get(run.org_id, run.run_id).delivered == 6


def crash(*_: object, **__: object) -> bool:
    raise OSError("killed here")


class Ended(Started):
    """A workflows port whose executions died without a word."""

    def describe(self, machine: str, run_id: str) -> Execution | None:
        return Execution(machine, run_id, "TIMED_OUT", error="States.Timeout")


def test_a_run_whose_machine_died_does_not_lock_its_project(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    run_states.generate_batch(batches(planned)[0])
    with pytest.raises(Conflict):
        begin(projects.get(project.org_id, project.project_id), num_pairs=1)
    platform.use(replace(platform.current(), workflows=Ended()))
    monkeypatch.setattr(lifecycle, "RECONCILE_AFTER", 0)

    second = starting.start(projects.get(project.org_id, project.project_id), {"model_id": "fake:m", "num_pairs": 1})

    first = runs.get(run.org_id, run.run_id)
    assert counts_of(first) == (6, 0, 0, 6)
    assert (first.status, first.reasons["failed"]) == ("failed", {"run_failed": 6})
    assert "TIMED_OUT" in str(first.error)
    assert "its recovery ended as TIMED_OUT" in str(first.error)
    assert first.output_tokens > 0
    assert projects.get(project.org_id, project.project_id).active_run == second.run_id


class EndedOnce(Ended):
    """The first execution of a run died; its recovery can be started."""

    def describe(self, machine: str, run_id: str) -> Execution | None:
        return None if run_id.endswith("-recovery") else super().describe(machine, run_id)


# checklist 184, 185
def test_a_recovery_delivers_stored_replies_asks_nothing_and_never_tops_up(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    [batch] = batches(planned)
    run_states.generate_batch(batch)
    platform.current().files.delete(run_files.key_of(run, "round-0/part-0000.json"))  # it died before it wrote that
    platform.current().tables.delete("replies", {"run_id": run.run_id, "slot": "000005#00"})
    asked, died = len(teacher.asked), EndedOnce()
    platform.use(replace(platform.current(), workflows=died))
    monkeypatch.setattr(lifecycle, "RECONCILE_AFTER", 0)

    lifecycle.reconcile(runs.get(run.org_id, run.run_id))
    recovery = run_states.plan_run(run_states.plan_run(died.input))
    for item in batches(recovery):
        run_states.generate_batch(item)
        run_states.generate_batch(item)
    assessed = run_states.assess_run(recovery)
    run_states.close_run(assessed)

    done = runs.get(run.org_id, run.run_id)
    assert not assessed["top_up"]
    assert len(teacher.asked) == asked
    assert counts_of(done) == (6, 5, 0, 1)
    assert (done.status, done.reasons["failed"]) == ("failed", {"run_failed": 1})
    assert "TIMED_OUT" in str(done.error)
    assert done.report is not None
    assert projects.get(project.org_id, project.project_id).active_run is None


def test_a_deletion_that_was_cut_off_can_be_repeated(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, good)
    run, _ = begin(project, num_pairs=1)
    platform.current().tables.delete("runs", {"org_id": run.org_id, "run_id": run.run_id})

    erasing.delete_project(projects.get(project.org_id, project.project_id))

    with pytest.raises(NotFound):
        projects.get(project.org_id, project.project_id)


@pytest.mark.parametrize(
    "name",
    [
        "規則" * 250,
        "a" * 500,
        "a" * 300 + "." + "b" * 199,
        "x" * 490 + ".pdf",
        "...",
        "../../x",
    ],
)
def test_any_name_of_the_contract_gets_a_place_of_its_own(project: Project, name: str) -> None:
    url, key = registration.upload_url(project, name, "text/plain", 1)
    platform.current().files.write(key, b"x")
    _, other = registration.upload_url(project, name, "text/plain", 1)

    assert url
    assert key != other
    assert key.rpartition("/")[0] == f"{project.s3_prefix}/sources"
    assert Path(name).suffix != ".pdf" or key.endswith(".pdf")


def test_a_plan_that_is_written_twice_is_the_same(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, good)
    _, planned = begin(project, num_pairs=12)
    before = {f.key: f.etag for f in platform.current().files.list("data-forge/")}
    started: Item = {k: v for k, v in planned.items() if k not in ("batches", "batches_key")}

    run_states.plan_run(started)

    assert {f.key: f.etag for f in platform.current().files.list("data-forge/")} == before

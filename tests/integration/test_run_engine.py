"""The run engine step by step: replies stored before they are read, corrections, reasons, counts, resume."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dataforge import clock, platform, settings
from dataforge.errors import BatchUnfinished, TeacherBusy, TeacherRefused, TeacherUnreachable
from dataforge.platform.embedded.disk import DiskFiles
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.embedded.sockets import EmbeddedSockets
from dataforge.platform.embedded.sqlite import SqliteTables
from dataforge.platform.ports import Execution, Item, Platform
from dataforge.records import Answer, Question
from dataforge.store import orgs, projects, runs
from dataforge.store.projects import Document, Project, StoredChunk
from dataforge.teachers import PROVIDERS
from dataforge.teachers.scripted import Line, ScriptedTeacher
from dataforge.workflows import asking, assessing, closing, generation, planning, sending
from dataforge.workflows import runs as flow
from infra import catalog

FACTS = [
    [("When does the north pier open?", "The north pier opens at five in the morning"),
     ("How much can the old crane lift?", "The old crane lifts eleven tonnes at most"),
     ("Who signs the tide journal?", "Tide journals are signed by the harbour master")],
    [("What does fresh water cost?", "Fresh water costs four euros per cubic metre"),
     ("Where is waste oil collected?", "Waste oil goes into the green tank behind shed two"),
     ("How long may a guest yacht stay?", "Guest yachts may stay for two weeks in summer")],
    [("Which radio channel do pilots use?", "Pilots listen on channel twelve around the clock"),
     ("What must every diver carry?", "Every diver carries a lamp, a knife and a whistle"),
     ("Why are dogs kept on a leash?", "Dogs stay on a leash because seals breed nearby")],
    [("How often are fenders replaced?", "Rubber fenders are replaced every third winter"),
     ("What happens to unpaid invoices?", "Unpaid invoices double after sixty days"),
     ("Who may open the lock gate?", "Only trained lock keepers open the gate")],
    [("How fast may ferries sail in the basin?", "Ferries slow down to three knots inside the basin"),
     ("What is a spring line?", "A spring line is a rope that stops a ship from surging"),
     ("Which form does a new tenant fill in?", "New tenants fill in form B17 at the office")],
    [("How deep is the eastern channel?", "The eastern channel is nine metres deep at low water"),
     ("When is the fish market held?", "A fish market takes place on Thursday evenings"),
     ("What colour are inspection stickers?", "Inspection stickers are orange for cargo vessels")],
]
"""Passages of three sentences, each with the question it answers; no two look alike."""


class Started:
    """A workflows port that only notes what was started; the test walks the states itself."""

    def __init__(self) -> None:
        self.input: Item = {}

    def start(self, machine: str, run_id: str, input: Item) -> None:
        self.input = input

    def describe(self, machine: str, run_id: str) -> Execution | None:
        return None

    def stop(self, machine: str, run_id: str, *, cause: str = "") -> None:
        return None


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project of six passages on a fresh embedded wall."""
    monkeypatch.setattr(sending, "LONGEST_WAIT", 0.05)
    settings.get.cache_clear()
    files = DiskFiles(tmp_path / "files", base_url=lambda: "http://x", secret=b"s" * 32, max_upload_bytes=10**6)
    tables = SqliteTables(tmp_path / "data.db", catalog.TABLES)
    platform.use(Platform("embedded", tables, files, Started(), EmbeddedSockets(), EnvironmentSecrets(None)))
    org_id, user_id = orgs.create_org("harbour")
    made = projects.create(org_id, user_id, name="p", description="", source_type="documents", config={})
    document = Document(made.project_id, "doc_0", "rules.md", "text/markdown", 1, "k", clock.now(),
                        parsing_status="parsing")
    projects.add_document(made, document)
    chunks = [
        StoredChunk(made.project_id, f"chunk_0_{n:06d}", "doc_0", passage(n), ["Rules"], n, "paragraph", 60, 0,
                    len(passage(n)), clock.now())
        for n in range(len(FACTS))
    ]
    projects.replace_chunks(org_id, document, chunks, {"parsing_status": "parsed"})
    yield projects.get(org_id, made.project_id)
    platform.use(None)
    tables.close()


def passage(n: int) -> str:
    return " ".join(f"{sentence}." for _, sentence in FACTS[n])


def good(question: Question) -> str:
    """What a capable model would say."""
    facts = next(f for f in FACTS if f[0][1] in question.passage.content)
    chosen = [facts[s.ordinal % 3] for s in question.slots]
    return json.dumps({"pairs": [
        {"question": asked, "answer": f"{sentence}.", "question_type": "factual", "difficulty": "easy",
         "evidence": [f"{sentence}."]}
        for asked, sentence in chosen
    ]})


def wrong(_: Question) -> str:
    return "I would rather not."


def teach(monkeypatch: pytest.MonkeyPatch, *script: Line) -> ScriptedTeacher:
    teacher = ScriptedTeacher(script)
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)
    return teacher


def begin(project: Project, **request: object) -> tuple[runs.Run, Item]:
    run = generation.start(project, {"model_id": "fake:model", **request})
    started = platform.current().workflows
    assert isinstance(started, Started)
    return run, planning.plan_run(started.input)


def batches(planned: Item) -> list[Item]:
    return json.loads(platform.current().files.read(str(planned["batches_key"])))


def walk(project: Project, **request: object) -> runs.Run:
    """Every state in order, as the machine would."""
    run, planned = begin(project, **request)
    while True:
        for batch in batches(planned):
            asking.generate_batch(batch)
        assessed = assessing.assess_run(planned)
        if not assessed["top_up"]:
            closing.close_run(assessed)
            return runs.get(run.org_id, run.run_id)
        planned = planning.plan_run(assessed)


def counts_of(run: runs.Run) -> tuple[int, int, int, int]:
    assert run.asked == run.delivered + run.rejected + run.failed
    return run.asked, run.delivered, run.rejected, run.failed


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
    lines = platform.current().files.read(flow.key_of(run, "failed.jsonl")).splitlines()
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

    run = walk(project, num_pairs=4, config={"pairs_per_chunk": 2}, max_tokens=max_tokens,
               chunk_ids=["chunk_0_000000", "chunk_0_000001"])

    assert counts_of(run) == (4, 4, 0, 0)
    assert max(q.max_tokens for q in teacher.asked) <= most
    assert len(teacher.asked) > 2


@pytest.mark.parametrize("trouble", [
    TeacherBusy("busy", retry_after=0.01), TeacherBusy("busy"), TeacherUnreachable("reset"),
])
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


def test_a_refusal_stops_the_run_at_once_and_says_why(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "1")
    settings.get.cache_clear()
    teacher = teach(monkeypatch, TeacherRefused("the key sk-abcdefgh12345 is wrong"))

    run = walk(project, num_pairs=12)

    assert len(teacher.asked) == 1
    assert run.status == "failed"
    assert run.reasons["failed"] == {"teacher_refused": 12}
    told = "\n".join(str(line["message"]) for line in runs.logs(run.run_id, 100))
    assert "[redacted]" in told
    assert "sk-abcdefgh12345" not in told


def test_replies_are_on_file_before_they_are_read_and_never_asked_for_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teach(monkeypatch, wrong, good, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    for batch in batches(planned):
        asking.generate_batch(batch)
    paid = len(teacher.asked)
    first = [platform.current().files.read(flow.key_of(run, "round-0/part-0000.json"))]

    for batch in batches(planned):
        asking.generate_batch(batch)

    assert len(teacher.asked) == paid
    assert platform.current().files.read(flow.key_of(run, "round-0/part-0000.json")) == first[0]


def test_a_corrected_reply_is_told_as_such_and_its_slots_pay_for_both(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Priced(ScriptedTeacher):
        async def ask(self, question: Question) -> Answer:
            answer = await super().ask(question)
            return replace(answer, model="dated-model", cost_usd=0.013)

    monkeypatch.setitem(PROVIDERS, "fake", lambda _: Priced([wrong, *[good] * 20]))

    run = walk(project, num_pairs=6, config={"pairs_per_chunk": 1})

    lines = platform.current().files.read(flow.key_of(run, "records.jsonl")).splitlines()
    known = [json.loads(line)["lineage"] for line in lines]
    assert sorted(k["attempt"] for k in known) == [1, 1, 1, 1, 1, 2]
    assert {k["teacher"] for k in known} == {"dated-model"}
    assert len({k["prompt_hash"] for k in known}) == 6
    assert sorted(k["call"]["attempts"] for k in known) == [1, 1, 1, 1, 1, 2]
    assert sum(k["cost_usd"] for k in known) == pytest.approx(run.cost_usd) == pytest.approx(7 * 0.013)


def test_a_state_that_runs_twice_counts_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    for batch in batches(planned):
        asking.generate_batch(batch)

    for _ in range(2):
        assessed = assessing.assess_run(planned)
    for _ in range(2):
        closing.close_run(assessed)

    after = projects.get(project.org_id, project.project_id)
    assert (after.pending, after.scored) == (6, 6)
    assert counts_of(runs.get(run.org_id, run.run_id)) == (6, 6, 0, 0)


def test_a_batch_that_runs_out_of_time_goes_on_in_the_next_invocation(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "1")
    settings.get.cache_clear()
    teacher = ScriptedTeacher([good], delay=0.1)
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})

    with pytest.raises(BatchUnfinished, match="of 6 slots are done"):
        asking.generate_batch(batches(planned)[0], seconds=0.45)
    asked = len(teacher.asked)
    asking.generate_batch(batches(planned)[0])
    assessing.assess_run(planned)

    assert 0 < asked < 6
    assert len(teacher.asked) == 6
    assert runs.get(run.org_id, run.run_id).delivered == 6


# checklist 105
def test_near_duplicates_are_found_over_the_whole_run_not_per_batch(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "1")
    settings.get.cache_clear()
    same = json.dumps({"pairs": [{"question": "When does the north pier open in the morning?",
                                  "answer": "The north pier opens at 5 o'clock.", "evidence": []}]})
    teach(monkeypatch, same)

    run, planned = begin(project, num_pairs=2, config={"pairs_per_chunk": 1}, chunk_ids=["chunk_0_000000",
                                                                                        "chunk_0_000001"])
    for batch in batches(planned):
        asking.generate_batch(batch)
    assessing.assess_run(planned)

    after = runs.get(run.org_id, run.run_id)
    assert len(batches(planned)) == 2
    assert after.delivered == 1
    assert after.rejected == 1


# checklist 35
def test_cancel_keeps_what_was_made_and_asks_nothing_more(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "3")
    settings.get.cache_clear()
    teacher = teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    asking.generate_batch(batches(planned)[0])
    asked = len(teacher.asked)

    flow.cancel(run)
    assessed = assessing.assess_run(planned)
    closing.close_run(assessed)

    done = runs.get(run.org_id, run.run_id)
    assert len(teacher.asked) == asked == 3
    assert (done.status, done.delivered, done.failed) == ("cancelled", 3, 3)
    assert done.reasons["failed"] == {"cancelled": 3}
    assert flow.cancel(done).status == "cancelled"


def test_a_batch_that_dies_fails_its_slots_with_its_cause(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    failure: Item = {"Error": "MemoryError", "Cause": json.dumps({"errorMessage": "out of memory"})}

    closing.record_failure({**batches(planned)[0], "failure": failure})
    assessed = assessing.assess_run(planned)
    closing.close_run({**assessed, "top_up": False})

    done = runs.get(run.org_id, run.run_id)
    assert counts_of(done)[1] == 0
    assert done.reasons["failed"] == {"batch_failed": done.failed}
    assert "out of memory" in str(done.error)


def test_a_plan_that_fails_closes_the_run_and_frees_the_project(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    run = generation.start(project, {"model_id": "fake:model", "num_pairs": 3})
    started = platform.current().workflows
    assert isinstance(started, Started)

    closing.close_run({**started.input, "failure": {"Error": "Boom", "Cause": "disk full"}})

    done = runs.get(run.org_id, run.run_id)
    assert (done.status, done.error) == ("failed", "Boom: disk full")
    assert projects.get(project.org_id, project.project_id).active_run is None


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

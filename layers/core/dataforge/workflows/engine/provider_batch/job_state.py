"""What a run has on file about its batch jobs, below `round-<n>/`:

pending-<batch>.json     questions of a batch that have no reply yet
jobs-<wave>.json         the jobs of one wave, written before the first of them is sent
jobs-<wave>-<job>.jsonl  the requests of one, as the provider reads them; `.index.json`: what they belong to
jobs-<wave>-<job>.json   what has become of it
stop.json                why nothing more is sent
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, cast

from dataforge import ids, settings
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.records import Message, Passage, Question
from dataforge.store.runs import Run
from dataforge.teachers import BatchJobs, batch_jobs, build
from dataforge.workflows import run_files, state_input
from dataforge.workflows.engine import run_models

_SENT = re.compile(r"round-\d+/jobs-\d+-\d+\.json")

SubmissionStatus: TypeAlias = Literal["sending", "sent", "failed", "collected"]


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A question that waits for its reply. batch: whose it is."""

    key: str
    question: Question
    slots: int
    batch: int
    role: str = ""
    """Of the teacher that it is for: critic, judge; empty: who writes."""
    step: int = 0
    """Which of the questions it is, from 0, that its call asks in turn."""
    steps: int = 1


@dataclass(frozen=True, slots=True)
class Job:
    """name: at the provider, and in the budget. file: of its requests."""

    name: str
    file: str
    questions: int
    slots: int
    role: str = ""
    """Of the teacher that answers it."""
    before: float = 0.0
    """What its slots were worth before, a slot without a question left being 1."""
    worth: float | None = None
    """What its replies bring its slots further; None: every slot from 0 to 1."""

    def reached(self, answered: int) -> float:
        """What its slots are worth once so many questions are answered."""
        worth = self.slots if self.worth is None else self.worth
        return self.before + worth * answered / max(1, self.questions)


@dataclass(frozen=True, slots=True)
class Submission:
    """What has become of a job. id: the provider's."""

    fate: SubmissionStatus
    id: str = ""
    detail: str = ""
    full: bool = False
    """It failed only because the account has too much queued."""
    replies: int = 0
    """That it brought."""
    role: str = ""
    """Of the teacher that answers it."""


@dataclass(frozen=True, slots=True)
class PollState:
    """What travels between the states besides the event."""

    wave: int = 0
    vain: Mapping[str, int] = field(default_factory=dict)
    """Waves without a single reply, one after the other, by the role of the teacher."""
    most: Mapping[str, int] = field(default_factory=dict)
    """Requests in one job, after a provider found more too many, by the role of the teacher."""
    seconds: int = 0
    """The last pause."""
    stopping: int = 0
    """1: the jobs were told to stop."""
    done: int = -1
    """What the run's log said last."""


def poll_state(raw: Item) -> PollState:
    known = raw.get("turn")
    if not isinstance(known, dict):
        return PollState()
    # A run that waits while the service is upgraded has one number for its one teacher.
    told = {k: {"": v} if k in ("vain", "most") and isinstance(v, int) else v for k, v in known.items()}
    return PollState(**cast("dict[str, Any]", told))


def state_output(e: state_input.StateInput, turn: PollState, following: str, *, batches_key: str) -> Item:
    """The output of a state, and the input of the next."""
    return {
        "org_id": e.org_id,
        "run_id": e.run_id,
        "project_id": e.project_id,
        "kind": e.kind,
        "round": e.round,
        "mode": "batch",
        "turn": cast(Item, asdict(turn)),
        "next": following,
        "seconds": max(1, turn.seconds),
        "batches_key": batches_key,
    }


@dataclass(frozen=True, slots=True)
class Wave:
    """The jobs that go out together. number: from 0, in each round of asking."""

    run: Run
    e: state_input.StateInput
    number: int

    @property
    def stem(self) -> str:
        return f"round-{self.e.round}/jobs-{self.number:02d}"

    def name(self, job: int) -> str:
        """Unique in the provider's account, and the same however often it is made."""
        of_run = f"{settings.get().table_prefix}{ids.tail(self.run.run_id)}"
        return f"{of_run}-r{self.e.round}w{self.number:02d}j{job:03d}"

    def file(self, job: int, ending: str) -> str:
        return f"{self.stem}-{job:03d}.{ending}"

    def jobs(self) -> list[Job] | None:
        """None: it is not planned yet."""
        found = run_files.read_json(self.run, f"{self.stem}.json")
        return None if found is None else [Job(**j) for j in cast("list[dict[str, Any]]", found)]

    def plan(self, jobs: list[Job]) -> None:
        run_files.write_json(self.run, f"{self.stem}.json", [asdict(j) for j in jobs])

    def sent(self, job: int) -> Submission | None:
        found = run_files.read_json(self.run, self.file(job, "json"))
        return None if found is None else Submission(**cast("dict[str, Any]", found))

    def note(self, job: int, sent: Submission) -> None:
        run_files.write_json(self.run, self.file(job, "json"), asdict(sent))

    def index(self, job: int) -> dict[str, tuple[str, int]]:
        """Prompt hash and batch of every question, by its key."""
        found = cast("dict[str, list[Any]]", run_files.read_json(self.run, self.file(job, "index.json")) or {})
        return {key: (str(prompt), int(batch)) for key, (prompt, batch) in found.items()}

    def write_index(self, job: int, index: dict[str, tuple[str, int]]) -> None:
        run_files.write_json(self.run, self.file(job, "index.json"), index)


def under_way(run: Run) -> Iterator[Submission]:
    """Every job of the run that was sent and not collected."""
    for info in current().files.list(run_files.key_of(run, "round-")):
        name = info.key.removeprefix(run_files.key_of(run, ""))
        if _SENT.fullmatch(name):
            sent = Submission(**cast("dict[str, Any]", run_files.read_json(run, name)))
            if sent.fate == "sent":
                yield sent


def pending_file(round_number: int, batch: int) -> str:
    return f"round-{round_number}/pending-{batch:04d}.json"


def write_pending(run: Run, e: state_input.StateInput, asked: list[PendingRequest]) -> None:
    run_files.write_json(
        run,
        pending_file(e.round, e.batch),
        [
            {
                "key": a.key,
                "slots": a.slots,
                "messages": [[m.role, m.content] for m in a.question.messages],
                "kind": a.question.kind,
                "temperature": a.question.temperature,
                "max_tokens": a.question.max_tokens,
                "json_schema": a.question.json_schema,
                "seed": a.question.seed,
                "role": a.role,
                "step": a.step,
                "steps": a.steps,
            }
            for a in asked
        ],
    )


def read_pending(run: Run, round_number: int, batch: int) -> Iterator[PendingRequest]:
    for q in cast("list[dict[str, Any]]", run_files.read_json(run, pending_file(round_number, batch)) or []):
        question = Question(
            tuple(Message(role, content) for role, content in q["messages"]),
            Passage(""),
            (),
            kind=q["kind"],
            temperature=q["temperature"],
            max_tokens=q["max_tokens"],
            json_schema=q["json_schema"],
            seed=q["seed"],
        )
        yield PendingRequest(
            q["key"],
            question,
            q["slots"],
            batch,
            role=q.get("role", ""),
            step=q.get("step", 0),
            steps=q.get("steps", 1),
        )


def waiting_batches(run: Run, e: state_input.StateInput) -> list[Item]:
    """The items of the batches that wait for replies."""
    prefix = run_files.key_of(run, f"round-{e.round}/")
    there = {info.key.removeprefix(prefix) for info in current().files.list(prefix)}
    items = cast("list[Item]", run_files.read_json(run, f"round-{e.round}/batches.json") or [])

    def waits(batch: int) -> bool:
        over = {f"part-{batch:04d}.json", f"failure-{batch:04d}.json"}
        return f"pending-{batch:04d}.json" in there and not there & over

    return [item for item in items if waits(int(str(item["batch"])))]


def parameters_file(role: str) -> str:
    """Of a run: which parameters the model takes."""
    return f"learnt-{role}.json" if role else "learnt.json"


class JobClients:
    """The batch APIs that the questions of a run go to, by the role of their teacher; let go of at the end."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._opened: dict[str, BatchJobs] = {}

    def of(self, role: str) -> BatchJobs:
        if role not in self._opened:
            model = run_models.model_of(self._run, role)
            learnt = cast(Item, run_files.read_json(self._run, parameters_file(role)) or {})
            self._opened[role] = batch_jobs(model, build(model), learnt)
        return self._opened[role]

    async def __aenter__(self) -> JobClients:
        return self

    async def __aexit__(self, *_: object) -> None:
        for office in self._opened.values():
            await office.close()


def stop(run: Run, e: state_input.StateInput, reason: str, *, detail: str) -> None:
    """Why the slots fail that still wait, once their batches go on as `stopped`."""
    run_files.write_json(run, f"round-{e.round}/stop.json", {"reason": reason, "detail": detail})


def why_stopped(run: Run, e: state_input.StateInput) -> tuple[str, str]:
    found = cast("dict[str, str]", run_files.read_json(run, f"round-{e.round}/stop.json") or {})
    return found.get("reason", "batch_job_failed"), found.get("detail", "")

"""What a run has on file about its batch jobs, below `round-<n>/`:

pending-<batch>.json     questions of a batch that have no reply yet
jobs-<wave>.json         the jobs of one wave, written before the first of them is sent
jobs-<wave>-<job>.jsonl  the requests of one, as the provider reads them; `.index.json`: what they belong to
jobs-<wave>-<job>.json   what has become of it
refused.json             {key: reason}: questions that the provider refused inside a job
ended.json               {kind: [reason, detail]}: questions that are not asked any more (`engine.config.DISPENSABLE`)
stop.json                why nothing more is sent (see `engine.batch.stop_round`)
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
from dataforge.workflows import run_files
from dataforge.workflows.engine import batches, config, outcomes
from dataforge.workflows.state_input import StateInput

_SENT = re.compile(r"round-(\d+)/jobs-(\d+)-(\d+)\.json")

MAX_EMPTY_WAVES = 2
"""Waves without a single reply, after which nothing more is sent to that teacher."""

SubmissionStatus: TypeAlias = Literal["sending", "sent", "failed", "collected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRequest:
    """A question that waits for its reply. batch: whose it is."""

    key: str
    question: Question
    slots: int
    batch: int
    role: str = ""
    """Of the teacher that it is for: critic, judge; empty: the writer."""
    step: int = 0
    """Which of the questions it is, from 0, that its call asks in turn."""
    steps: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What has become of a job. id: the provider's."""

    status: SubmissionStatus
    id: str = ""
    detail: str = ""
    full: bool = False
    """It failed only because the account has too much queued."""
    replies: int = 0
    """How many it brought."""
    role: str = ""
    """Of the teacher that answers it."""

    def to_json(self) -> dict[str, Any]:
        """In files the status is called `fate`, as earlier releases wrote it."""
        fields = asdict(self)
        return {"fate": fields.pop("status"), **fields}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Submission:
        return cls(**{"status" if name == "fate" else name: value for name, value in fields.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class PollState:
    """What passes between the states besides their input; in it under `turn`, by the names in brackets."""

    wave: int = 0
    empty_waves: Mapping[str, int] = field(default_factory=dict)
    """[vain] Waves without a single reply, one after the other, by the role of the teacher."""
    max_requests: Mapping[str, int] = field(default_factory=dict)
    """[most] Requests in one job, after a provider found more too many, by the role of the teacher."""
    seconds: int = 0
    """The last pause."""
    stopping: int = 0
    """1: the jobs were asked to stop."""
    done: int = -1
    """The number of done questions that the run's log showed last."""
    waited: int = 0
    """Seconds that a recovery has waited for the jobs of the dead execution."""

    def to_item(self) -> Item:
        return {_STORED_NAMES.get(name, name): value for name, value in asdict(self).items()}


_STORED_NAMES = {"empty_waves": "vain", "max_requests": "most"}


def poll_state(raw: Item) -> PollState:
    stored = raw.get("turn")
    if not isinstance(stored, dict):
        return PollState()
    names = {short: name for name, short in _STORED_NAMES.items()}
    # A run that waits while the service is upgraded has one number for its one teacher.
    values = {k: {"": v} if k in names and isinstance(v, int) else v for k, v in stored.items()}
    return PollState(**cast("dict[str, Any]", {names.get(k, k): v for k, v in values.items()}))


def state_output(e: StateInput, poll: PollState, following: str, *, batches_key: str, mode: str = "batch") -> Item:
    """The output of a state, and the input of the next."""
    return {
        **e.base(),
        "round": e.round,
        "mode": mode,
        "turn": poll.to_item(),
        "next": following,
        "seconds": max(1, poll.seconds),
        "batches_key": batches_key,
    }


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A job that nobody has collected. name: at the provider. wave: the number of its wave. sent: without an id where
    nobody knows whether it was made."""

    name: str
    wave: int
    sent: Submission


def job_name(run: Run, round_number: int, wave: int, job: int) -> str:
    """Unique in the provider's account, and the same however often it is made."""
    of_run = f"{settings.get().table_prefix}{ids.tail(run.run_id)}"
    return f"{of_run}-r{round_number}w{wave:02d}j{job:03d}"


@dataclass(frozen=True, slots=True)
class Wave:
    """The jobs that go out together. number: from 0, in each round of asking."""

    run: Run
    e: StateInput
    number: int

    @property
    def stem(self) -> str:
        return f"round-{self.e.round}/jobs-{self.number:02d}"

    def name(self, job: int) -> str:
        return job_name(self.run, self.e.round, self.number, job)

    def budget_part(self, role: str) -> str:
        """The name under which the price of its questions to the teacher of this role is held. role: empty for the
        writer."""
        return f"{self.name(0)}:{role}" if role else self.name(0)

    def budget_parts(self) -> list[str]:
        return [self.budget_part(role) for role in ("", *config.ROLES)]

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
        return None if found is None else Submission.from_json(cast("dict[str, Any]", found))

    def note(self, job: int, sent: Submission) -> None:
        run_files.write_json(self.run, self.file(job, "json"), sent.to_json())

    def index(self, job: int) -> dict[str, tuple[str, int, int]]:
        """Prompt hash, batch and asked records of every question, by its key; earlier releases wrote no third number,
        which is 0 then."""
        found = cast("dict[str, list[Any]]", run_files.read_json(self.run, self.file(job, "index.json")) or {})
        return {
            key: (str(prompt), int(batch), int(rest[0]) if rest else 0) for key, (prompt, batch, *rest) in found.items()
        }

    def write_index(self, job: int, index: dict[str, tuple[str, int, int]]) -> None:
        run_files.write_json(self.run, self.file(job, "index.json"), index)


def under_way(run: Run, round_number: int | None = None) -> Iterator[UnderWay]:
    """Every job of the run (of one round) that was sent and not collected, or that may have been sent."""
    place = "round-" if round_number is None else f"round-{round_number}/"
    for info in current().files.list(run_files.key_of(run, place)):
        found = _SENT.fullmatch(info.key.removeprefix(run_files.key_of(run, "")))
        if found:
            sent = Submission.from_json(cast("dict[str, Any]", run_files.read_json(run, found[0])))
            if sent.status in ("sending", "sent"):
                of_round, wave, job = map(int, found.groups())
                yield UnderWay(job_name(run, of_round, wave, job), wave, sent)


def pending_file(round_number: int, batch: int) -> str:
    return f"round-{round_number}/pending-{batch:04d}.json"


def write_pending(run: Run, e: StateInput, asked: list[PendingRequest]) -> None:
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
            messages=tuple(Message(role, content) for role, content in q["messages"]),
            passage=Passage(""),
            slots=(),
            kind=q["kind"],
            temperature=q["temperature"],
            max_tokens=q["max_tokens"],
            json_schema=q["json_schema"],
            seed=q["seed"],
        )
        yield PendingRequest(
            key=q["key"],
            question=question,
            slots=q["slots"],
            batch=batch,
            role=q.get("role", ""),
            step=q.get("step", 0),
            steps=q.get("steps", 1),
        )


def refused_file(round_number: int) -> str:
    return f"round-{round_number}/refused.json"


def refused(run: Run, round_number: int) -> dict[str, str]:
    """Questions that the provider refused for what they ask, by their keys, and why."""
    return cast("dict[str, str]", run_files.read_json(run, refused_file(round_number)) or {})


def add_refused(run: Run, round_number: int, found: Mapping[str, str]) -> None:
    run_files.write_json(run, refused_file(round_number), {**refused(run, round_number), **found})


def ended_file(round_number: int) -> str:
    return f"round-{round_number}/ended.json"


def ended(run: Run, round_number: int) -> dict[str, tuple[str, str]]:
    """Kinds of question that a run goes on without, and why: reason and detail."""
    found = cast("dict[str, list[str]]", run_files.read_json(run, ended_file(round_number)) or {})
    return {kind: (reason, detail) for kind, (reason, detail) in found.items()}


def end_kinds(run: Run, round_number: int, why: Mapping[str, tuple[str, str]]) -> None:
    """The reasons that are known already stay."""
    if why:
        all_ended = {**why, **ended(run, round_number)}
        run_files.write_json(run, ended_file(round_number), {kind: [*said] for kind, said in all_ended.items()})


def waiting_batches(run: Run, e: StateInput) -> list[Item]:
    """The items of the batches that wait for replies."""
    prefix = run_files.key_of(run, "")
    existing = {info.key.removeprefix(prefix) for info in current().files.list(f"{prefix}round-{e.round}/")}

    def waits(batch: int) -> bool:
        ended = {outcomes.part_file(e.round, batch), outcomes.failure_file(e.round, batch)}
        return pending_file(e.round, batch) in existing and not existing & ended

    return [item for item in batches.items_of(run, e.round) or [] if waits(int(str(item["batch"])))]


def parameters_file(role: str) -> str:
    """Of a run: which parameters the model takes."""
    return f"learnt-{role}.json" if role else "learnt.json"


class JobClients:
    """The batch APIs that the questions of a run go to, by the role of their teacher; closed at the end."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._opened: dict[str, BatchJobs] = {}

    def of(self, role: str) -> BatchJobs:
        if role not in self._opened:
            model = config.model_of(self._run, role)
            learnt = cast(Item, run_files.read_json(self._run, parameters_file(role)) or {})
            self._opened[role] = batch_jobs(model, build(model), learnt)
        return self._opened[role]

    async def __aenter__(self) -> JobClients:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._opened.values():
            await client.close()

"""Bodies of runs over documents: parse, generate, their progress, logs and events (contract A)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from dataforge.recipes import RECIPES
from dataforge_functions.api.wire import fields
from dataforge_functions.api.wire.bodies import Body, Strict
from dataforge_functions.api.wire.data_forge import Name
from dataforge_functions.api.wire.limits import Flag, Ids, JsonObject, NotBoolean, OneOf, Ratio, Text, example

Json = dict[str, Any]


class ParseRequest(Body):
    """What to parse; without a body: all pending and failed documents."""

    model_config = example(document_ids=["doc_xyz789"], force=True)

    document_ids: Ids | None = None
    """Only these documents."""
    force: Flag = False
    """Parse documents again that are parsed already."""


class ParseStarted(BaseModel):
    """The run that parses."""

    generation_id: fields.RunId
    generationId: fields.RunId
    status: fields.RunStatus = "pending"
    """It has not begun yet."""
    message: fields.Message = "Parse job started"


class GenerateRequest(Strict):
    """What to generate. Unknown keys are refused: a misspelt limit would be none. `config` takes any key."""

    model_config = example(
        model_id="extractive",
        generation_type="qa",
        num_pairs=500,
        temperature=0.7,
        max_tokens=4096,
        chunk_ids=None,
        config={
            "pairs_per_chunk": 3,
            "difficulty_distribution": {"easy": 0.3, "medium": 0.5, "hard": 0.2},
            "style_template": "mixed",
        },
    )

    model_id: Name
    """The teacher: an `id` of `available-models`, or `<provider>:<model>`."""
    generation_type: Annotated[str, OneOf(RECIPES)] | None = None
    """The kind of record; qa if not given."""
    num_pairs: Annotated[int, Field(ge=1, le=100_000), NotBoolean()] | None = None
    """Valid pairs to make; without it `pairs_per_chunk` for each chunk."""
    temperature: Annotated[float, Ratio(0, 2)] | None = None
    """Of the teacher's sampling; 0.7 if not given."""
    max_tokens: Annotated[int, Field(ge=1, le=32_768), NotBoolean()] | None = None
    """Of one reply of the teacher; 4096 if not given."""
    system_prompt: Annotated[str, Text(0, 10_000)] | None = None
    """Further instructions for the teacher."""
    chunk_ids: Ids | None = None
    """Only these chunks; excluded ones are never used."""
    max_cost_usd: Annotated[float, Ratio(0, 1_000_000)] | None = None
    """The run ends cleanly before it costs more; what was made stays, and `stopReason` says it."""
    estimate: Flag = False
    """Answer what the run would take, and start nothing."""
    config: JsonObject = Field(default_factory=dict)
    """Further options, which win over the project's defaults; the fields above win over it."""


class Range(BaseModel):
    """What is expected at least and at most."""

    low: float
    """At least."""
    high: float
    """At most."""


class VerifierEstimate(BaseModel):
    """The verifier's part of an estimate, which the whole includes."""

    model: str
    """The model that is asked, as `<provider>:<model>`."""
    calls: Range
    """Requests to it."""
    input_tokens: Range
    """Tokens that it reads."""
    output_tokens: Range
    """Tokens that it writes."""
    cost_usd: Range | None
    """Dollars; null: the model's price is not known."""


class Estimate(BaseModel):
    """What a run was expected to take, calculated before its first call."""

    pairs: int
    """Pairs that were asked for."""
    calls: Range
    """Requests to the teacher and the verifier."""
    input_tokens: Range
    """Tokens that they read."""
    output_tokens: Range
    """Tokens that they write."""
    cost_usd: Range | None
    """Dollars; null: the price of a model is not known."""
    verifier: VerifierEstimate | None = None
    """The verifier's part; null: none is asked."""


class Quote(BaseModel):
    """The response to `estimate: true`; no run is created."""

    projectId: fields.ProjectId
    config: Json
    """The whole configuration that a run would have."""
    model: str
    """The teacher that would really answer, as `<provider>:<model>`."""
    estimate: Estimate
    """What the run would take."""


class GenerationStarted(BaseModel):
    """The run that generates."""

    generationId: fields.RunId
    generation_id: fields.RunId
    projectId: fields.ProjectId
    config: Json
    """The whole configuration: what was sent, over the defaults of project and service."""
    status: fields.RunStatus
    """It has not begun yet."""
    progress: int
    """0, as it has not begun yet."""
    createdAt: fields.Created


class Counts(BaseModel):
    """asked = delivered + rejected + failed once the run has ended."""

    requested: int
    """Pairs that the caller wants; documents for a parse."""
    asked: int
    """Slots that were planned so far."""
    delivered: int
    """No check rejected them."""
    flagged: int = 0
    """Of the delivered: a check doubts them, and a person should look at them."""
    rejected: int
    """Written, but not good enough."""
    failed: int
    """No usable record."""


class StageProgress(BaseModel):
    """How far the present stage is."""

    stage: str
    """What the run does now."""
    done: int
    """Of `total`."""
    total: int
    """Slots (documents, when parsing) of this stage."""
    ratePerSecond: float | None = None
    """Slots a second; null: not known yet."""
    etaSeconds: float | None = None
    """Seconds that are left; null: not known yet."""
    costUsd: float | None = None
    """Dollars that the run has cost so far."""


class Tokens(BaseModel):
    """Tokens of all calls of the run."""

    input: int
    """That the teacher read."""
    output: int
    """That the teacher wrote."""
    cached: int = 0
    """Of the input: those that came from the provider's prompt cache."""


class Generation(BaseModel):
    """A run over documents: a parse, or the generation of pairs."""

    generationId: fields.RunId
    projectId: fields.ProjectId
    kind: fields.RunKind
    """What the run does."""
    config: Json
    """The whole configuration of the run."""
    status: fields.RunStatus
    """How far it is."""
    stage: str
    """What it does now: planning, parsing, generating, waiting (for batch jobs), validating or finalizing."""
    progress: int
    """0 to 100; 100 only when it is completed."""
    progressDetail: StageProgress
    """How far the present stage is."""
    jobName: str
    """A short name for people."""
    results: Json
    """Of a parse: documents_processed, documents_failed, chunks_created; of a generation: chunks_processed,
    pairs_generated, pairs_valid, flagged, flagged_by_check, avg_quality_score, tokens_used."""
    counts: Counts
    """What became of what was asked for."""
    reasons: Json
    """Under `rejected` and `failed`: how many for which reason."""
    tokens: Tokens
    """Tokens of all calls so far."""
    costUsd: float | None
    """Dollars so far; null: the model's price is not known."""
    estimate: Estimate | None
    """What the run was expected to take; null for a parse."""
    stopReason: str | None
    """Why it ended before it had all that was asked for: `budget_reached` (its `max_cost_usd`) or
    `monthly_budget_reached` (the organisation's); else null."""
    pausedReason: str | None = None
    """Why an unfinished run stands still, such as a full disk; it goes on by itself."""
    cancelRequested: bool = False
    """The run stops; its status is `cancelled` as soon as the project is free."""
    report: Json | None
    """The quality report, once the run has ended."""
    error: str | None
    """Why it failed."""
    startedAt: fields.Time | None
    """When the work began."""
    completedAt: fields.Time | None
    """When it ended."""
    createdAt: fields.Created


class Cancelled(BaseModel):
    """The run will stop within a batch."""

    generation_id: fields.RunId
    generationId: fields.RunId
    status: fields.RunStatus = "cancelled"
    """Always cancelled."""
    message: fields.Message = "Generation cancelled"


class LogLine(BaseModel):
    """One line of a run's log."""

    timestamp: fields.Time
    """When it was written."""
    level: fields.Level
    """How serious it is."""
    stage: str
    """What the run did then."""
    message: fields.Message


class Logs(BaseModel):
    """The last lines of a run's log."""

    generation_id: fields.RunId
    logs: list[LogLine]
    """The oldest first."""


class RunEvent(BaseModel):
    """type progress: the numbers are set; type log: `level` and `message`. WebSockets get the same objects."""

    id: str
    """Identifies the event within the run."""
    type: Literal["progress", "log"]
    """Which fields are set."""
    timestamp: fields.Time
    """When it was written."""
    stage: str
    """What the run did then."""
    status: str | None = None
    """Of the run; of a log line only on the run's last."""
    level: fields.Level | None = None
    """Of a log line: how serious it is."""
    message: str | None = None
    """Of a log line: a sentence for people."""
    done: int | None = None
    """Of `total` slots (documents, when parsing) of this round."""
    total: int | None = None
    """Slots of this round."""
    failed: int | None = None
    """Of `done`: those without a usable record."""
    rate_per_second: float | None = None
    """Slots a second."""
    eta_seconds: float | None = None
    """Seconds that are left."""
    cost_usd: float | None = None
    """Dollars so far; null: the price is not known."""
    input_tokens: int | None = None
    """That the teacher read so far."""
    output_tokens: int | None = None
    """That the teacher wrote so far."""
    counts: Counts | None = None
    """What became of the slots so far."""


class Events(BaseModel):
    """Log lines after a cursor, and the progress of the run."""

    generation_id: fields.RunId
    events: list[RunEvent]
    """The oldest first."""
    cursor: str
    """Pass it as `after` to get what comes next."""
    closed: bool
    """The run has ended and said all."""
    retry_after: float | None = None
    """Seconds to wait before the next request, where the server does not hold requests for `wait` (on AWS, where each
    held request would occupy a function) and had no event; else null."""


class AvailableModel(BaseModel):
    """A teacher that this deployment can run, and that the organisation may use."""

    id: str
    """What to send as `model_id`."""
    name: str
    """What to show to people."""
    provider: Annotated[str, Field(examples=["openai"])]
    """Who runs it; `built-in` needs no key and no network."""

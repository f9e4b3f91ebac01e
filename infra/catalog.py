"""What stands where, as plain data: CDK builds it in an account, the embedded platform on one machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

KeyType = Literal["S", "N"]

FREE_DISK_MB = 512
"""What a Lambda function has in /tmp by itself."""


@dataclass(frozen=True)
class Index:
    hash_key: str
    range_key: str
    projection: Literal["KEYS_ONLY", "ALL"] = "KEYS_ONLY"


@dataclass(frozen=True)
class Table:
    hash_key: str
    range_key: str | None = None
    range_type: KeyType = "S"
    indexes: dict[str, Index] = field(default_factory=dict)
    ttl: str | None = None
    """The attribute (epoch seconds) after which an item may be removed."""


@dataclass(frozen=True)
class Function:
    handler: str
    memory_mb: int
    timeout_s: int
    layer: Literal["core", "parsing"] = "core"
    reads: tuple[str, ...] = ()
    """Tables it only reads."""
    writes: tuple[str, ...] = ()
    """Tables it reads and writes."""
    files: Literal["none", "read", "write"] = "none"
    starts: tuple[str, ...] = ()
    """State machines it starts."""
    wakes: tuple[str, ...] = ()
    """State machines whose waiting it ends."""
    secrets: bool = False
    disk_mb: int = FREE_DISK_MB
    """Of /tmp: 512 cost nothing, 10,240 are the most."""
    models: bool = False
    """Whether it asks models on Bedrock and SageMaker."""
    jobs: Literal["none", "make", "follow"] = "none"
    """Whether it makes batch jobs on Bedrock, or looks at them and stops them."""


TABLES: dict[str, Table] = {
    "orgs": Table("org_id", "item"),
    "key_hashes": Table("key_hash"),
    "projects": Table("org_id", "project_id"),
    "documents": Table("project_id", "document_id"),
    "uploads": Table("project_id", "s3_key", ttl="expires_at"),
    "chunks": Table("project_id", "chunk_id"),
    "runs": Table("org_id", "run_id", indexes={"by_project": Index("project_id", "sequence", "ALL")}),
    "run_events": Table("run_id", "at_seq", ttl="expires_at"),
    "replies": Table("run_id", "slot", ttl="expires_at"),
    # What the runs of an account ask of a model together: start times, leased in blocks.
    "admissions": Table("scope", ttl="expires_at"),
    "pairs": Table("project_id", "pair_id"),
    "reviews": Table("project_id", "block"),
    "exports": Table("project_id", "version", range_type="N"),
    "ledger": Table("org_id", "entry"),
    # Open WebSocket connections and what they listen to; one machine pushes inside its process.
    "connections": Table(
        "topic", "connection_id", indexes={"by_connection": Index("connection_id", "topic")}, ttl="expires_at"
    ),
    "limiter": Table("bucket", "minute", range_type="N", ttl="expires_at"),
    "idempotency": Table("org_id", "request", ttl="expires_at"),
}

_STATE = ("documents", "chunks", "runs", "run_events", "projects")

FUNCTIONS: dict[str, Function] = {
    "api": Function(
        "functions.api.main.handler",
        1024,
        29,
        writes=tuple(TABLES),
        files="write",
        starts=("parse", "generate", "erase"),
        wakes=("generate",),
        secrets=True,
        jobs="follow",
    ),
    # It asks a synthetic run's teacher for the sub-topics of the domain.
    "plan_run": Function(
        "functions.plan_run.handler",
        1024,
        300,
        writes=(*_STATE, "replies", "admissions"),
        files="write",
        secrets=True,
        models=True,
    ),
    "parse_document": Function(
        "functions.parse_document.handler", 3008, 300, layer="parsing", writes=_STATE, files="write"
    ),
    "generate_batch": Function(
        "functions.generate_batch.handler",
        1024,
        900,
        writes=("runs", "run_events", "replies", "admissions"),
        reads=("chunks", "projects", "documents"),
        files="write",
        secrets=True,
        models=True,
    ),
    # Runs at batch price. It asks one question, or makes one call, in real time before it sends a job.
    "submit_jobs": Function(
        "functions.submit_jobs.handler",
        1769,
        900,
        writes=("runs", "run_events", "replies", "admissions"),
        reads=("chunks", "projects", "documents"),
        files="write",
        secrets=True,
        models=True,
        jobs="make",
    ),
    "wait_for_jobs": Function(
        "functions.wait_for_jobs.handler", 512, 60, writes=("admissions",), reads=("runs",), wakes=("generate",)
    ),
    "check_jobs": Function(
        "functions.check_jobs.handler",
        512,
        120,
        writes=("runs", "run_events"),
        files="write",
        secrets=True,
        jobs="follow",
    ),
    "collect_replies": Function(
        "functions.collect_replies.handler",
        1769,
        900,
        writes=("runs", "run_events", "replies", "admissions"),
        files="write",
        secrets=True,
        jobs="follow",
    ),
    # It also saves what a dead batch has paid for: its stored replies are read, as generate_batch would.
    "record_failure": Function(
        "functions.record_failure.handler", 1024, 60, writes=_STATE, reads=("replies",), files="write", secrets=True
    ),
    # The records of a round, their texts and what earlier rounds wrote lie in /tmp meanwhile: 100,000 long ones are a
    # gigabyte three times over.
    "assess_run": Function(
        "functions.assess_run.handler",
        3008,
        900,
        writes=(*_STATE, "pairs", "reviews"),
        files="write",
        disk_mb=6144,
    ),
    # It also begins the parse that waits for the end of this run (`auto_parse`).
    "close_run": Function(
        "functions.close_run.handler",
        1769,
        120,
        writes=(*_STATE, "ledger"),
        files="write",
        starts=("parse",),
        secrets=True,
        jobs="follow",
        disk_mb=2048,
    ),
    # Whoever shows a key leaves a note of its last use.
    "socket": Function(
        "functions.socket.handler", 512, 10, writes=("connections", "orgs", "key_hashes"), reads=("runs",)
    ),
    "erase": Function(
        "functions.erase.handler",
        512,
        900,
        writes=(*_STATE, "pairs", "reviews", "exports", "replies", "uploads"),
        files="write",
    ),
    "on_upload": Function(
        "functions.on_upload.handler",
        1769,
        120,
        writes=("uploads", "documents", "projects", "runs", "run_events"),
        files="write",
        starts=("parse",),
    ),
    "on_jobs_changed": Function(
        "functions.on_jobs_changed.handler", 512, 60, writes=("admissions",), wakes=("generate",)
    ),
}

UNUSED = ("pydantic/v1",)
"""Folders of packages that no layer carries. FastAPI looks whether pydantic's old face is there, and looking costs a
cold start 0.15 s; without it FastAPI goes on."""

API = "api"
"""The function behind the REST API."""

ON_UPLOAD = "on_upload"
"""The function that hears of every new object under UPLOADS; every other one is called by a state machine."""

UPLOADS = "data-forge/*/sources/*"
"""Where uploaded files lie: `*` is any text, slashes too."""

ON_JOBS_CHANGED = "on_jobs_changed"
"""The function that hears of every batch job of Bedrock that is over."""

SOCKET = "socket"
"""The function behind the WebSocket API. What moves runs (writes `runs`) may push to its connections."""

FILE_ROOTS = ("data-forge/",)
"""Every key in the bucket begins with one of these; functions may touch nothing else there."""

BATCH_FILES = "data-forge/*/runs/*"
"""Where the arrays lie that the maps of the state machines read: `*` is any text, slashes too."""

SYNTHETIC_FILES = "data-forge/synthetic/org_"
"""What the keys of synthetic jobs' files begin with: `data-forge/synthetic/<organisation>/`. Not only the folder, since
projects of a user whose id is `synthetic`, made before such ids were escaped, lie in it."""
SYNTHETIC_FILES_DAYS = 30
"""How long the files of synthetic jobs stay in the bucket; functions are told it, so that they say so in time."""

TRAINING_FILES = "data-forge/training/"
"""Where training jobs find their data and leave checkpoints and models; they may touch nothing else in the bucket."""

MAP_CONCURRENCY = 10
"""Children that a Map of the state machines runs at once (MaxConcurrency; a test compares)."""

WORKFLOWS: dict[str, str] = {
    "parse": "parse.asl.json",
    "generate": "generate.asl.json",
    "erase": "erase.asl.json",
}
"""State machine name -> file beside this one. `${FunctionName}` in a file is the key of FUNCTIONS in CamelCase
(`${PlanRun}`), `${Bucket}` the bucket; both walls substitute."""

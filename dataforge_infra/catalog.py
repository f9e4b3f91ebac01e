"""Tables, functions and state machines as plain data: the CDK deploys them to AWS, one machine runs them."""

from __future__ import annotations

from dataforge_infra.catalog_entries import Function as Function
from dataforge_infra.catalog_entries import Index as Index
from dataforge_infra.catalog_entries import KeyType as KeyType
from dataforge_infra.catalog_entries import Table as Table

LAYERS = {"core": ("core",), "parsing": ("core", "parsing")}
"""`Function.layer` -> the Lambda layers below its code."""
EVENT_RETRIES = 2
"""How often Lambda runs a function again that failed on an event, before the event goes to the dead-letter queue."""


def camel(name: str) -> str:
    """`run_events` -> `RunEvents`: what a table or function is called in templates and state machines."""
    return "".join(word.capitalize() for word in name.split("_"))


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
    # Rate limiter shared by the runs of an account: start times of requests to a model, leased in blocks.
    "admissions": Table("scope", ttl="expires_at"),
    "pairs": Table("project_id", "pair_id"),
    "reviews": Table("project_id", "block"),
    # Number 0 is no model: it says what the organisation trains now.
    "models": Table("org_id", "model_id", range_type="N"),
    "exports": Table("project_id", "version", range_type="N"),
    "ledger": Table("org_id", "entry"),
    # Open WebSocket connections and their subscriptions; unused on one machine.
    "connections": Table(
        "topic", "connection_id", indexes={"by_connection": Index("connection_id", "topic")}, ttl="expires_at"
    ),
    "training_uploads": Table("org_id", "filename"),
    "limiter": Table("bucket", "minute", range_type="N", ttl="expires_at"),
    "idempotency": Table("org_id", "request", ttl="expires_at"),
}

_STATE = ("documents", "chunks", "runs", "run_events", "projects")

FUNCTIONS: dict[str, Function] = {
    "api": Function(
        "dataforge_functions.api.main.handler",
        1024,
        29,
        writes=tuple(TABLES),
        files="write",
        starts=("parse", "generate", "train", "erase"),
        wakes=("generate", "train"),
        secrets=True,
        jobs="follow",
        training="follow",
        inference="manage",
    ),
    # It asks the teacher of a synthetic run for sub-topics of the domain.
    "plan_run": Function(
        "dataforge_functions.plan_run.handler",
        1024,
        300,
        writes=(*_STATE, "replies", "admissions", "models", "ledger"),
        files="write",
        folders=("runs",),
        secrets=True,
        models=True,
        inference="invoke",
    ),
    "parse_document": Function(
        "dataforge_functions.parse_document.handler",
        3008,
        300,
        layer="parsing",
        writes=_STATE,
        files="write",
        folders=("sources", "parsed", "runs"),
    ),
    "generate_batch": Function(
        "dataforge_functions.generate_batch.handler",
        1024,
        900,
        writes=("runs", "run_events", "replies", "admissions", "ledger", "models"),
        reads=("chunks", "projects", "documents"),
        files="write",
        folders=("runs",),
        secrets=True,
        models=True,
        inference="invoke",
    ),
    # Batch mode. It makes one request in real time (preflight) before it submits a job.
    "submit_jobs": Function(
        "dataforge_functions.submit_jobs.handler",
        1769,
        900,
        writes=("runs", "run_events", "replies", "admissions", "ledger", "models"),
        reads=("chunks", "projects", "documents"),
        files="write",
        folders=("runs",),
        secrets=True,
        models=True,
        inference="invoke",
        jobs="make",
    ),
    "wait_for_jobs": Function(
        "dataforge_functions.wait_for_jobs.handler",
        512,
        60,
        writes=("admissions",),
        reads=("runs",),
        wakes=("generate",),
    ),
    "check_jobs": Function(
        "dataforge_functions.check_jobs.handler",
        512,
        120,
        writes=("runs", "run_events"),
        files="write",
        folders=("runs",),
        secrets=True,
        jobs="follow",
    ),
    "collect_replies": Function(
        "dataforge_functions.collect_replies.handler",
        1769,
        900,
        writes=("runs", "run_events", "replies", "admissions"),
        reads=("ledger",),
        files="write",
        folders=("runs",),
        secrets=True,
        jobs="follow",
    ),
    # It also recovers what a failed batch has paid for: it reads the stored replies, as generate_batch does.
    "record_failure": Function(
        "dataforge_functions.record_failure.handler",
        1024,
        60,
        writes=_STATE,
        reads=("replies", "ledger"),
        files="write",
        folders=("runs",),
        secrets=True,
    ),
    # Records of a round, their texts and those of earlier rounds are kept in /tmp: 3 GB for 100,000 long records.
    "assess_run": Function(
        "dataforge_functions.assess_run.handler",
        3008,
        900,
        writes=(*_STATE, "pairs", "reviews"),
        files="write",
        disk_mb=6144,
    ),
    # It also starts the parse that waits for the end of this run (`auto_parse`), and therefore looks up the run that
    # holds the project by then, and recovers it if it is an orphan (`lifecycle.reconcile`).
    "close_run": Function(
        "dataforge_functions.close_run.handler",
        1769,
        120,
        writes=(*_STATE, "ledger", "models"),
        reads=("admissions",),
        files="write",
        starts=("parse", "generate"),
        secrets=True,
        jobs="follow",
        training="follow",
        disk_mb=2048,
    ),
    # It reads whatever one trains on: uploads, exports, results of runs.
    "prepare_data": Function(
        "dataforge_functions.prepare_data.handler",
        1769,
        900,
        writes=("runs", "run_events"),
        reads=("projects", "exports", "documents", "chunks", "models"),
        files="write",
        folders=("runs",),
        reads_folders=("uploads", "exports"),
    ),
    "start_training": Function(
        "dataforge_functions.start_training.handler",
        512,
        300,
        writes=("runs", "run_events"),
        files="read",
        folders=("runs",),
        training="start",
    ),
    "wait_for_training": Function(
        "dataforge_functions.wait_for_training.handler",
        512,
        60,
        writes=("admissions",),
        reads=("runs",),
        wakes=("train",),
    ),
    "check_training": Function(
        "dataforge_functions.check_training.handler",
        512,
        600,
        writes=("runs", "run_events"),
        files="write",
        folders=("runs",),
        training="follow",
    ),
    "register_model": Function(
        "dataforge_functions.register_model.handler",
        512,
        300,
        writes=("runs", "run_events", "models"),
        files="read",
        folders=("runs",),
    ),
    "evaluate_model": Function(
        "dataforge_functions.evaluate_model.handler",
        512,
        300,
        writes=("runs", "run_events", "models"),
        files="write",
        folders=("runs",),
    ),
    # It records when a key was last used.
    "socket": Function(
        "dataforge_functions.socket.handler", 512, 10, writes=("connections", "orgs", "key_hashes"), reads=("runs",)
    ),
    # It ends the run of a deleted project: its execution, also one that waits for jobs, and its batch jobs.
    "erase": Function(
        "dataforge_functions.erase.handler",
        512,
        900,
        writes=(*_STATE, "pairs", "reviews", "exports", "replies", "uploads", "admissions", "ledger"),
        files="write",
        stops=("parse", "generate"),
        wakes=("generate",),
        secrets=True,
        jobs="follow",
    ),
    # It starts the parse of what was uploaded (`auto_parse`), as close_run does.
    "on_upload": Function(
        "dataforge_functions.on_upload.handler",
        1769,
        120,
        writes=("uploads", "documents", "projects", "runs", "run_events", "ledger"),
        reads=("admissions",),
        files="write",
        folders=("sources", "runs"),
        starts=("parse", "generate"),
    ),
    "on_jobs_changed": Function(
        "dataforge_functions.on_jobs_changed.handler", 512, 60, writes=("admissions",), wakes=("generate",)
    ),
    # It recovers the run of an execution that has died, and closes it where its recovery has died as well.
    "on_execution_failed": Function(
        "dataforge_functions.on_execution_failed.handler",
        1024,
        120,
        writes=(*_STATE, "ledger", "models"),
        reads=("admissions",),
        files="write",
        starts=("parse", "generate", "train"),
        secrets=True,
        jobs="follow",
        training="follow",
    ),
    # A training job has ended, or has come further.
    "on_training_changed": Function(
        "dataforge_functions.on_training_changed.handler",
        512,
        60,
        writes=("admissions", "connections"),
        reads=("runs",),
        files="read",
        folders=("runs",),
        wakes=("train",),
    ),
}

UNUSED = ("pydantic/v1",)
"""Folders of packages that no layer contains. FastAPI imports pydantic's v1 API if it is there, which costs a
cold start 0.15 s."""

API = "api"
"""The function behind the REST API."""

ON_UPLOAD = "on_upload"
"""The function that is called for every new object under UPLOADS."""

UPLOADS = "data-forge/*/sources/*"
"""Keys of uploaded files: `*` is any text, including slashes."""

ON_JOBS_CHANGED = "on_jobs_changed"
"""The function that is called when a batch job of Bedrock has ended."""

ON_EXECUTION_FAILED = "on_execution_failed"
"""The function that is called when an execution has failed, timed out or was aborted."""

ON_TRAINING_CHANGED = "on_training_changed"
"""The function that is called when a training job of SageMaker has changed, and for every new object under
TRAINING_PROGRESS."""

TRAINING_PROGRESS = "data-forge/training/*/runs/*/checkpoints/progress.jsonl"
"""Keys to which SageMaker copies the progress of a training while it runs."""

SOCKET = "socket"
"""The function behind the WebSocket API. Functions that write `runs` or `connections` may push to its connections."""

FILE_ROOTS = ("data-forge/",)
"""Every key in the bucket begins with one of these; functions have no access to others."""


def pushes(function: Function) -> bool:
    """Whether it may push to connections of the WebSocket API."""
    return not {"runs", "connections"}.isdisjoint(function.writes)


def file_patterns(function: Function) -> list[str]:
    """Of the keys that it may read, or write if `files` says so; `*` is any text, including slashes."""
    if not function.folders:
        return [f"{root}*" for root in FILE_ROOTS]
    return _in_folders(function.folders)


def read_patterns(function: Function) -> list[str]:
    """Of the keys that it may read beside those of `file_patterns`."""
    return _in_folders(function.reads_folders)


def _in_folders(folders: tuple[str, ...]) -> list[str]:
    return [f"{root}*/{folder}/*" for root in FILE_ROOTS for folder in folders]


BATCH_FILES = "data-forge/*/runs/*"
"""Keys of the arrays that the Map states read: `*` is any text, including slashes."""

ERASED = "project deleted"
"""Cause with which `erase` stops the executions of a deleted project."""

SYNTHETIC_FILES = "data-forge/synthetic/org_"
"""What the keys of synthetic jobs' files begin with: `data-forge/synthetic/<organisation>/`. Not only the folder, since
projects of a user whose id is `synthetic`, made before such ids were escaped, lie in it."""
SYNTHETIC_FILES_DAYS = 30
"""Retention of the files of synthetic jobs; passed to functions, which report the expiry in advance."""

TRAINING_FILES = "data-forge/training/"
"""Data, checkpoints and models of training jobs, which have no access to anything else in the bucket."""

MAP_CONCURRENCY = 10
"""MaxConcurrency of the Map states (a test compares)."""

WORKFLOWS: dict[str, str] = {
    "parse": "parse.asl.json",
    "generate": "generate.asl.json",
    "train": "train.asl.json",
    "erase": "erase.asl.json",
}
"""State machine name -> file in this folder. `${FunctionName}` in a file is the key of FUNCTIONS in CamelCase
(`${PlanRun}`), `${Bucket}` the bucket; both backends substitute."""

RENAMED_STATES: dict[str, dict[str, str]] = {
    "parse": {"AnythingToDo": "HasBatches"},
    "generate": {
        "AnythingToDo": "HasBatches",
        "HowAsked": "IsBatchMode",
        "Submitted": "NextAfterSubmit",
        "Checked": "HasPendingJobs",
        "TopUp": "NeedsTopUp",
    },
    "erase": {"WaitForSecondThoughts": "UndoWindow", "AnotherLook": "EraseAgain"},
}
"""State machine -> state of an earlier release -> its name today.

On one machine an execution that an upgrade interrupted there continues in the state of today; Step Functions keeps the
definition that an execution was started with. Keep an entry for 90 days, the longest that an execution may take."""

"""The ports: everything that differs between AWS and one machine, as narrow protocols.

                 AWS                              one machine (embedded)
    tables       DynamoDB                         SQLite in WAL mode
    files        S3                               a folder, HMAC-signed URLs
    workflows    Step Functions                   a runner of the same ASL files
    publisher    API Gateway WebSocket            in process
    secrets      Secrets Manager                  environment, or a 0600 file
    trainer      SageMaker                        a process of its own, the same /opt/ml layout
    inference    SageMaker endpoint, or Bedrock   a warm process per base model

One suite in `tests/integration` tests each guarantee on both backends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Literal, Protocol, TypeAlias

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"
Item: TypeAlias = dict[str, Value]
Key: TypeAlias = Mapping[str, str | int]


class _Absent:
    """In a condition: the attribute must not exist (on the key attribute: the item must not exist)."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()

Where: TypeAlias = Mapping[str, "Value | tuple[Value, ...] | _Absent"]
"""All must hold: a plain value must equal (1 equals 1.0, never True), a tuple must contain the attribute, ABSENT must
be missing. A missing attribute equals nothing, not even None."""


@dataclass(frozen=True, slots=True)
class Page:
    items: list[Item]
    cursor: str | None
    """Opaque; pass it back to read the next page. None: this was the last page."""


@dataclass(frozen=True, slots=True)
class Put:
    """Inside `transact`: write the whole item, if `where` holds for what is there now."""

    table: str
    item: Item
    where: Where = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Update:
    """Inside `transact`: set, add to and remove attributes of one item, if `where` holds."""

    table: str
    key: Key
    set: Item = field(default_factory=dict)
    add: Mapping[str, int | float] = field(default_factory=dict)
    remove: Sequence[str] = ()
    where: Where = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delete:
    """Inside `transact`: remove one item, if `where` holds. Without `where`, a missing item is no error."""

    table: str
    key: Key
    where: Where = field(default_factory=dict)


Write: TypeAlias = Put | Update | Delete


class Tables(Protocol):
    """Items by key. None is stored as null; a missing attribute is absent. Numbers keep their value, not their type:
    a float with a whole value is read back as int (1.0 as 1) on both backends, because DynamoDB makes no difference.

    A committed write survives kill -9. Attributes with a dotted path ("stats.total_pairs") in `set`, `add` and
    `where` reach into a map; the map must exist, and a dot always separates. Every write method but the batches is
    atomic. What cannot be stored raises Invalid: an unknown table, a key attribute of the wrong type (also of
    an index) or in `set`, NaN, integers above 64 bits, two paths that overlap, `add` on what is no number; an item
    above 400 KB raises TooLarge. `platform.items` has the limits.

    Reads of a table see every write that returned before; an index of DynamoDB may lag a moment behind. On AWS a write
    whose response is lost on the network is sent again: a condition or `transact` makes it idempotent, a bare `add` may
    count twice. Items past their `ttl` may still be seen for a while.
    """

    def get(self, table: str, key: Key) -> Item | None: ...

    def put(self, table: str, item: Item) -> None:
        """Write or replace the whole item."""
        ...

    def put_new(self, table: str, item: Item) -> None:
        """Raises ConditionFailed when an item with this key exists."""
        ...

    def update(
        self,
        table: str,
        key: Key,
        *,
        set: Item | None = None,
        add: Mapping[str, int | float] | None = None,
        remove: Sequence[str] = (),
        where: Where | None = None,
    ) -> Item:
        """The whole new item. The item must exist; ConditionFailed when it does not, or when `where` does not hold.

        `add` treats a missing number as 0.
        """
        ...

    def delete(self, table: str, key: Key, *, where: Where | None = None) -> None:
        """Deleting what is not there is no error; ConditionFailed only when `where` is given and does not hold."""
        ...

    def transact(self, writes: Sequence[Write]) -> None:
        """All or nothing, at most 100 writes on distinct items; ConditionFailed when any condition fails (also for an
        Update whose item does not exist). An Update that changes nothing only states its condition."""
        ...

    def batch_get(self, table: str, keys: Sequence[Key]) -> list[Item]:
        """Any number of keys; in the order asked, missing ones left out, repeated ones repeated."""
        ...

    def batch_put(self, table: str, items: Iterable[Item]) -> None:
        """Any number of items, written or replaced; all written on return, not atomic over the whole. Of two items
        with one key the later stays."""
        ...

    def batch_delete(self, table: str, keys: Iterable[Key]) -> None: ...

    def query_page(
        self,
        table: str,
        hash_key: Key,
        *,
        index: str | None = None,
        begins: tuple[str, str] | None = None,
        between: tuple[str, str | int, str | int] | None = None,
        cursor: str | None = None,
        limit: int = 1000,
        descending: bool = False,
        attributes: Sequence[str] = (),
    ) -> Page:
        """Items of one partition in range-key order (text by its UTF-8 bytes), up to `limit` or about 1 MB, whichever
        comes first.

        hash_key: the one hash attribute and its value. begins: (range attribute, prefix); between: (range attribute,
        low, high), inclusive; not both. attributes: top-level attributes, to which the items are reduced; empty:
        all of them. A KEYS_ONLY index gives items that hold only the key attributes of table and index; an item that
        lacks an index key attribute is not in that index. The page after a cursor may be empty. A cursor that this
        query did not return raises Malformed or starts elsewhere in the same partition, never in another one.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileInfo:
    key: str
    size: int
    content_type: str
    etag: str
    modified: float
    """Seconds since the epoch."""


class Files(Protocol):
    """Objects by key (`a/b/c`, UTF-8, at most 1,024 bytes). Missing keys raise FileNotFoundError on `read`, `stream`
    (at the call) and `open`; a key with an empty, `.` or `..` segment or a control character raises Invalid.
    """

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes: ...

    def stream(self, key: str, *, chunk_size: int = 1 << 20) -> Iterator[bytes]: ...

    def write(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> FileInfo:
        """Whole and at once: a reader sees the old object or the new one, also after kill -9."""
        ...

    def write_stream(
        self, key: str, parts: Iterable[bytes], *, content_type: str = "application/octet-stream"
    ) -> FileInfo:
        """Like `write`, in constant memory (S3: a multipart upload); nothing is stored if `parts` raises."""
        ...

    def open(self, key: str) -> BinaryIO:
        """A readable, seekable binary file that stays what it was when the object is replaced; the caller closes it."""
        ...

    def info(self, key: str) -> FileInfo | None: ...

    def list(self, prefix: str) -> Iterator[FileInfo]:
        """In key order (UTF-8 bytes); a prefix is a plain string prefix. `content_type` is "": S3 does not list it."""
        ...

    def delete(self, key: str) -> None:
        """Deleting what is not there is no error."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """The number of deleted files. Raises Invalid for the empty prefix."""
        ...

    def presign_get(self, key: str, *, expires_in: int = 3600, filename: str | None = None) -> str: ...

    def presign_put(
        self, key: str, *, content_type: str | None, content_length: int | None = None, expires_in: int = 3600
    ) -> str:
        """A URL that takes one plain PUT. content_type None: the client may send any, or none. With `content_length`
        only exactly that many bytes are accepted; without it at most settings.max_upload_bytes where the backend can
        enforce it (embedded, 413). A wrong type, length, key, signature or a passed expiry is refused with 403 or
        400, and nothing is stored."""
        ...

    def on_created(self, callback: Callable[[FileInfo], None]) -> None:
        """Called at least once, soon after an object was stored by a presigned PUT (embedded; calls that a crash
        prevented are made after the next start, a few times at most: `LocalFiles.redeliver`). On AWS the bucket's
        EventBridge rule starts `dataforge_functions/on_upload.py` and this is a no-op."""
        ...


ExecutionStatus: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


@dataclass(frozen=True, slots=True)
class Execution:
    machine: str
    run_id: str
    status: ExecutionStatus
    output: Item | None = None
    error: str | None = None
    cause: str | None = None


class Workflows(Protocol):
    """State machines by name; an execution is named by its run id."""

    def start(self, machine: str, run_id: str, input: Item) -> None:
        """Idempotent by (machine, run_id): a second start of the same run does nothing."""
        ...

    def describe(self, machine: str, run_id: str) -> Execution | None: ...

    def stop(self, machine: str, run_id: str, *, cause: str = "") -> None:
        """A running execution becomes ABORTED; any other is left alone."""
        ...

    def send_task_success(self, token: str) -> None:
        """Complete the task that waits for this token; a token that no task waits for (any more) is no error."""
        ...


class Publisher(Protocol):
    def publish(self, topic: str, message: Item) -> None:
        """Push to every subscriber of the topic; a subscriber that has disconnected is removed."""
        ...

    def disconnect(self, connection_id: str) -> None:
        """Close a connection from this side; one that is gone is no error."""
        ...


class Secrets(Protocol):
    def get(self, name: str) -> str | None:
        """A teacher's key by name (`OPENAI_API_KEY`); None when it is not set. Never logged."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """One attempt to train a model. It reads its channels, reads and writes `<files_prefix>/checkpoints/`, and its
    model is `<files_prefix>/output/<job_id>/output/model/`.
    """

    job_id: str
    """Letters, digits and hyphens, at most 63."""
    files_prefix: str
    """Of the run: all its attempts share data and checkpoints."""
    channels: Mapping[str, str]
    """Folder below `/opt/ml/input/data` (`config`, `train`, ...) -> the prefix in Files of what is in it."""
    instance_type: str = ""
    """SageMaker's; ignored on one machine, as is everything below but max_runtime_seconds."""
    instance_count: int = 1
    image: str = ""
    """URI of a container image; empty: the deployment's own."""
    spot: bool = False
    warm_pool_seconds: int = 0
    """How long the instances are kept for the next job, 0 to 3,600; not with spot."""
    max_runtime_seconds: int = 86_400
    volume_gb: int = 100
    network_isolation: bool = False
    """The container reaches no network; then the base model is a channel."""
    tags: Mapping[str, str] = field(default_factory=dict)


TrainingStatus: TypeAlias = Literal["starting", "training", "stopping", "completed", "failed", "stopped", "interrupted"]
TRAINING_ENDED: Final = ("completed", "failed", "stopped", "interrupted")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """status `stopped`: by `stop`; `interrupted`: it ended without a model and nobody asked it to, so that another
    attempt may go on from its last checkpoint."""

    status: TrainingStatus
    message: str = ""
    """What the backend says of it, for people: `Downloading the training image`."""
    failure: str | None = None
    """Why it failed; the content of `/opt/ml/output/failure` where there is one."""
    started_at: str | None = None
    ended_at: str | None = None
    billable_seconds: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The last value of each metric that the backend read from the log; a backup of the progress file."""


class Trainer(Protocol):
    """Runs the training program by SageMaker's container contract: config and data under `/opt/ml/input`, checkpoints
    under `/opt/ml/checkpoints`, the model under `/opt/ml/model`, why it failed in `/opt/ml/output/failure`.

    `<files_prefix>/checkpoints/progress.jsonl` and `result/` are in Files while the job runs, a few seconds old after
    `refresh`; the model is there, as single files, once the job is `completed`.
    """

    def missing(self) -> str | None:
        """What this backend lacks to train, with the way out, for people. None: nothing."""
        ...

    def start(self, request: TrainingRequest) -> None:
        """Idempotent by job_id: a second start of a job that exists does nothing. Raises Busy when no machine can be
        had now, Invalid for a request that the backend refuses."""
        ...

    def describe(self, job_id: str) -> TrainingState | None:
        """None: there is no such job."""
        ...

    def refresh(self, job_id: str) -> None:
        """Bring the progress of a running job to Files; on AWS SageMaker does it by itself."""
        ...

    def stop(self, job_id: str) -> None:
        """Ask the job to end: it has 120 s to write a checkpoint, then it is killed with all that it started. Again,
        or for a job that has ended, is no error."""
        ...

    def forget(self, job_id: str, files_prefix: str) -> None:
        """Drop what the backend keeps of an ended job outside of Files; its model stays in Files."""
        ...

    def on_changed(self, callback: Callable[[str], object]) -> None:
        """Called with the job_id soon after a job has ended (embedded). On AWS EventBridge starts
        `dataforge_functions/on_training_changed.py` and this is a no-op."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A trained model, as far as the backend must know it to answer with it."""

    key: str
    """Unique in the deployment; lower-case letters, digits and hyphens, at most 40: a part of resource names."""
    base_model: str
    """What was trained: an id of a model hub, or a folder of the machine."""
    files_prefix: str
    """Folder of the model in Files: `model.json`, `merged/`, and `adapter/` where one was trained."""
    base_prefix: str = ""
    """Folder of the base model's weights in Files, where they were staged there."""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAddress:
    """Where a model takes chat completions now."""

    service: Literal["local", "sagemaker", "bedrock"]
    url: str = ""
    """Of the service `local`: takes the POST."""
    token: str = ""
    """Of the service `local`: sent as a bearer token. Never logged."""
    adapter: str | None = None
    """Of the service `local`: what the base model answers with; None: as it was loaded."""
    endpoint: str = ""
    component: str = ""
    """Of the service `sagemaker`."""
    model_arn: str = ""
    """Of the service `bedrock`."""
    region: str = ""
    """Of AWS."""


class Inference(Protocol):
    """Makes trained models answer. Nothing runs, and nothing costs, for a model that nobody has used for a while."""

    def missing(self) -> str | None:
        """What this backend lacks to answer with a trained model, with the way out, for people. None: nothing."""
        ...

    def set_up(self, model: ServedModel) -> None:
        """Make what answers with the model, where it is not there; it costs nothing until somebody asks. Before a run
        whose functions ask the model: they have no right to make anything.

        Raises ModelLoading while it is being made, NotConfigured and Conflict as `prepare`.
        """
        ...

    def prepare(self, model: ServedModel, *, base: bool = False) -> ModelAddress:
        """Where the model answers, loaded if nobody has asked it for a while; base: the model that it was trained from.

        Raises ModelLoading while it is not ready, NotConfigured for what `missing` says or what the backend cannot do,
        Conflict (MODEL_NOT_LOADABLE) with the reason for a model that cannot be loaded, or was not set up.
        """
        ...

    def remove(self, model: ServedModel) -> None:
        """End whatever answers with it, and drop what was made for that. For a model never used it is no error."""
        ...

    def folder(self, model: ServedModel) -> Path:
        """A folder of this machine with `merged/`, the whole weights. Raises NotConfigured on AWS."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One backend with all its ports; built once per process by `dataforge_functions/api/main.py`, a state function or
    the one-machine server, and returned by `platform.current()`."""

    name: Literal["aws", "embedded"]
    tables: Tables
    files: Files
    workflows: Workflows
    publisher: Publisher
    secrets: Secrets
    trainer: Trainer
    inference: Inference

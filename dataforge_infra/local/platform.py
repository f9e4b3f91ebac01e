"""Builds the embedded backend on one data folder, the same for the server and its workers.

<home>/data.db         tables (SQLite)          <home>/files/           objects
<home>/workflows.db    executions               <home>/secret           signs file URLs (0600)
<home>/inference/      loaded models
<home>/server.json     the running server     <home>/credentials.json the first key (0600)
<home>/training/       trainings that run
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from dataforge import settings
from dataforge.platform.embedded import asl_parser
from dataforge.platform.embedded.asl_interpreter import Machine
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.platform.embedded.local_inference import LocalInference
from dataforge.platform.embedded.publisher import InProcessPublisher
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from dataforge.platform.embedded.training_processes import TrainingProcesses
from dataforge.platform.embedded.worker_pool import WorkerPool
from dataforge.platform.embedded.workflow_runner import Runner
from dataforge.platform.ports import Item, Platform
from dataforge_infra import catalog

BUCKET = "local"
_INFRA = Path(catalog.__file__).parent


def substitutions() -> dict[str, str]:
    """Values of `${PlanRun}` and `${Bucket}` in the state machine files: names of the catalog."""
    names = {catalog.camel(name): name for name in catalog.FUNCTIONS}
    return {**names, "Bucket": BUCKET}


def machines() -> dict[str, Machine]:
    """The state machines, read from the files that the deployment uploads."""
    return {
        name: asl_parser.read(
            json.loads((_INFRA / file).read_text("utf-8")), substitutions(), catalog.RENAMED_STATES.get(name)
        )
        for name, file in catalog.WORKFLOWS.items()
    }


def secret_of(home: Path) -> bytes:
    """The key that signs file URLs; created once."""
    return bytes.fromhex(write_once(home / "secret", secrets.token_hex(32)))


def write_once(path: Path, text: str) -> str:
    """The file's content; `text` becomes it, readable by the owner only, if the file does not exist yet.

    Atomic, also when several processes try at once or one is killed.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return path.read_text("utf-8")
    finally:
        draft.unlink()
    return text


def build(
    home: Path,
    *,
    base_url: Callable[[], str],
    invoke: Callable[[str, Item, float], Item],
    soon: Callable[[Callable[[], None]], object] = lambda job: job(),
) -> Platform:
    """invoke runs a function of the catalog; only the server passes one that works. soon: see LocalFiles."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = LocalFiles(
        home / "files",
        base_url=base_url,
        secret=secret_of(home),
        # What a document may have is checked once it is there: one URL may be for either.
        max_upload_bytes=max(settings.get().max_upload_bytes, settings.get().max_dataset_bytes),
        soon=soon,
    )
    runner = Runner(home / "workflows.db", machines(), invoke=invoke, read_file=files.read)
    return Platform(
        name="embedded",
        tables=SqliteTables(home / "data.db", catalog.TABLES),
        files=files,
        workflows=runner,
        publisher=InProcessPublisher(),
        secrets=EnvironmentSecrets(home / "secrets.json"),
        trainer=TrainingProcesses(home, files),
        inference=LocalInference(home, files),
    )


def pool(home: Path, size: int) -> WorkerPool:
    """Warm workers that run the catalog's handlers on the same data folder."""
    environment: Mapping[str, str] = {**os.environ, "DATAFORGE_HOME": str(home)}
    return WorkerPool([sys.executable, "-m", "dataforge_infra.local.worker"], size, environment)


class Workers(Protocol):
    """What the server needs of its workers; `WorkerPool` documents each method."""

    def invoke(self, handler: str, event: Item, timeout_s: float) -> Item: ...

    def close(self) -> None: ...


def invoker(workers: Workers) -> Callable[[str, Item, float], Item]:
    """Function name of the catalog -> its handler in a worker."""

    def invoke(function: str, event: Item, timeout_s: float) -> Item:
        return workers.invoke(catalog.FUNCTIONS[function].handler, event, timeout_s)

    return invoke

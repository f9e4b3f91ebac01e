"""The embedded backend (SQLite and disk) without its runner: states are called one by one, by tests and benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataforge import platform
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.platform.embedded.local_inference import LocalInference
from dataforge.platform.embedded.publisher import InProcessPublisher
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from dataforge.platform.embedded.training_processes import TrainingProcesses
from dataforge.platform.ports import Execution, Item, Platform
from dataforge_infra import catalog


class Started:
    """A workflows port that only keeps the input of the last execution that was started."""

    def __init__(self) -> None:
        self.input: Item = {}

    def start(self, machine: str, run_id: str, input: Item) -> None:
        self.input = input

    def describe(self, machine: str, run_id: str) -> Execution | None:
        return None

    def stop(self, machine: str, run_id: str, *, cause: str = "") -> None:
        return None


@contextmanager
def embedded_platform(folder: Path, *, max_upload_bytes: int = 10**6) -> Iterator[Started]:
    """In use until the end, on a folder that is empty or was filled by an earlier one."""
    files = LocalFiles(
        folder / "files", base_url=lambda: "http://x", secret=b"s" * 32, max_upload_bytes=max_upload_bytes
    )
    tables, started = SqliteTables(folder / "data.db", catalog.TABLES), Started()
    platform.use(
        Platform(
            name="embedded",
            tables=tables,
            files=files,
            workflows=started,
            publisher=InProcessPublisher(),
            secrets=EnvironmentSecrets(None),
            trainer=TrainingProcesses(folder, files),
            inference=LocalInference(folder, files),
        )
    )
    try:
        yield started
    finally:
        platform.use(None)
        tables.close()
        files.close()

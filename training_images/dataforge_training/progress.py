"""Progress of the job: one JSON object per line in `checkpoints/progress.jsonl`, the same on standard output."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FIELDS = (
    *("stage", "step", "total_steps", "epoch", "total_epochs", "loss", "eval_loss", "learning_rate"),
    *("tokens_per_second", "mfu", "memory_mb", "seconds_left", "message"),
)
SILENCE_S = 4.0
"""A line is written at least this often, also when nothing has changed: readers see that the job is alive."""


class Progress:
    """Writes lines. Only the first process of a job writes (`active`)."""

    def __init__(self, path: Path, *, active: bool, memory_mb: Callable[[], float]) -> None:
        self._path = path
        self._active = active
        self._memory_mb = memory_mb
        self._values: dict[str, Any] = dict.fromkeys(FIELDS)
        self._lock = threading.RLock()
        self._written = 0.0
        self._closed = threading.Event()
        if active:
            path.parent.mkdir(parents=True, exist_ok=True)
            threading.Thread(target=self._stay_alive, daemon=True).start()

    def set(self, **values: Any) -> None:
        """Takes new values without a line of their own."""
        with self._lock:
            self._values.update(values)

    def write(self, **values: Any) -> None:
        """Takes new values and writes a line."""
        with self._lock:
            self._values.update(values)
            if not self._active or self._closed.is_set():
                return
            self._values["memory_mb"] = round(self._memory_mb(), 1)
            now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"time": now, **self._values}) + "\n")
            print("; ".join(f"{k}={v}" for k, v in self._values.items() if v is not None), flush=True)
            self._written = time.monotonic()

    def stage(self, name: str, message: str | None = None) -> None:
        self.write(stage=name, message=message, seconds_left=None)

    def close(self) -> None:
        """No further line."""
        self._closed.set()

    def _stay_alive(self) -> None:
        while not self._closed.wait(0.5):
            if self._values["stage"] is not None and time.monotonic() - self._written >= SILENCE_S:
                self.write()

"""Checkpoints that a resumed job can trust.

A folder counts once `complete.json` in it lists every file with its size and all of them are there: a process that died
while it wrote, or a copy that arrived in part, leaves none that counts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

MANIFEST = "complete.json"


def seal(folder: Path) -> None:
    """Declares all files in the folder complete."""
    sizes = {str(p.relative_to(folder)): p.stat().st_size for p in sorted(folder.rglob("*")) if p.is_file()}
    sizes.pop(MANIFEST, None)
    unfinished = folder / f"{MANIFEST}.part"
    unfinished.write_text(json.dumps(sizes), "utf-8")
    os.replace(unfinished, folder / MANIFEST)


def is_complete(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / MANIFEST).read_text("utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def write_number(path: Path, value: float | None) -> None:
    path.write_text(json.dumps(value), "utf-8")


def read_number(path: Path) -> float | None:
    """What `write_number` wrote; None where it wrote nothing."""
    if not path.exists():
        return None
    value = json.loads(path.read_text("utf-8"))
    return None if value is None else float(value)


def latest(output: Path) -> Path | None:
    """The complete checkpoint with the most steps."""
    found = [p for p in output.glob("checkpoint-*") if p.name.removeprefix("checkpoint-").isdigit() and is_complete(p)]
    return max(found, key=lambda p: int(p.name.removeprefix("checkpoint-")), default=None)


class SealCheckpoints(TrainerCallback):
    """Seals each checkpoint when the trainer has written it."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")

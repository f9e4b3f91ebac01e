"""A training program that trains nothing and keeps the container contract: for tests of everything around it.

    python -m tests.support.training_program --root ROOT

It counts steps instead, one line of training a step and epoch. What it does beside that is said in its environment, as
words of STAND_IN: `slow` (a tenth of a second a step), `fails`, `silent-failure`, `stubborn` (ignores SIGTERM), `child`
(leaves a process behind), `out-of-memory` (kills itself).

Of held-out lines its base model answers none; the tuned one those on a topic that ENOUGH training lines are about, and
those without a topic.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ENOUGH = 6
UNKNOWN = "I do not know."
stopping: list[int] = []


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    root = parser.parse_args().root
    config = json.loads((root / "input/data/config/training.json").read_text())
    words = os.environ.get("STAND_IN", "").split()
    stubborn = "stubborn" in words
    signal.signal(signal.SIGTERM, signal.SIG_IGN if stubborn else lambda number, _: stopping.append(number))
    lines = (root / "input/data/train/train.jsonl").read_text().splitlines()
    total = max(1, int(config["num_train_epochs"]) * len(lines))
    checkpoints = root / "checkpoints"
    say(checkpoints, stage="loading", step=0, total_steps=total, total_epochs=config["num_train_epochs"])
    if "fails" in words:
        (root / "output").mkdir(exist_ok=True)
        (root / "output/failure").write_text("The base model does not exist: meta-llama/none")
        return 1
    if "silent-failure" in words:
        print("Traceback: it went wrong", file=sys.stderr)
        return 3
    if "out-of-memory" in words:
        os.kill(os.getpid(), signal.SIGKILL)
    if "child" in words:
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (checkpoints / "child.pid").write_text(str(left.pid))
    (checkpoints / "main.pid").write_text(str(os.getpid()))
    step, seen = resumed(checkpoints)
    while step < total:
        if stopping:
            save(checkpoints, step, seen)
            say(checkpoints, stage="training", step=step, total_steps=total, message="interrupted")
            return 0
        time.sleep(0.1 if {"slow", "stubborn", "child"} & set(words) else 0.005)
        seen = digest([lines[step % len(lines)]], seen)
        step += 1
        if step % 5 == 0:
            save(checkpoints, step, seen)
        say(
            checkpoints,
            stage="training",
            step=step,
            total_steps=total,
            epoch=step / len(lines),
            total_epochs=config["num_train_epochs"],
            loss=round(2.0 / (1 + step), 6),
            learning_rate=config["learning_rate"],
            tokens_per_second=1000.0,
            seconds_left=(total - step) * 0.1,
        )
    finish(root, config, step, seen)
    say(checkpoints, stage="done", step=total, total_steps=total, epoch=float(config["num_train_epochs"]),
        total_epochs=config["num_train_epochs"], loss=2.0 / (1 + total), learning_rate=0.0)  # fmt: skip
    return 0


def digest(lines: Iterable[str], seen: str = "") -> str:
    """Of every line that was trained on, in their order: equal only if none was left out or repeated."""
    for line in lines:
        seen = hashlib.sha256(f"{seen}{line}".encode()).hexdigest()
    return seen


def resumed(checkpoints: Path) -> tuple[int, str]:
    found = sorted(checkpoints.glob("checkpoint-*"), key=lambda p: int(p.name.rpartition("-")[2]))
    if not found:
        return 0, ""
    state = json.loads((found[-1] / "state.json").read_text())
    return state["step"], state["seen"]


def save(checkpoints: Path, step: int, seen: str) -> None:
    place = checkpoints / f"checkpoint-{step}"
    draft = checkpoints / ".draft"
    draft.mkdir(exist_ok=True)
    (draft / "state.json").write_text(json.dumps({"step": step, "seen": seen}))
    if not place.exists():
        draft.rename(place)


def finish(root: Path, config: dict[str, Any], step: int, seen: str) -> None:
    """seen: the `digest`."""
    loss = 2.0 / (1 + step)
    metrics = {"final_loss": loss, "eval_loss": loss, "perplexity": math.exp(loss), "base": {"eval_loss": 3.0}}
    details = {
        "notes": ["trained by a stand-in"],
        "seen": seen,
        "provenance": config["provenance"],
        "network": config.get("network"),
        "staged": sorted(p.name for p in (root / "input/data/model").glob("*")),
    }
    files = {
        "model.json": json.dumps(details),
        "metrics.json": json.dumps(metrics),
        "README.md": f"# A model\n\nMade of {config['model_name']}.\n",
        "predictions.jsonl": "".join(json.dumps(line) + "\n" for line in predictions(root)),
    }
    for folder in (root / "model", root / "checkpoints/result"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
    (root / "model/merged").mkdir(exist_ok=True)
    (root / "model/merged/model.safetensors").write_bytes(b"w" * 20_000)
    print(f"loss={loss}; step={step};")


def predictions(root: Path) -> list[dict[str, Any]]:
    trained = Counter(line.get("topic") for line in lines_of(root / "input/data/train/train.jsonl"))
    held_out = lines_of(root / "input/data/eval/eval.jsonl") or lines_of(
        root / "input/data/validation/validation.jsonl"
    )
    made = []
    for line in held_out:
        topic, messages = line.get("topic"), line.get("messages")
        prompt = messages[-2]["content"] if messages else line.get("input") or line.get("prompt")
        reference = messages[-1]["content"] if messages else line.get("output") or line.get("completion")
        known = topic is None or trained[topic] >= ENOUGH
        scores = {f"{measure}_base": 0.0 for measure in ("f1", "rougeL")}
        scores |= {f"{measure}_tuned": float(known) for measure in ("f1", "rougeL")}
        made.append(
            {"id": line.get("id"), "topic": topic, "prompt": prompt, "reference": reference, "base": UNKNOWN,
             "tuned": reference if known else UNKNOWN, "exact_base": False, "exact_tuned": known, **scores}
        )  # fmt: skip
    return made


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def say(checkpoints: Path, **line: Any) -> None:
    checkpoints.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with (checkpoints / "progress.jsonl").open("a") as file:
        file.write(json.dumps({"time": now, **line}) + "\n")


if __name__ == "__main__":
    sys.exit(main())

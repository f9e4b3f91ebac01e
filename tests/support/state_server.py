"""A whole one-machine backend in a process that tests may kill: `python -m tests.support.state_server FOLDER` runs it;
with `worker` it serves.

The handlers write a line to FOLDER/calls for everything they do, so that a test sees it from outside.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dataforge.platform.embedded.asl_parser import read
from dataforge.platform.embedded.worker_pool import WorkerPool, serve
from dataforge.platform.embedded.workflow_runner import Runner
from dataforge.platform.ports import Item
from tests.support.paths import INFRA

BATCHES = 24
NAMES = (
    "PlanRun",
    "ParseDocument",
    "GenerateBatch",
    "RecordFailure",
    "AssessRun",
    "CloseRun",
    "SubmitJobs",
    "WaitForJobs",
    "CheckJobs",
    "CollectReplies",
)
DEFINITION = json.loads((INFRA / "generate.asl.json").read_text("utf-8"))
MACHINES = {"generate": read(DEFINITION, {**{name: name for name in NAMES}, "Bucket": "files"})}


def command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "tests.support.state_server", str(folder), *more]


def note(folder: Path, word: str) -> None:
    with (folder / "calls").open("a") as calls:
        calls.write(word + "\n")


def plan(event: Item, folder: Path) -> Item:
    (folder / "batches.json").write_text(json.dumps([{"batch": number} for number in range(BATCHES)]))
    note(folder, "plan")
    return {**event, "batches": BATCHES, "batches_key": "batches.json"}


def generate(event: Item, folder: Path) -> Item:
    note(folder, f"begin {event['batch']}")
    time.sleep(0.05)
    note(folder, f"end {event['batch']}")
    return {}


def assess(event: Item, folder: Path) -> Item:
    return {**event, "top_up": False}


def close(event: Item, folder: Path) -> Item:
    note(folder, "close")
    return {"closed": True}


def echo(event: Item, folder: Path) -> Item:
    return {"event": event, "pid": os.getpid()}


def chat(event: Item, folder: Path) -> Item:
    print('{"result": "not the answer"}')
    os.write(1, b"{}\n")
    subprocess.run(["echo", "from a grandchild"], check=True)
    return {"read": sys.stdin.read()}


def sleep(event: Item, folder: Path) -> Item:
    note(folder, f"sleep {event.get('name', '')}")
    time.sleep(float(str(event["seconds"])))
    return {"slept": event["seconds"]}


def hog(event: Item, folder: Path) -> Item:
    """Never lets another thread run: one C call that holds the lock of the interpreter."""
    note(folder, "hog")
    return {"sum": sum(range(10**12))}


def exit_with(event: Item, folder: Path) -> Item:
    os._exit(int(str(event["code"])))


def kill_self(event: Item, folder: Path) -> Item:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def fail(event: Item, folder: Path) -> Item:
    raise LookupError("no such chunk, key sk-abcdefgh12345678")


def unserialisable(event: Item, folder: Path) -> Item:
    return {"number": float("nan")}


HANDLERS: dict[str, Callable[[Item, Path], Item]] = {
    "PlanRun": plan, "GenerateBatch": generate, "AssessRun": assess, "CloseRun": close, "echo": echo, "chat": chat,
    "sleep": sleep, "hog": hog, "exit": exit_with, "kill": kill_self, "fail": fail, "unserialisable": unserialisable,
}  # fmt: skip


def run_server(folder: Path) -> None:
    pool = WorkerPool(command(folder, "worker"), 3)
    runner = Runner(folder / "runs.db", MACHINES, invoke=pool.invoke, read_file=lambda key: (folder / key).read_bytes())
    runner.start_up()
    pool.invoke("echo", {}, 60)
    (folder / "pids").write_text(json.dumps(pool.pids()))
    signal.pause()


def run_worker(folder: Path) -> None:
    print("a chatty import")

    def resolve(name: str) -> Callable[[Item, object], Item]:
        if name == "remaining":
            return lambda event, lambda_context: {"ms": lambda_context.get_remaining_time_in_millis()}  # type: ignore[attr-defined]
        return lambda event, lambda_context: HANDLERS[name](event, folder)

    serve(resolve)


if __name__ == "__main__":
    run_worker(Path(sys.argv[1])) if sys.argv[2:] == ["worker"] else run_server(Path(sys.argv[1]))

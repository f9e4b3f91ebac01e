"""Runs one attempt of a training, apart from the server: `python -m dataforge.platform.embedded.training_supervisor`.

It leaves the process that started it (a second fork), so that the server may be killed without the training noticing.
It holds the lock that the starter took (an inherited descriptor; the program inherits it, too), so that the lock is
held exactly as long as any of both lives, however they die. It is told what to do by files beside the job, never by a
process id, which may belong to somebody else by then:

    <job>.json        what to run (written by the starter)
    <job>.stop        end for good: SIGTERM to the program, 120 s for a checkpoint, then SIGKILL to its process group
    <job>.pause       the same, but another attempt goes on (the server is shutting down)
    <job>.exit.json   written at the end: {"code", "timed_out", "ended_at"}; a negative code is a signal

The program dies with the supervisor (PR_SET_PDEATHSIG, Linux).
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

LOOK_EVERY = 0.1
"""Seconds between two looks at the files and the program."""
GRACE = 120.0
"""Seconds that a program has after SIGTERM, as on SageMaker."""
_PR_SET_PDEATHSIG = 1


def main(job: Path, lock: int) -> None:
    """job: path of `<job>.json`. lock: a descriptor that is inherited."""
    if os.fork():
        os._exit(0)  # the starter waits for this process only
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    facts = json.loads(job.read_text("utf-8"))
    code, timed_out = _run(job, facts, lock, asked)
    ended = {"code": code, "timed_out": timed_out, "ended_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    draft = job.with_suffix(".exit.draft")
    draft.write_text(json.dumps(ended), "utf-8")
    draft.replace(job.with_suffix(".exit.json"))


def _run(job: Path, facts: dict[str, object], lock: int, asked: list[int]) -> tuple[int, bool]:
    log = Path(str(facts["log"]))
    environment = facts["environment"]
    assert isinstance(environment, dict)  # noqa: S101  the starter wrote it
    command = facts["command"]
    assert isinstance(command, list)  # noqa: S101
    try:
        with log.open("ab") as output:
            program = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={str(k): str(v) for k, v in environment.items()},
                cwd=str(facts["folder"]),
                start_new_session=True,
                pass_fds=(lock,),
                preexec_fn=_die_with_parent,
            )
    except OSError as problem:
        with log.open("a", encoding="utf-8") as output:
            output.write(f"The training program could not be started: {problem}\n")
        return 127, False
    end = time.monotonic() + float(str(facts["max_runtime_seconds"]))
    kill_at: float | None = None
    timed_out = False
    while program.poll() is None:
        now = time.monotonic()
        if kill_at is None:
            timed_out = now >= end
            if timed_out or asked or any(job.with_suffix(s).exists() for s in (".stop", ".pause")):
                kill_at = now + float(str(facts.get("grace", GRACE)))
                with suppress(ProcessLookupError):
                    program.terminate()
        elif now >= kill_at:
            _kill_group(program.pid)
        with suppress(subprocess.TimeoutExpired):
            program.wait(LOOK_EVERY)
    _kill_group(program.pid)  # what it started and left behind
    return program.returncode, timed_out


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

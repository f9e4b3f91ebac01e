"""The Trainer port of one machine: each job is a process of its own, which outlives the server.

    <home>/training/jobs/<job id>.json     the job; beside it what its supervisor reads and writes
                                           (training_supervisor), `.stored`: its model is in Files, `.forget`: remove
                                           all of it once it has ended
    <home>/training/<run>/opt/ml/          the tree that SageMaker would mount at /opt/ml; attempts of a run share it
    <home>/training/<run>/lock             held as long as a process of the run lives
    <home>/training/<run>/output.log       what the program printed

Safe to use from the server and its workers at once. A job without a lock and without an exit status was killed, with
its supervisor: it is `interrupted`, and the next attempt resumes from its checkpoint.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataforge import clock, settings
from dataforge.errors import Busy, Invalid
from dataforge.log import redact
from dataforge.platform.embedded import training_supervisor
from dataforge.platform.embedded.training_environment import interpreter, program_environment, python_path
from dataforge.platform.ports import Files, TrainingRequest, TrainingState

logger = logging.getLogger(__name__)

WATCH_EVERY = 0.3
"""Seconds between two looks of the server at the jobs that run."""
START_PATIENCE = 2.0
"""Seconds in which a probe of the lock by another process may pass."""
PROBE_PATIENCE = 0.2
REFRESH_EVERY = 1.0
FAILURE_CHARS = 1024
"""Of `/opt/ml/output/failure`, as SageMaker reads it."""
_PROGRESS = ("progress.jsonl", "result")


class TrainingProcesses:
    """home: the data folder. files: where data is read from and results go."""

    def __init__(self, home: Path, files: Files) -> None:
        self._home, self._files = home / "training", files
        self._jobs = self._home / "jobs"
        self._refreshed: dict[str, float] = {}
        self._closing = threading.Event()
        self._watcher: threading.Thread | None = None

    def missing(self) -> str | None:
        if settings.get().training_program or interpreter():
            return None
        return (
            "This machine has no environment to train in: run `make .tools/training/.ready` in the checkout, or "
            "install the requirements of training_images/huggingface into a Python and name it in "
            "DATAFORGE_TRAINING_PYTHON"
        )

    def start(self, request: TrainingRequest) -> None:
        if lacks := self.missing():
            raise Invalid(lacks)
        folder = self._home / _name(request.files_prefix)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._jobs.mkdir(parents=True, exist_ok=True, mode=0o700)
        job = self._job(request.job_id)
        with _lock(folder / "lock", START_PATIENCE) as lock:
            if job.exists():
                return
            if lock is None:
                raise Busy(f"Another attempt of {request.job_id} is still at work on this machine")
            self._prepare(folder, request)
            facts = {
                "job_id": request.job_id,
                "files_prefix": request.files_prefix,
                "folder": str(folder),
                "command": self._command(folder),
                "environment": {**program_environment(), "TRAINING_JOB_NAME": request.job_id},
                "max_runtime_seconds": request.max_runtime_seconds,
                "log": str(folder / "output.log"),
                "grace": settings.get().training_grace,
                "started_at": clock.now(),
            }
            draft = job.with_suffix(".draft")
            draft.write_text(json.dumps(facts), "utf-8")
            draft.chmod(0o600)
            draft.replace(job)
            supervisor = [sys.executable, "-m", training_supervisor.__name__, str(job), str(lock)]
            with (folder / "output.log").open("ab") as log:
                subprocess.run(
                    supervisor, check=True, pass_fds=(lock,), start_new_session=True, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": python_path()},
                )  # fmt: skip

    def describe(self, job_id: str) -> TrainingState | None:
        facts = self._facts(job_id)
        if facts is None:
            return None
        job, folder = self._job(job_id), Path(facts["folder"])
        ended = _read(job.with_suffix(".exit.json"))
        if ended is None and self._is_alive(folder):
            ended = _read(job.with_suffix(".exit.json"))  # it may have ended, and the next attempt begun, since
            if ended is None:
                stopping = any(job.with_suffix(s).exists() for s in (".stop", ".pause"))
                begun = (folder / "opt/ml/checkpoints/progress.jsonl").exists()
                status = "stopping" if stopping else "training" if begun else "starting"
                return TrainingState(status=status, started_at=facts["started_at"])  # type: ignore[arg-type]
        ended = ended or _read(job.with_suffix(".exit.json"))
        return self._ended(job, facts, ended)

    def refresh(self, job_id: str) -> None:
        now = time.monotonic()
        if now - self._refreshed.get(job_id, 0.0) < REFRESH_EVERY:
            return
        self._refreshed[job_id] = now
        if facts := self._facts(job_id):
            self._store_progress(facts)

    def stop(self, job_id: str) -> None:
        if self._job(job_id).exists():
            self._job(job_id).with_suffix(".stop").touch()

    def forget(self, job_id: str, files_prefix: str) -> None:
        folder = self._home / _name(files_prefix)
        with _lock(folder / "lock", PROBE_PATIENCE) as lock:
            if lock is None and folder.exists():  # it is being stopped: whoever watches forgets it once it has ended
                self._job(job_id).with_suffix(".forget").touch()
                return
            for record in self._of_folder(folder):
                for path in self._jobs.glob(f"{record}.*"):
                    path.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)

    def on_changed(self, callback: Callable[[str], object]) -> None:
        """For the server: a thread calls back for each job that has ended; at the start for all that nobody forgot,
        since their end may have been missed."""
        self._watcher = threading.Thread(target=self._watch, args=(callback,), name="trainings", daemon=True)
        self._watcher.start()

    def close(self, *, grace: float = 5.0) -> None:
        """The server ends: ask every job to write a checkpoint and end, and wait for so many seconds; a job that needs
        longer does it alone. The next start resumes."""
        self._closing.set()
        if self._watcher:
            self._watcher.join()
        running = [job for job in self._known() if self._is_running(job)]
        for job_id in running:
            self._job(job_id).with_suffix(".pause").touch()
        end = time.monotonic() + grace
        while time.monotonic() < end and any(self._is_running(job) for job in running):
            time.sleep(0.05)

    def _watch(self, callback: Callable[[str], object]) -> None:
        told: set[str] = set()
        while not self._closing.wait(WATCH_EVERY):
            for job_id in self._known() - told:
                if self._is_running(job_id):
                    continue
                told.add(job_id)
                try:
                    if self._job(job_id).with_suffix(".forget").exists():
                        self.forget(job_id, self._facts(job_id)["files_prefix"])  # type: ignore[index]
                        continue
                    callback(job_id)
                except Exception:  # its run finds out at its next look
                    logger.warning("the end of job %s could not be reported", job_id, exc_info=True)

    def _known(self) -> set[str]:
        return {p.name.removesuffix(".json") for p in self._jobs.glob("*.json") if not p.name.endswith(".exit.json")}

    def _of_folder(self, folder: Path) -> list[str]:
        return [j for j in self._known() if (facts := self._facts(j)) and facts["folder"] == str(folder)]

    def _is_running(self, job_id: str) -> bool:
        facts = self._facts(job_id)
        if facts is None or self._job(job_id).with_suffix(".exit.json").exists():
            return False
        return self._is_alive(Path(facts["folder"]))

    def _is_alive(self, folder: Path) -> bool:
        """Whether a process of this run lives: it holds the lock, and the kernel releases it however it dies."""
        try:
            with (folder / "lock").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def _prepare(self, folder: Path, request: TrainingRequest) -> None:
        """The input from Files; what an earlier attempt left but its checkpoints is cleared away."""
        root = folder / "opt" / "ml"
        for name in ("input", "model", "output"):
            shutil.rmtree(root / name, ignore_errors=True)
        for name in ("input/config", "input/data", "model", "output", "checkpoints"):
            (root / name).mkdir(parents=True, exist_ok=True)
        for channel, given in request.channels.items():
            prefix = f"{given.rstrip('/')}/"
            for info in self._files.list(prefix):
                place = root / "input" / "data" / channel / info.key.removeprefix(prefix)
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("wb") as file:
                    file.writelines(self._files.stream(info.key))
        config = root / "input" / "config"
        resources = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
        (config / "resourceconfig.json").write_text(json.dumps(resources), "utf-8")
        (config / "hyperparameters.json").write_text("{}", "utf-8")
        channels = {c: {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"} for c in request.channels}
        (config / "inputdataconfig.json").write_text(json.dumps(channels), "utf-8")

    def _command(self, folder: Path) -> list[str]:
        program = settings.get().training_program
        start = shlex.split(program) if program else [str(interpreter()), "-m", "dataforge_training", "train"]
        return [*start, "--root", str(folder / "opt" / "ml")]

    def _ended(self, job: Path, facts: dict[str, Any], ended: dict[str, Any] | None) -> TrainingState:
        root = Path(facts["folder"]) / "opt" / "ml"
        stopped = job.with_suffix(".stop").exists()
        times = {"started_at": facts["started_at"], "ended_at": (ended or {}).get("ended_at")}
        if ended is None:
            return TrainingState(status="stopped" if stopped else "interrupted", **times)
        self._store_progress(facts)
        if ended["timed_out"]:
            limit = facts["max_runtime_seconds"]
            why = f"It ran longer than max_runtime_seconds ({limit} s) and was stopped"
            return TrainingState(status="failed", failure=why, **times)
        if ended["code"] == 0 and (job.with_suffix(".stored").exists() or any((root / "model").glob("*"))):
            self._store_model(job, facts)
            return TrainingState(status="completed", **times)
        if stopped:
            return TrainingState(status="stopped", **times)
        if ended["code"] == 0 or job.with_suffix(".pause").exists():
            return TrainingState(status="interrupted", **times)
        return TrainingState(status="failed", failure=_failure(root, Path(facts["log"]), ended["code"]), **times)

    def _store_progress(self, facts: dict[str, Any]) -> None:
        """progress.jsonl and the small files of `result/`, where they have changed."""
        checkpoints = Path(facts["folder"]) / "opt" / "ml" / "checkpoints"
        for name in _PROGRESS:
            for path in sorted(p for p in (checkpoints / name, *(checkpoints / name).rglob("*")) if p.is_file()):
                key = f"{facts['files_prefix']}/checkpoints/{path.relative_to(checkpoints).as_posix()}"
                stored = self._files.info(key)
                if stored is None or stored.size != path.stat().st_size:
                    self._files.write(key, path.read_bytes(), content_type="application/json")

    def _store_model(self, job: Path, facts: dict[str, Any]) -> None:
        """Once: the files move from the tree into Files, where a model of SageMaker would lie."""
        with _lock(job.with_suffix(".storing"), None):
            if job.with_suffix(".stored").exists():
                return
            model = Path(facts["folder"]) / "opt" / "ml" / "model"
            for path in sorted(p for p in model.rglob("*") if p.is_file()):
                folder = f"{facts['files_prefix']}/output/{facts['job_id']}/output/model"
                key = f"{folder}/{path.relative_to(model).as_posix()}"
                with path.open("rb") as file:
                    self._files.write_stream(key, iter(lambda f=file: f.read(1 << 20), b""))  # type: ignore[misc]
                path.unlink()  # so that a model takes its room once, and a retry goes on where this ended
            job.with_suffix(".stored").touch()
            shutil.rmtree(model, ignore_errors=True)

    def _job(self, job_id: str) -> Path:
        return self._jobs / f"{job_id}.json"

    def _facts(self, job_id: str) -> dict[str, Any] | None:
        return _read(self._job(job_id))


@contextmanager
def _lock(path: Path, patience: float | None) -> Iterator[int | None]:
    """An open descriptor that holds the lock; None when another process holds it after so many seconds. None: wait for
    it. A child that inherits the descriptor keeps the lock."""
    if not path.parent.exists():
        yield None
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + (patience or 0.0)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if patience is None else fcntl.LOCK_NB))
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    yield None
                    return
                time.sleep(0.02)
        yield descriptor
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return found


def _name(files_prefix: str) -> str:
    """A run's folder: the last part of its prefix, its id."""
    return files_prefix.rstrip("/").rpartition("/")[2]


def _failure(root: Path, log: Path, code: int) -> str:
    """What the program said, else how it ended, with the end of its log."""
    try:
        said = (root / "output" / "failure").read_text("utf-8", "replace").strip()
    except OSError:
        said = ""
    if said:
        return redact(said[:FAILURE_CHARS])
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if code == -9:
        how += ", often because the memory is used up: a smaller batch, sequence or model needs less"
    last = _last_line(log)
    return redact(f"The training program {how}" + (f": {last}" if last else ""))[:FAILURE_CHARS]


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")

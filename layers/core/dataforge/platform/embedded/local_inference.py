"""The Inference port of one machine: a process for each base model, kept loaded as long as it is used.

    <home>/inference/owner.lock            held by the server as long as it lives
    <home>/inference/models/<model>/       the files of a trained model, hard links to those in Files
    <home>/inference/<process>/            one process: see `model_keeper`
    <home>/inference/<process>/start.lock  held while one is started or ended
    <home>/inference/<process>/alive.lock  held as long as it lives

A model with an adapter is answered by the process of its base model, which has every adapter that was asked for: to
change from one to another takes no loading. A model without one is a process of its own. The server and its workers
use the same processes; each has a token, without which it answers nobody.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataforge import log, settings
from dataforge.errors import Conflict, ModelLoading, NotConfigured
from dataforge.platform.embedded import model_keeper
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.platform.embedded.training_environment import interpreter, program_environment
from dataforge.platform.ports import ModelAddress, ServedModel

logger = logging.getLogger(__name__)

MOST_PROCESSES = 2
"""Loaded at the same time; the one that was not used for the longest time makes room for another."""
LOOK_EVERY = 0.03
END_SECONDS = model_keeper.GRACE + 5
RETRY_SECONDS = 5.0
NOT_LOADABLE = "MODEL_NOT_LOADABLE"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a process must have."""

    name: str
    """Of the process: the same for the same model."""
    arguments: tuple[str, ...]
    adapters: Mapping[str, str] = field(default_factory=dict)
    """Name -> folder."""


class LocalInference:
    """home: the data folder. Safe to use from many threads and processes at once."""

    def __init__(self, home: Path, files: LocalFiles) -> None:
        self._home, self._files = home / "inference", files
        self._owner: int | None = None

    def open(self) -> None:
        """For the server: processes end once whoever called this has ended."""
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._owner = os.open(self._home / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._owner, fcntl.LOCK_EX)

    def close(self) -> None:
        """For the server: end every process, and wait for their ends."""
        for folder in self._processes():
            (folder / "stop").touch()
        for folder in self._processes():
            _wait(lambda folder=folder: not _is_alive(folder), END_SECONDS)  # type: ignore[misc]
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None

    def missing(self) -> str | None:
        if settings.get().serving_program or interpreter():
            return None
        return (
            "This machine has no environment to answer with a trained model: run `make .tools/training/.ready` in the "
            "checkout, or name a Python with the training libraries in DATAFORGE_TRAINING_PYTHON"
        )

    def set_up(self, model: ServedModel) -> None:  # noqa: ARG002 - there is nothing to make
        if lacks := self.missing():
            raise NotConfigured(lacks)

    def prepare(self, model: ServedModel, *, base: bool = False) -> ModelAddress:
        self.set_up(model)
        wanted = self._wanted(model, base=base)
        folder = self._home / wanted.name
        deadline = time.monotonic() + settings.get().serving_wait
        with _held(folder / "start.lock", deadline) as held:
            if not held:
                raise _loading(model)
            if not _serves(folder, wanted):
                self._make_room(folder)
                _start(folder, wanted, self._home / "owner.lock")
        (folder / "used").touch()
        _wait(lambda: (folder / "ready.json").exists() or not _is_alive(folder), deadline - time.monotonic())
        ready, config = _read(folder / "ready.json"), _read(folder / "config.json")
        if ready and config:
            log.hide(config["token"])
            adapter = model.key if wanted.adapters else None
            url = f"http://127.0.0.1:{ready['port']}/invocations"
            return ModelAddress(service="local", url=url, token=config["token"], adapter=adapter)
        if not _is_alive(folder) and (failed := _read(folder / "failed.json")):
            message = log.redact(failed["message"])
            raise Conflict(f"The model cannot be loaded: {message}", code=NOT_LOADABLE)
        raise _loading(model)

    def remove(self, model: ServedModel) -> None:
        """The process of its base goes on for other adapters."""
        own = self._home / _name_of(f"model {model.key}")
        with _held(own / "start.lock", time.monotonic() + END_SECONDS, only_if_there=True):
            if own.exists():
                _stop(own)
                shutil.rmtree(own, ignore_errors=True)
        shutil.rmtree(self._home / "models" / model.key, ignore_errors=True)

    def folder(self, model: ServedModel) -> Path:
        return self._folder_of(model.files_prefix, model.key)

    def _wanted(self, model: ServedModel, *, base: bool) -> _Wanted:
        if not base and (not self._has_adapter(model) or _is_gone(model)):
            folder = self.folder(model)
            return _Wanted(_name_of(f"model {model.key}"), ("--model", str(folder)))
        place = identity = model.base_model
        if model.base_prefix:
            identity = self._content_of(model.base_prefix)
            place = str(self._folder_of(model.base_prefix, f"base-{_name_of(identity)}"))
        adapters = {}
        if not base:
            adapters = {model.key: str(self.folder(model) / "adapter")}
        return _Wanted(_name_of(f"base {identity}"), ("--base", place), adapters)

    def _has_adapter(self, model: ServedModel) -> bool:
        return self._files.info(f"{model.files_prefix}/adapter/adapter_config.json") is not None

    def _content_of(self, prefix: str) -> str:
        """The same for the same files, wherever they were staged."""
        prefix = f"{prefix.rstrip('/')}/"
        return "\n".join(f"{info.key.removeprefix(prefix)} {info.etag}" for info in self._files.list(prefix))

    def _folder_of(self, prefix: str, name: str) -> Path:
        """A folder with the files under the prefix: links, which take no room."""
        folder = self._home / "models" / name
        if (folder / ".complete").exists():
            return folder
        prefix = f"{prefix.rstrip('/')}/"
        for info in self._files.list(prefix):
            self._files.link(info.key, folder / info.key.removeprefix(prefix))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".complete").touch()
        return folder

    def _processes(self) -> list[Path]:
        return [path.parent for path in self._home.glob("*/config.json")]

    def _make_room(self, wanted: Path) -> None:
        others = [folder for folder in self._processes() if folder != wanted and _is_alive(folder)]
        others.sort(key=_last_use)
        for folder in others[: max(0, len(others) - MOST_PROCESSES + 1)]:
            logger.info("the model of %s is unloaded to make room for another", folder.name)
            _stop(folder)


def _is_gone(model: ServedModel) -> bool:
    """The base model was a folder that is not there any more; the merged weights are."""
    return not model.base_prefix and os.path.isabs(model.base_model) and not os.path.exists(model.base_model)


def _serves(folder: Path, wanted: _Wanted) -> bool:
    """A process lives that has, or is about to have, what is wanted."""
    config = _read(folder / "config.json") or {}
    has = config.get("adapters", {})
    return _is_alive(folder) and not (folder / "stop").exists() and wanted.adapters.items() <= has.items()


def _start(folder: Path, wanted: _Wanted, owner: Path) -> None:
    """Under the start lock. One that lives ends first: it has not got the adapter that is asked for now."""
    before = (_read(folder / "config.json") or {}).get("adapters", {})
    if _is_alive(folder):
        _stop(folder)
    for name in ("ready.json", "failed.json", "stop"):
        (folder / name).unlink(missing_ok=True)
    adapters = {**{name: place for name, place in before.items() if Path(place).exists()}, **wanted.adapters}
    program = settings.get().serving_program
    start = shlex.split(program) if program else [str(interpreter()), "-m", "dataforge_training"]
    named = [part for name, place in adapters.items() for part in ("--adapter", f"{name}={place}")]
    config = {
        "command": [*start, "serve", *wanted.arguments, *named],
        "environment": program_environment(),
        "adapters": adapters,
        "token": secrets.token_urlsafe(32),
        "idle_seconds": settings.get().serving_idle,
    }
    draft = folder / "config.draft"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(config, file)
    draft.replace(folder / "config.json")
    (folder / "used").touch()
    lock = os.open(folder / "alive.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        keeper = [sys.executable, "-m", model_keeper.__name__, str(folder), str(lock), str(owner)]
        nothing = subprocess.DEVNULL
        subprocess.run(
            keeper, check=True, pass_fds=(lock,), start_new_session=True, stdin=nothing, stdout=nothing, stderr=nothing
        )
    finally:
        os.close(lock)


def _stop(folder: Path) -> None:
    (folder / "stop").touch()
    _wait(lambda: not _is_alive(folder), END_SECONDS)


def _loading(model: ServedModel) -> ModelLoading:
    return ModelLoading(f"The model {model.key} is being loaded; try again in a moment", retry_after=RETRY_SECONDS)


def _name_of(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:20]


def _last_use(folder: Path) -> float:
    try:
        return (folder / "used").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _is_alive(folder: Path) -> bool:
    try:
        with (folder / "alive.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


@contextmanager
def _held(path: Path, deadline: float, *, only_if_there: bool = False) -> Iterator[bool]:
    """Whether the lock was had before the deadline (time.monotonic())."""
    if only_if_there and not path.parent.exists():
        yield False
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a") as file:
        yield _wait(lambda: _locks(file.fileno()), deadline - time.monotonic())


def _locks(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _wait(is_done: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK_EVERY)
    return True


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return found

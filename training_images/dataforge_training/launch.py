"""Starts the job: in this process, or with torchrun where several GPUs or several machines share it."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from dataforge_training import config as configs
from dataforge_training.errors import ConfigError
from dataforge_training.folders import Folders, hosts
from dataforge_training.progress import Progress

PORT = 29400
"""Where the processes of several machines meet."""
GRACE_S = 110
"""SageMaker kills a container 120 s after SIGTERM."""


def launch(folders: Folders) -> int:
    """Runs the job to its end; returns the exit status (0: finished or interrupted)."""
    leave_quietly(folders)
    is_worker = "LOCAL_RANK" in os.environ
    if not is_worker:
        folders.failure.unlink(missing_ok=True)
    try:
        config = configs.read(folders.config)
        if config.provider == "unsloth" and not installed("unsloth"):
            raise ConfigError("provider: unsloth is not installed here; it needs the image training_images/unsloth")
    except ConfigError as error:
        folders.fail(str(error))
        print(f"failed: {error}", flush=True)
        return 1
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not config.network:
        os.environ["HF_HUB_OFFLINE"] = "1"
    processes = 1 if is_worker else config.processes or gpus(config.device)
    machines = hosts(folders)
    if is_worker or processes * len(machines.names) == 1:
        return work(config, folders)
    where = ["--standalone"] if len(machines.names) == 1 else meeting(machines.names, machines.rank)
    return torchrun([*where, "--nproc-per-node", str(processes)], folders)


def work(config: configs.Config, folders: Folders) -> int:
    """Runs the job in this process. A library that cannot be imported is a failure with a reason, too."""
    try:
        if config.provider == "unsloth":
            importlib.import_module("unsloth")  # it patches the libraries that are imported below
        from dataforge_training.train import train
    except Exception as error:
        folders.fail(f"the training libraries cannot be loaded: {type(error).__name__}: {error}")
        raise
    return train(folders)


def installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def leave_quietly(folders: Folders) -> None:
    """SIGTERM before anything has begun: the first process of a container would else ignore it."""

    def leave(_number: int, _frame: object) -> None:
        progress = Progress(folders.checkpoints / "progress.jsonl", active=True, memory_mb=lambda: 0.0)
        progress.write(stage="loading", message="interrupted")
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)


def gpus(device: str) -> int:
    """Processes for this machine: one per GPU."""
    if device == "cpu":
        return 1
    import torch

    return max(1, int(torch.cuda.device_count()))


def meeting(names: tuple[str, ...], rank: int) -> list[str]:
    """Arguments of torchrun by which the machines of a job find each other: at the first one."""
    return [
        *("--nnodes", str(len(names)), "--node-rank", str(rank)),
        *("--master-addr", names[0], "--master-port", str(PORT)),
    ]


def torchrun(arguments: list[str], folders: Folders) -> int:
    """One process per GPU, ended together; SIGTERM is passed on to all of them."""
    package = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    command = [
        *(sys.executable, "-m", "torch.distributed.run", *arguments, "--shutdown-timeout", str(GRACE_S)),
        *("-m", "dataforge_training", "train", "--root", str(folders.root)),
    ]
    running = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})
    asked: list[int] = []

    def pass_on(number: int, _frame: Any) -> None:
        asked.append(number)
        running.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    status = running.wait()
    if asked and not folders.failure.exists():
        return 0
    if status and not folders.failure.exists():
        folders.fail(f"a process of the training ended without a word (exit status {status}): see the log")
    return 1 if status else 0

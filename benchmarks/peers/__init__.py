"""Other tools that write datasets with a language model, each in an environment of its own under `.tools/peers/`.

A module here drives one of them by its public interface: the same passages, one question-answer call for each, the
same concurrency, against the same stub. It runs in the tool's own environment, so this package imports the standard
library only. `NAME.txt` pins what `make .tools/peers/NAME/.ready` installs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PEERS = {
    "data-designer": "data_designer",
    "bespokelabs-curator": "curator",
    "distilabel": "distilabel",
    "synthetic-data-kit": "synthetic_data_kit",
}
"""By the name of their package: the module that drives them."""
ROOT = Path(__file__).parents[2]
QUIET = {
    "NEMO_TELEMETRY_ENABLED": "false",
    "TELEMETRY_ENABLED": "false",
    "LITELLM_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
"""No telemetry, and nothing fetched from a hub: what differs between runs should be the tools."""
TOKENIZERS = ".tools/peers/bespokelabs-curator/lib/python*/site-packages/litellm/litellm_core_utils/tokenizers"
"""Ranks of an encoding that two tools count tokens with and would fetch; a package of one of them carries it."""


@dataclass(frozen=True)
class Task:
    """What a tool is asked for; it travels as JSON."""

    url: str
    """Of the stub, with `/v1`."""
    passages: list[str]
    concurrency: int
    folder: str
    """Everything the tool writes; given again, the tool may go on where it stopped."""
    resumable: bool = False
    """Set up to lose little when it is killed, where that is a setting that costs speed."""


def python(name: str) -> Path:
    return ROOT / ".tools" / "peers" / name / "bin" / "python"


@contextmanager
def started(name: str, task: Task) -> Iterator[subprocess.Popen[str]]:
    """The tool at work; its last line of output is the report of `driving.drive`."""
    home = Path(task.folder) / "home"
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OPENAI_BASE_URL": task.url,
        "OPENAI_API_KEY": "not-needed",
        "TIKTOKEN_CACHE_DIR": next(map(str, ROOT.glob(TOKENIZERS)), ""),
        **QUIET,
    }
    command = [str(python(name)), "-m", f"benchmarks.peers.{PEERS[name]}"]
    with (Path(task.folder) / "log.txt").open("a") as log:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert child.stdin is not None
    child.stdin.write(json.dumps(asdict(task)))
    child.stdin.close()
    child.stdin = None  # it has everything: `communicate` has nothing to add
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # and what it may have left behind
        child.wait()


def run(name: str, task: Task, limit: float = 300) -> dict[str, Any]:
    """version, wall (seconds without imports), rows (well-formed), malformed (kept though they are not), outside (other
    hosts it wanted and did not get). Raises RuntimeError with the end of its log, TimeoutExpired after `limit`."""
    with started(name, task) as child:
        output, _ = child.communicate(timeout=limit)
    if child.returncode:
        raise RuntimeError(f"{name}: exit {child.returncode}\n" + (Path(task.folder) / "log.txt").read_text()[-2000:])
    report: dict[str, Any] = json.loads(output.splitlines()[-1])
    return report

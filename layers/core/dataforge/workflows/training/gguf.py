"""A trained model as one GGUF file, for llama.cpp, Ollama and LM Studio: made by llama.cpp's own converter."""

from __future__ import annotations

import ctypes
import shlex
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dataforge import settings
from dataforge.errors import Conflict, NotConfigured
from dataforge.log import redact
from dataforge.platform import current
from dataforge.store import trained_models
from dataforge.store.trained_models import TrainedModel
from dataforge.teachers import trained_catalogue
from dataforge.workflows.training.background import Background

HOLDER, HOLD_SECONDS = "export", 6 * 3600
WAIT_SECONDS = 20.0
"""How long a request waits for the file."""
FAILED = "EXPORT_FAILED"
_PR_SET_PDEATHSIG = 1

_conversions: Background[str] = Background()


@dataclass(frozen=True, slots=True)
class GgufFile:
    key: str
    filename: str
    size_bytes: int


def export(org_id: str, model_id: int, precision: str) -> GgufFile | None:
    """precision: f32, f16, bf16, q8_0 or auto. None: it is still being made, ask again.

    Raises NotFound, NotConfigured without a converter, Conflict (EXPORT_FAILED) with the converter's last words.
    """
    model = trained_models.get(org_id, model_id)
    served = trained_catalogue.served(model)
    key = f"{model.files_prefix}/gguf/model-{precision}.gguf"
    found = current().files.info(key)
    if found is None:
        folder = current().inference.folder(served)
        if not settings.get().gguf_converter:
            raise NotConfigured(
                "There is no GGUF converter here: set DATAFORGE_GGUF_CONVERTER to the command that runs llama.cpp's "
                "convert_hf_to_gguf.py, such as `/opt/llama.cpp/.venv/bin/python /opt/llama.cpp/convert_hf_to_gguf.py`"
            )
        done = _conversions.result(key, lambda: _convert(model, folder, key, precision), wait=WAIT_SECONDS)
        found = current().files.info(key) if done else None
    return GgufFile(key, f"{model.name}-{precision}.gguf", found.size) if found else None


def _convert(model: TrainedModel, folder: Path, key: str, precision: str) -> str:
    trained_models.hold(model, HOLDER, HOLD_SECONDS)
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent) as place:
            out = Path(place) / "model.gguf"
            command = shlex.split(settings.get().gguf_converter)
            ended = subprocess.run(
                [*command, str(folder / "merged"), "--outfile", str(out), "--outtype", precision],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=HOLD_SECONDS,
                preexec_fn=_die_with_parent,
                check=False,
            )
            if ended.returncode or not out.exists():
                raise Conflict(_why(ended), code=FAILED)
            with out.open("rb") as file:
                current().files.write_stream(key, iter(lambda: file.read(1 << 20), b""))
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Conflict(f"The GGUF converter cannot be run: {redact(str(problem))}", code=FAILED) from None
    finally:
        trained_models.release(model, HOLDER)
    return key


def _why(ended: subprocess.CompletedProcess[bytes]) -> str:
    lines = [line.strip() for line in ended.stdout.decode("utf-8", "replace").split("\n") if line.strip()]
    last = redact(lines[-1][:500]) if lines else "it said nothing"
    return f"The GGUF converter ended with exit code {ended.returncode}: {last}"


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

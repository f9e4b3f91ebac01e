"""The Python with the training libraries on this machine, and the environment that its processes get."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from dataforge import settings

_ROOT = Path(__file__).parents[5]
_SECRET = ("_API_KEY", "_SECRET", "_SECRET_ACCESS_KEY", "_SESSION_TOKEN", "_PASSWORD")
"""Ends of environment variables that they do not get; HF_TOKEN they need for gated models."""


def interpreter() -> str | None:
    """The Python that has the training libraries: the setting, this one, or the checkout's own environment."""
    if chosen := settings.get().training_python:
        return chosen
    if importlib.util.find_spec("torch") is not None:
        return sys.executable
    beside = _ROOT / ".tools" / "training" / "bin" / "python"
    return str(beside) if beside.exists() else None


def program_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith(_SECRET)}
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONPATH": python_path()}


def python_path() -> str:
    """Whatever it is, with the training package of the checkout, else with that of the installed server."""
    installed = Path(__file__).parents[3] / "dataforge_infra" / "training_images"
    images = next((str(p) for p in (_ROOT / "training_images", installed) if p.exists()), "")
    parts = [os.environ.get("PYTHONPATH", ""), str(_ROOT / "layers" / "core"), images]
    return os.pathsep.join(part for part in parts if part)

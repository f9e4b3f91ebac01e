"""Real documents of other people's making, outside the repository; see `manifest.csv` beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.paths import SHARED_CORPUS

DOCUMENTS = SHARED_CORPUS / "documents"


def present(path: Path) -> Path:
    """Skips the test, loudly, where the path is absent; under CI=true its absence is a failure."""
    if path.exists():
        return path
    if os.environ.get("CI") == "true":
        pytest.fail(f"{path} of the corpus is missing")
    pytest.skip(f"NOT CHECKED: {path} of the corpus is missing")


def document(name: str) -> Path:
    return present(DOCUMENTS / name)


def truth(name: str) -> str:
    return document(f"truth/{name}.md").read_text("utf-8")

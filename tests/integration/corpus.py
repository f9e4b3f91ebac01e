"""Real documents of other people's making, outside the repository; see `manifest.csv` beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DOCUMENTS = Path(__file__).parents[3] / "shared" / "corpus" / "documents"


def document(name: str) -> Path:
    """Skips the test, loudly, where the corpus is absent; under CI=true its absence is a failure."""
    path = DOCUMENTS / name
    if path.is_file():
        return path
    if os.environ.get("CI") == "true":
        pytest.fail(f"the corpus document {path} is missing")
    pytest.skip(f"NOT CHECKED: the corpus document {path} is missing")


def truth(name: str) -> str:
    return document(f"truth/{name}.md").read_text("utf-8")

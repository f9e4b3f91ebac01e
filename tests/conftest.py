"""Property tests: no time limits on a shared machine; in CI the same examples every time, elsewhere new ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

pytest.register_assert_rewrite("tests.support")
collect_ignore = ["training"]  # needs the training libraries: `make test-training`


def pytest_configure() -> None:
    from tests.support.library_patches import speed_up_moto

    speed_up_moto()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whole slow files are not even collected where they are left out: thinking of requests takes seconds."""
    return True if collection_path.name.endswith("_long.py") and "not slow" in config.option.markexpr else None

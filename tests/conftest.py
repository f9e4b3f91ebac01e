"""Property tests: no time limits on a shared machine; in CI the same examples every time, elsewhere new ones."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader
from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

read_description = JSONFileLoader._load_file


@cache
def _once(full_path: str, open_method: Any) -> Any:
    return read_description(JSONFileLoader(), full_path, open_method)


# Every test on moto has a session of its own, which would read the same descriptions of AWS again: 0.7 s of CPU.
JSONFileLoader._load_file = lambda _, full_path, open_method: _once(full_path, open_method)  # type: ignore[method-assign]

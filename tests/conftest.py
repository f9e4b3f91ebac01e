"""Property tests: no time limits on a shared machine; in CI the same examples every time, elsewhere new ones."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests import speed

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

speed.plug_in()

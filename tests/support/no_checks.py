"""For tests of the engine, whose scripted records nobody would accept: a run without the checks of single records."""

from __future__ import annotations

from dataforge.quality.checks import CHECKS

NO_CHECKS: dict[str, str] = dict.fromkeys(CHECKS, "off")
"""For `config.checks`."""

"""Where things stand in the repository."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
DOCS = ROOT / "docs"
EXAMPLES = ROOT / "examples"
HANDBOOK = EXAMPLES / "handbook"
"""Example documents of six formats."""
INFRA = ROOT / "dataforge_infra"
SHARED_CORPUS = ROOT.parent / "shared" / "corpus"
"""Real documents of other people's making; not part of the repository."""

"""Runs the smoke suite on the Python of the functions; exits 0 with a sentence where no such Python can be had."""

from __future__ import annotations

import sys

from tests.runtime.interpreters import VERSION, NotPossible, in_debian, in_environment, installed
from tests.support.paths import ROOT

SMOKE = (
    "tests/runtime",
    "tests/unit/text",
    "tests/unit/recipes",
    "tests/unit/quality",
    "tests/unit/parsing",
    "tests/unit/docs/test_example_handbook.py",
    "tests/integration/parsing/test_document_formats.py",
    "tests/e2e/test_run_command.py::test_the_demo_makes_a_hundred_pairs_without_any_network",
)
"""Every handler, every parser, the pure packages, and one run from documents to a dataset."""
PLACE = ROOT / ".tools/runtime"


def main(arguments: list[str]) -> int:
    """`--debian` takes the Debian also where an interpreter is installed."""
    program = ["-m", "pytest", "-n", "2", "-p", "no:cacheprovider", "-m", "not slow and not deploy", *SMOKE]
    python = None if "--debian" in arguments else installed()
    try:
        if python:
            print(f"Python {VERSION}: {python}", flush=True)
            return in_environment(python, PLACE / "venv", program)
        print(f"Python {VERSION} is not installed; it is run in a Debian in {PLACE / 'debian'}", flush=True)
        return in_debian(PLACE / "debian", program)
    except NotPossible as error:
        print(f"Skipped: Python {VERSION}, which the functions run on, is not installed here; {error}.", flush=True)
        return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

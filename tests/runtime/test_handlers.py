"""Every function of the deployment is imported as Lambda does it: by the name that the catalog has."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dataforge_infra import catalog
from tests.support.paths import ROOT


@pytest.mark.parametrize("name", catalog.FUNCTIONS)
def test_the_handler_of_every_function_is_imported(name: str) -> None:
    module, attribute = catalog.FUNCTIONS[name].handler.rsplit(".", 1)
    program = f"import importlib; assert callable(importlib.import_module({module!r}).{attribute})"

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={"AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    )

    assert done.returncode == 0, done.stderr

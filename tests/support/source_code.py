"""The syntax trees of source files, parsed once for all tests of structure."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path


@cache
def tree_of(path: Path) -> ast.Module:
    """Without garbage collection meanwhile: Python 3.11 counts the depth of a tree wrongly when a collection runs
    finalizers while it is built, and raises SystemError (python/cpython issue 106905)."""
    text = path.read_text("utf-8")
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        gc.enable()

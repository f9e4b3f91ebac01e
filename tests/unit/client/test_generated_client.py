"""The synchronous client is what the program makes of the asynchronous one."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PROGRAM = ROOT / "client/generate_sync.py"


@pytest.fixture
def synchronous() -> Callable[[str], str]:
    function: Callable[[str], str] = runpy.run_path(str(PROGRAM))["synchronous"]
    return function


def test_no_generated_file_is_out_of_date() -> None:
    done = subprocess.run([sys.executable, PROGRAM, "--check"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_was_edited_or_lost_or_has_no_source_is_found(tmp_path: Path) -> None:
    code = """if True:
        import pathlib, sys
        sys.path.insert(0, sys.argv[1])
        import generate_sync as g
        g.PACKAGE, g.SOURCE = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[2], "aio")
        g.main([]); assert g.out_of_date() == []
        (g.PACKAGE / "part/a.py").write_text("edited = 1"); (g.PACKAGE / "part/b.py").unlink()
        (g.PACKAGE / "part/c.py").touch()
        print(*(p.name for p in g.out_of_date()))
    """
    (tmp_path / "aio/part").mkdir(parents=True)
    (tmp_path / "aio/part/a.py").write_text("async def a() -> None:\n    await b()\n")
    (tmp_path / "aio/part/b.py").write_text("b = 1\n")

    done = subprocess.run(
        [sys.executable, "-c", code, PROGRAM.parent, tmp_path], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["a.py", "b.py", "c.py"]


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("async def f() -> int:\n    return await g()\n", "def f() -> int:\n    return g()\n"),
        ("async with a as b:\n    pass\n", "with a as b:\n    pass\n"),
        ("x: Callable[[int], Awaitable[Page[T]]]\n", "x: Callable[[int], Page[T]]\n"),
        ("from dataforge_client.aio.files import f\n", "from dataforge_client.files import f\n"),
        ("from dataforge_client.aio import files\n", "from dataforge_client import files\n"),
        ("c: httpx.AsyncClient = AsyncRetry()\n", "c: httpx.Client = Retry()\n"),
        ("async def __aenter__(self): ...\n", "def __enter__(self): ...\n"),
        ('"""`AsyncDataForge` waits."""  # await\n', '"""`DataForge` waits."""  # await\n'),
        ('said = "async, await, aclose"\n', 'said = "async, await, aclose"\n'),
    ],
)
def test_code_without_async(synchronous: Callable[[str], str], source: str, made: str) -> None:
    assert synchronous(source) == made

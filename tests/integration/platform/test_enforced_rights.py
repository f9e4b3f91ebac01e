"""What the tests on AWS enforce of the roles: see `tests/support/enforced_rights.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataforge import platform
from tests.support.embedded_platform import embedded_platform
from tests.support.enforced_rights import Watch

ORG = {"org_id": "org_1", "item": "org"}
RUN = {"org_id": "org_1", "run_id": "gen_1"}


def write(key: str) -> Any:
    return lambda: platform.current().files.write(key, b"x")


@pytest.mark.parametrize(
    ("function", "act", "said"),
    [
        ("parse_document", write("data-forge/u/proj_1/parsed/doc_1/0.txt"), None),
        ("parse_document", write("data-forge/u/proj_1/exports/1/data.jsonl"), "write of data-forge/u/proj_1/exports"),
        ("generate_batch", write("data-forge/synthetic/org_1/runs/syn_1/part.json"), None),
        ("generate_batch", write("data-forge/u/proj_1/sources/a.md"), "write of data-forge/u/proj_1/sources"),
        ("socket", write("data-forge/u/proj_1/runs/gen_1/a"), "write of a file"),
        ("socket", lambda: platform.current().tables.get("runs", RUN), None),
        ("socket", lambda: platform.current().tables.put("runs", {**RUN}), "put on the table runs"),
        ("generate_batch", lambda: platform.current().tables.get("orgs", ORG), "get on the table orgs"),
        ("close_run", lambda: platform.current().workflows.describe("erase", "gen_1"), "describe of erase"),
    ],
)
def test_what_a_role_does_not_allow_is_recorded(tmp_path: Path, function: str, act: Any, said: str | None) -> None:
    watch = Watch()
    with embedded_platform(tmp_path):
        platform.use(watch.platform(platform.current()))
        watch.handler(function, lambda *_: act())({}, None)

    if said is None:
        assert watch.violations == set()
    else:
        assert any(found.startswith(f"{function}: {said}") for found in watch.violations)

"""Every file of a synthetic job loads with the `datasets` library, offline, with one schema in all its parts."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from dataforge import platform
from dataforge.store.runs import Run
from dataforge.workflows import runs as flow
from tests.integration.synthetic_cases import EVERY_BODY
from tests.integration.test_synthetic_engine import Forge, forge, lines  # noqa: F401  the fixture

pytestmark = pytest.mark.slow

EVERY_FIELD = {"schema": "instruction_v1", "domain": "harbours", "count": 24, "model": "balanced", "advanced": {
    "categories": {"fees": {"percentage": 50}, "tides": {"percentage": 50}},
    "hard_negatives": {"enabled": True, "percentage": 25},
    "invariants": [{"rule": "Always name the office", "enforcement": "soft"}],
    "output_split": {"train": 75, "test": 25},
    "metadata_fields": [
        {"name": "id", "type": "auto_increment", "prefix": "cs_"}, {"name": "n", "type": "auto_increment"},
        {"name": "category", "type": "from_category"}, {"name": "uid", "type": "uuid"},
        {"name": "text", "type": "constant", "value": "x"}, {"name": "flag", "type": "constant", "value": True},
        {"name": "share", "type": "constant", "value": 0.5}, {"name": "clarity", "type": "llm_assessed"}],
}}
BODIES: dict[str, dict[str, Any]] = {**EVERY_BODY, "every_metadata_field": EVERY_FIELD}


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library, kept from the network and from the user's cache; its own warnings are not ours."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield pytest.importorskip("datasets", reason="uv sync --group loading, as `make test-slow` does")


def saved(run: Run, folder: Path) -> dict[str, Path]:
    """The run's results and splits as files, by their names."""
    found = {}
    for name, facts in run.results["files"].items():
        path = folder / f"{name.replace('/', '-')}.jsonl"
        path.write_bytes(platform.current().files.read(facts["key"]))
        found[name] = path
    return found


def told(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the one value that the library turns into a type of its own: `generated_at` becomes a timestamp."""
    return [{**r, "provenance": {k: v for k, v in r["provenance"].items() if k != "generated_at"}} for r in records]


# checklist 130
@pytest.mark.parametrize("name", BODIES)
def test_every_file_loads_with_one_schema(forge: Forge, datasets: Any, tmp_path: Path, name: str) -> None:  # noqa: F811
    body = {**BODIES[name], "count": min(BODIES[name]["count"], 60)}
    run = forge.run(**{"model": None, **body})

    loaded = {
        part: datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
        for part, path in saved(run, tmp_path).items()
    }

    whole = loaded.pop("results")
    assert len(whole) == run.delivered
    assert told(whole.to_list()) == told(lines(run))
    assert set(loaded) == {f"splits/{s}" for s in body.get("advanced", {}).get("output_split", ())}
    for part in loaded.values():
        assert part.features == whole.features
    if loaded:
        together = [r for part in loaded.values() for r in part.to_list()]
        assert sorted(map(str, together)) == sorted(map(str, whole.to_list()))
    assert flow.read_json(run, "manifest.json") is not None

"""Every file of a synthetic job loads with the `datasets` library, offline, with one schema in all its parts."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from dataforge import platform
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge_client.dataset_card import render_card
from tests.support.synthetic_api import EVERY_BODY
from tests.support.synthetic_runs import SyntheticHarness, lines

pytestmark = pytest.mark.slow

EVERY_FIELD = {
    "schema": "instruction_v1",
    "domain": "harbours",
    "count": 24,
    "model": "balanced",
    "advanced": {
        "categories": {"fees": {"percentage": 50}, "tides": {"percentage": 50}},
        "hard_negatives": {"enabled": True, "percentage": 25},
        "invariants": [{"rule": "Always name the office", "enforcement": "soft"}],
        "output_split": {"train": 75, "test": 25},
        "metadata_fields": [
            {"name": "id", "type": "auto_increment", "prefix": "cs_"},
            {"name": "n", "type": "auto_increment"},
            {"name": "category", "type": "from_category"},
            {"name": "uid", "type": "uuid"},
            {"name": "text", "type": "constant", "value": "x"},
            {"name": "flag", "type": "constant", "value": True},
            {"name": "share", "type": "constant", "value": 0.5},
            {"name": "clarity", "type": "llm_assessed"},
        ],
    },
}
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


def saved(run: Run, folder: Path) -> dict[str, Any]:
    """The run's files as `dataforge synth` saves them, with their card; its manifest."""
    (folder / "splits").mkdir(parents=True)
    for name, facts in run.results["files"].items():
        (folder / f"{name}.jsonl").write_bytes(platform.current().files.read(facts["key"]))
    manifest = run_files.read_json(run, "manifest.json")
    assert manifest is not None
    (folder / "README.md").write_text(render_card(manifest))
    return manifest


def plain_values(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the one value that the library turns into a type of its own: `generated_at` becomes a timestamp."""
    return [{**r, "provenance": {k: v for k, v in r["provenance"].items() if k != "generated_at"}} for r in records]


# checklist 130
@pytest.mark.parametrize("name", BODIES)
def test_the_saved_folder_loads_with_one_schema(
    harness: SyntheticHarness, datasets: Any, tmp_path: Path, name: str
) -> None:
    body = {**BODIES[name], "count": min(BODIES[name]["count"], 60)}
    run = harness.run(**{"model": None, **body})
    manifest = saved(run, tmp_path / "made")
    features = datasets.Features.from_dict(manifest["features"])

    loaded = datasets.load_dataset(str(tmp_path / "made"), cache_dir=str(tmp_path / "cache"))
    whole = datasets.load_dataset(
        "json",
        data_files=str(tmp_path / "made/results.jsonl"),
        features=features,
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )

    assert set(loaded) == set(body.get("advanced", {}).get("output_split", ("train",)))
    assert {name: part.features for name, part in loaded.items()} == dict.fromkeys(loaded, features)
    assert whole.features == features
    assert len(whole) == run.delivered
    assert plain_values(whole.to_list()) == plain_values(lines(run))
    together = [r for part in loaded.values() for r in part.to_list()]
    assert sorted(map(str, together)) == sorted(map(str, whole.to_list()))


def test_a_split_in_which_no_record_is_hard_still_knows_the_column(
    harness: SyntheticHarness,
    datasets: Any,
    tmp_path: Path,
) -> None:
    body = {
        "schema": "instruction_v1",
        "domain": "harbours",
        "count": 12,
        "model": "balanced",
        "advanced": {"hard_negatives": {"enabled": True, "percentage": 9}, "output_split": {"train": 50, "test": 50}},
    }
    saved(harness.run(**body), tmp_path / "made")

    loaded = datasets.load_dataset(str(tmp_path / "made"), cache_dir=str(tmp_path / "cache"))

    hard = {name: sum(m["technique"] is not None for m in part["metadata"]) for name, part in loaded.items()}
    assert sorted(hard.values()) == [0, 1]
    assert loaded["train"].features == loaded["test"].features

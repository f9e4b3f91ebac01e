"""The files of a synthetic job in a folder: records, splits, quality report, manifest and dataset card."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge_client.cli.quality_pages import save_page
from dataforge_client.dataset_card import render_card
from dataforge_client.errors import NotFound

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.literals import Outcome


LOSSES: tuple[Outcome, ...] = ("rejected", "failed")


def save_losses(forge: DataForge, job_id: str, out: Path) -> dict[str, str]:
    """Write the rejected and the failed records with their reasons, if there are any. Returns name -> absolute path."""
    try:
        found = forge.synthetic_outcomes(job_id).files
    except NotFound:  # of an earlier release of the server
        return {}
    saved: dict[str, str] = {}
    for outcome in LOSSES:
        if outcome in found and found[outcome].lines:
            path = out / f"{outcome}.jsonl"
            forge.download_synthetic_outcome(job_id, outcome, path)
            saved[outcome] = str(path.absolute())
    return saved


def save_files(forge: DataForge, job_id: str, out: Path) -> dict[str, str]:
    """Write all files of an ended job to `out`. Returns name -> absolute path.

    Of a job that delivered nothing these are what `save_losses` writes. Raises NotFound when there is not even that.
    """
    lost = save_losses(forge, job_id, out)
    try:
        return {**_save_results(forge, job_id, out), **lost}
    except NotFound as nothing:
        if nothing.code != "NO_RESULTS" or not lost:
            raise
        return lost


def _save_results(forge: DataForge, job_id: str, out: Path) -> dict[str, str]:
    saved = {
        "results": out / "results.jsonl",
        "quality_report": out / "quality_report.json",
        "manifest": out / "manifest.json",
    }
    forge.download_synthetic(job_id, saved["results"])
    forge.download_synthetic_report(job_id, saved["quality_report"])
    forge.download_synthetic_manifest(job_id, saved["manifest"])
    try:
        splits = forge.download_synthetic_splits(job_id, out / "splits")
        saved |= {f"splits/{name}": path for name, path in splits.items()}
    except NotFound:
        pass
    if page := save_page(partial(forge.synthetic_report, job_id), out / "report.html"):
        saved["report"] = page
    saved["card"] = out / "README.md"
    saved["card"].write_text(render_card(json.loads(saved["manifest"].read_bytes())), encoding="utf-8")
    return {name: str(path.absolute()) for name, path in saved.items()}

"""The card of a saved dataset: README.md whose head tells the `datasets` library files, splits and column types."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def card(manifest: Json) -> str:
    """manifest: manifest.json of a synthetic job, its files lying beside the card as the command saves them.

    The head is YAML in its JSON form: no library is needed to write it.
    """
    splits = manifest.get("splits") or {}
    files = [{"split": re.sub(r"\W", "_", name), "path": f"splits/{name}.jsonl"} for name in splits]
    head: dict[str, object] = {
        "configs": [{"config_name": "default", "data_files": files or [{"split": "train", "path": "results.jsonl"}]}],
        "dataset_info": {"config_name": "default", "features": _columns(manifest.get("features") or {})},
    }
    if manifest.get("license"):
        head["license"] = manifest["license"]
    written = "\n".join(f"{name}: {json.dumps(value)}" for name, value in head.items())
    return f"---\n{written}\n---\n\n{_text(manifest, splits)}"


def _columns(features: Json) -> list[dict[str, object]]:
    return [{"name": name, **_column(one)} for name, one in features.items()]


def _column(feature: Json) -> dict[str, object]:
    if "_type" not in feature:
        return {"struct": _columns(feature)}
    if feature["_type"] == "List":
        return {"list": _inner(feature["feature"])}
    return {"dtype": feature["dtype"]}


def _inner(feature: Json) -> object:
    """Within a list a plain type stands alone, and named columns without the word `struct`."""
    column = _column(feature)
    return column.get("dtype") or column.get("struct") or column


def _text(manifest: Json, splits: Json) -> str:
    report, models = manifest.get("quality_report") or {}, manifest.get("models") or {}
    answered = ", ".join(f"{name} ({number:,})" for name, number in (models.get("answered") or {}).items())
    facts = {
        "Schema": manifest["schema"],
        "Records": f"{manifest['count_accepted']:,} accepted of {manifest['count_requested']:,} asked for",
        "Splits": ", ".join(f"{name} ({number:,})" for name, number in splits.items()),
        "Written by": answered or models.get("generator"),
        "Grade": report.get("overall_grade"),
        "Licence": manifest.get("license"),
        "Job": f"`{manifest['job_id']}`, completed {manifest['completed_at']}",
    }
    told = "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)
    title = " ".join(manifest["domain"].split())
    return (
        f"# {title}\n\nA synthetic dataset. `manifest.json` holds the whole request and the checksums, "
        "`quality_report.json` the\nmeasurements.\n\n"
        f'{told}\n\n    datasets.load_dataset("path/of/this/folder")\n'
    )

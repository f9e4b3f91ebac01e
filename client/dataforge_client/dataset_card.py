"""The dataset card of a saved dataset: a README.md whose YAML header lists files, splits and column types.

The `datasets` library reads the header (https://huggingface.co/docs/hub/datasets-cards).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def render_card(manifest: Json) -> str:
    """The text of README.md, for a folder with the files as `dataforge synth` saves them.

    manifest: manifest.json of a synthetic job. The header is written as JSON, which is valid YAML, so that no YAML
    library is needed.
    """
    splits = manifest.get("splits") or {}
    files = [{"split": re.sub(r"\W", "_", name), "path": f"splits/{name}.jsonl"} for name in splits]
    header: dict[str, object] = {
        "configs": [{"config_name": "default", "data_files": files or [{"split": "train", "path": "results.jsonl"}]}],
        "dataset_info": {"config_name": "default", "features": _columns(manifest.get("features") or {})},
    }
    if manifest.get("license"):
        header["license"] = manifest["license"]
    yaml = "\n".join(f"{name}: {json.dumps(value)}" for name, value in header.items())
    return f"---\n{yaml}\n---\n\n{_description(manifest, splits)}"


def _columns(features: Json) -> list[dict[str, object]]:
    return [{"name": name, **_column(feature)} for name, feature in features.items()]


def _column(feature: Json) -> dict[str, object]:
    if "_type" not in feature:
        return {"struct": _columns(feature)}
    if feature["_type"] == "List":
        return {"list": _list_item(feature["feature"])}
    return {"dtype": feature["dtype"]}


def _list_item(feature: Json) -> object:
    """The type inside a list: a plain type without `dtype`, named columns without `struct`."""
    column = _column(feature)
    return column.get("dtype") or column.get("struct") or column


def _description(manifest: Json, splits: Json) -> str:
    report, models = manifest.get("quality_report") or {}, manifest.get("models") or {}
    answered_by = ", ".join(f"{name} ({number:,})" for name, number in (models.get("answered") or {}).items())
    facts = {
        "Schema": manifest["schema"],
        "Records": f"{manifest['count_accepted']:,} accepted of {manifest['count_requested']:,} asked for",
        "Splits": ", ".join(f"{name} ({number:,})" for name, number in splits.items()),
        "Written by": answered_by or models.get("generator"),
        "Grade": report.get("overall_grade"),
        "Licence": manifest.get("license"),
        "Job": f"`{manifest['job_id']}`, completed {manifest['completed_at']}",
    }
    facts_list = "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)
    title = " ".join(manifest["domain"].split())
    return (
        f"# {title}\n\nA synthetic dataset. `manifest.json` holds the whole request and the checksums, "
        "`quality_report.json` the\nmeasurements.\n\n"
        f'{facts_list}\n\n    datasets.load_dataset("path/of/this/folder")\n'
    )

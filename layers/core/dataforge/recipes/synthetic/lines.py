"""From a checked record to the line of results.jsonl, and that line as the older and the current document show it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dataforge.recipes.synthetic.spec import MetadataField, Scalar, Spec

Line = dict[str, Any]
VIEWS = ("canonical", "legacy")

_FIELDS: dict[str, tuple[str, ...]] = {
    "instruction_v1": ("instruction", "input", "output"),
    "preference_v1": ("prompt", "chosen", "rejected", "chosen_score", "rejected_score", "reasoning"),
    "eval_v1": ("input", "ideal_output", "metrics"),
}


def line(spec: Spec, record: Mapping[str, Any], slot: Mapping[str, Any], *, number: int, job_id: str) -> Line:
    """record: an outcome that was accepted; slot: its place in the plan; number: its place among the accepted, from 1.

    instruction_v1 carries the fields of both documents: `response` repeats `output`.
    """
    payload = dict(record["payload"])
    metadata = _metadata(spec, record, slot, number, job_id)
    provenance: Line = {
        "job_id": job_id,
        "schema": spec.schema,
        "domain": spec.domain,
        "generated_at": record["at"],
        "model": record["teacher"],
    }
    if spec.verified:
        provenance["quality"] = record["quality"]
    tail = {"metadata": metadata, "provenance": provenance}
    if spec.schema == "conflict_v1":
        job = job_id.rpartition("_")[2]
        return {"record_id": f"rec_{job}_{record['slot']:06d}", "schema": spec.schema, "data": payload, **tail}
    made = {name: payload[name] for name in _FIELDS[spec.schema]}
    if spec.schema == "instruction_v1":
        made |= {"system_prompt": assistant(spec), "response": payload["output"]}
    return {**made, **tail}


def assistant(spec: Spec) -> str:
    """The system prompt that a record is learnt under: the caller's, else a plain one for the domain."""
    return spec.system_prompt or f"You are a helpful assistant for {spec.domain}."


def _metadata(spec: Spec, record: Mapping[str, Any], slot: Mapping[str, Any], number: int, job_id: str) -> Line:
    """Every record of a run has the same keys; a field of the caller's wins over ours of the same name."""
    made: Line = {}
    if spec.difficulty:
        made |= {"domain": spec.domain, "difficulty": slot.get("difficulty") or spec.difficulty}
    if spec.hard_negatives:
        made |= {"hard_negative": slot["technique"] is not None, "technique": slot["technique"]}
    made |= {f"coverage_{name}": value for name, value in (slot.get("coverage") or {}).items()}
    if any(not i.strict for i in spec.invariants):
        made["invariant_soft_flags"] = record["soft_flags"]
    at = _At(spec, record, slot, number, random.Random(f"{job_id}/{record['slot']}/uuid"))
    return made | {f.name: _VALUES[f.type](f, at) for f in spec.metadata_fields}


@dataclass(frozen=True, slots=True)
class _At:
    """Where a metadata field is filled."""

    spec: Spec
    record: Mapping[str, Any]
    slot: Mapping[str, Any]
    number: int
    rng: random.Random


_VALUES: dict[str, Callable[[MetadataField, _At], Scalar | None]] = {
    "auto_increment": lambda f, at: f"{f.prefix}{at.number:0{len(str(at.spec.count))}d}" if f.prefix else at.number,
    "from_category": lambda _, at: at.slot["category"],
    "uuid": lambda _, at: str(uuid.UUID(int=at.rng.getrandbits(128), version=4)),
    "constant": lambda f, _: f.value,
    "llm_assessed": lambda f, at: at.record["fields"].get(f.name),
}


def view(row: Line, name: str) -> Line:
    """`canonical`: the current document's fields only; `legacy`: the quick page's only, where it shows the schema."""
    schema = row["provenance"]["schema"]
    if schema == "conflict_v1":
        return row
    fields = {key: row[key] for key in _FIELDS[schema]}
    if name == "canonical":
        return {**fields, "metadata": row["metadata"], "provenance": row["provenance"]}
    if schema != "instruction_v1":
        return fields
    metadata = {"domain": row["provenance"]["domain"], "difficulty": row["metadata"].get("difficulty", "medium")}
    return {
        "system_prompt": row["system_prompt"],
        "instruction": _asked(row),
        "response": row["response"],
        "metadata": metadata,
    }


def _asked(row: Line) -> str:
    """The older form has no input: what stands there belongs to the instruction."""
    return f"{row['instruction']}\n\n{row['input']}" if row["input"] else str(row["instruction"])

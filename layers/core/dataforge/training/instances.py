"""Instances that SageMaker trains on: their GPUs, memory and price (instances.json, with source and date)."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from dataforge.errors import Invalid

SHORTEST_SECONDS = 60
"""SageMaker takes no job that may run for less."""
SIZES = ("low_end", "mid_range", "high_end")
"""Values of `compute_specs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    name: str
    gpu: str | None
    """None: it has no GPU."""
    gpus: int
    gpu_memory_gb: float
    """Of one GPU, in GiB."""
    vcpus: int
    memory_gb: float
    usd_per_hour: float
    """On demand, for training, in the region of the table."""
    tflops: float
    """Peak of one GPU in dense bfloat16 (float16 where it has none); of a CPU, all cores together."""


@dataclass(frozen=True, slots=True)
class Table:
    region: str
    source: str
    checked: str
    """Date of the prices."""
    instances: dict[str, Instance]
    sizes: dict[str, list[str]]
    """compute_specs -> instances, the cheapest first."""


@cache
def table() -> Table:
    stored = json.loads(resources.files("dataforge.training").joinpath("instances.json").read_text("utf-8"))
    gpus, rows = stored["gpus"], stored["instances"]
    return Table(
        stored["region"],
        stored["source"],
        stored["checked"],
        {name: _instance(name, row, gpus) for name, row in rows.items()},
        stored["sizes"],
    )


def _instance(name: str, row: dict[str, float | str | None], gpus: dict[str, dict[str, float]]) -> Instance:
    gpu = row.get("gpu")
    facts = gpus[str(gpu)] if gpu else {"memory_gb": 0.0, "tflops": float(row["vcpus"] or 0) * gpus["cpu"]["tflops"]}
    return Instance(
        name=name,
        gpu=str(gpu) if gpu else None,
        gpus=int(row.get("gpus") or 0),
        gpu_memory_gb=facts["memory_gb"],
        vcpus=int(row["vcpus"] or 0),
        memory_gb=float(row["memory_gb"] or 0),
        usd_per_hour=float(row["usd_per_hour"] or 0),
        tflops=facts["tflops"],
    )


def get(name: str) -> Instance:
    """Raises Invalid naming what is near."""
    known = table().instances
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name[:60], known, n=3, cutoff=0.5) or sorted(known)
    raise Invalid(f"instance_type {name[:60]!r} is unknown; use one of: {', '.join(near)}", field="instance_type")


def of_size(size: str) -> list[Instance]:
    """Those of a `compute_specs`, the cheapest first."""
    return [table().instances[name] for name in table().sizes[size]]


def longest_seconds(instance: Instance, count: int, seconds: int, max_cost_usd: float | None) -> int:
    """How long `count` instances may run: `seconds`, or less where money ends before. Spot instances cost less than the
    price here: for them it errs on the safe side."""
    if max_cost_usd is None:
        return seconds
    return max(SHORTEST_SECONDS, min(seconds, paid_seconds(instance, count, max_cost_usd)))


def paid_seconds(instance: Instance, count: int, max_cost_usd: float) -> int:
    """How long the money pays for `count` instances."""
    return int(3600 * max_cost_usd / (instance.usd_per_hour * count))

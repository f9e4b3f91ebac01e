"""What a training would take: instance, hours and dollars as ranges, with the notes that say how they were found.

    FLOPs = tokens x epochs x k N, N parameters; k: 4 where an adapter learns, 6 where every weight does (forward 2,
    backward through activations 2, gradients of weights 2); twice that for dpo (a better and a worse answer), five
    times for rlhf (a reward model, and answers that are generated)
    hours = FLOPs / (peak of all GPUs x share), share from throughput.json

A model of unknown size gives no hours.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from dataforge.training import instances, memory
from dataforge.training.instances import Instance
from dataforge.training.options import Options

PASSES = {"sft": 1.0, "qlora": 1.0, "dpo": 2.0, "rlhf": 5.0}


@dataclass(frozen=True, slots=True)
class Range:
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    instance_type: str | None
    """None: the machine of the server."""
    lines: int
    tokens: int
    """Of one pass over the lines."""
    hours: Range | None
    """None: it cannot be said."""
    cost_usd: Range | None
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@cache
def throughput() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(
        resources.files("dataforge.training").joinpath("throughput.json").read_text("utf-8")
    )
    return stored


def estimate(options: Options, instance: Instance | None, *, lines: int, tokens: int) -> Estimate:
    """lines, tokens: of the dataset. instance: None for the machine of the server, of which nothing is known."""
    table, count = throughput(), memory.parameters(options.model_name)
    name = instance.name if instance else None
    if instance is None or count is None:
        what = "The speed of this machine is not known" if instance is None else "The size of the model is not known"
        costs = Range(0.0, 0.0) if instance is None else None
        return Estimate(instance_type=name, lines=lines, tokens=tokens, hours=None, cost_usd=costs, notes=[what])
    seen = tokens * (1 - options.eval_split) * options.num_train_epochs
    if options.max_steps > 0 and lines:
        batch = options.per_device_train_batch_size * options.gradient_accumulation_steps * max(1, instance.gpus)
        seen = options.max_steps * batch * tokens / lines
    flops = seen * (6 if options.full_finetune else 4) * count * PASSES[options.strategy]
    peak = instance.tflops * 1e12 * max(1, instance.gpus) * options.instance_count
    slow, fast = table["range"]
    soon, late = table["start_hours"]
    hours = Range(round(flops / peak / fast / 3600 + soon, 3), round(flops / peak / slow / 3600 + late, 3))
    longest = instances.longest_seconds(
        instance, options.instance_count, options.max_runtime_seconds, options.max_cost_usd
    )
    notes = [table["measured"], table["start"]]
    if hours.high * 3600 > longest:
        notes.append(f"It may not end before it is stopped: it may run for {longest / 3600:.2g} hours")
        hours = Range(min(hours.low, longest / 3600), longest / 3600)
    price = instance.usd_per_hour * options.instance_count
    where = instances.table()
    notes.append(f"Prices on demand in {where.region}, {where.checked}" + ("; spot costs less" if options.spot else ""))
    cost = Range(round(hours.low * price, 2), round(hours.high * price, 2))
    return Estimate(instance_type=name, lines=lines, tokens=tokens, hours=hours, cost_usd=cost, notes=notes)

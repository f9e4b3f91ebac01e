"""The configuration of a synthetic run, as `run.config` stores it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from dataforge.platform.ports import Item
from dataforge.recipes.synthetic import spec as specs
from dataforge.recipes.synthetic.spec import Spec
from dataforge.store.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticConfig:
    request: dict[str, Any]
    """As the caller sent it, checked."""
    model: str
    """The generator by the name in the request; `model_id` is the name of the teacher that answers for it."""
    model_id: str
    critic: str | None
    judge: str | None
    """Teachers of these roles; None where the run needs none. The judge checks invariants, too."""
    tier: str | None
    record_price: int
    """Micro-dollars for one delivered record."""
    record_units: int
    """Quota units of one delivered record."""
    estimate: int
    """Micro-dollars at most, as they were reserved."""
    in_batch_mode: bool

    @property
    def count(self) -> int:
        """As it was asked for; the run wants fewer where `max_cost_usd` does not pay for all."""
        return int(self.request["count"])


def of(run: Run) -> SyntheticConfig:
    config, price = run.config, cast("dict[str, int]", run.config["price"])
    return SyntheticConfig(
        request=cast("dict[str, Any]", config["request"]),
        model=str(config["model"]),
        model_id=str(config["model_id"]),
        critic=_text(config, "critic"),
        judge=_text(config, "judge"),
        tier=_text(config, "tier"),
        record_price=price["record"],
        record_units=price["units"],
        estimate=int(str(config["estimate"])),
        in_batch_mode=config.get("mode") == "batch",
    )


def spec_of(run: Run) -> Spec:
    """As planned: its seed is the run, its count what the run wants."""
    return replace(specs.read(of(run).request, seed=run.run_id), count=run.requested)


def _text(config: Item, name: str) -> str | None:
    value = config.get(name)
    return str(value) if value else None

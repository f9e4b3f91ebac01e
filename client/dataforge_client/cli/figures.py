"""The figures of a trained model as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataforge_client.models import Json
    from dataforge_client.training_models import TrainedModel

NAMES = {
    "exact_match": "exact match",
    "f1": "F1",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "eval_loss": "loss",
    "perplexity": "perplexity",
    "reward_margin": "reward margin",
}
SHARES = frozenset({"exact_match", "f1", "rouge1", "rouge2", "rougeL"})
"""Figures from 0 to 1, shown in percent."""


def figures(model: TrainedModel) -> list[tuple[str, str, str]]:
    """(name, of the base model, of this one) of everything that was measured; empty text for what was not."""
    tuned, base = model.metrics, model.metrics.get("base")
    of_base: Json = base if isinstance(base, Mapping) else {}
    return [
        (label, _figure(name, of_base.get(name)), _figure(name, tuned.get(name)))
        for name, label in NAMES.items()
        if tuned.get(name) is not None or of_base.get(name) is not None
    ]


def figures_text(model: TrainedModel) -> list[str]:
    """`exact match 0.0 % -> 45.0 %, ...` in one line; empty without figures."""
    told = [f"{name} {f'{base} -> ' if base else ''}{tuned}" for name, base, tuned in figures(model) if tuned]
    loss = model.metrics.get("final_loss")
    if isinstance(loss, int | float):
        told.insert(0, f"final loss {loss:.4f}")
    return [", ".join(told)] if told else []


def _figure(name: str, value: object) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ""
    return f"{value:.1%}".replace("%", " %") if name in SHARES else f"{value:.4g}"

"""The figures of a trained model as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataforge_client.cli.formatting import money

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


def verifier_of(model: TrainedModel) -> Mapping[str, Any] | None:
    """What a verifier said of the model, or says now; None: none was asked."""
    found = (model.evaluation or {}).get("verifier")
    return found if isinstance(found, Mapping) and found else None


def verifier_text(model: TrainedModel) -> list[str]:
    """`openai:gpt-4o: win rate 80.0 % (70.0 to 90.0 %), 8 won, 2 tied, 0 lost of 10 lines` in one line; or none."""
    found = verifier_of(model)
    if found is None:
        return []
    if found.get("status") != "completed":
        return [f"verifier {found.get('verifier')}: {found.get('status')} {found.get('error') or ''}".rstrip()]
    counts = f"{found.get('wins', 0):,} won, {found.get('ties', 0):,} tied, {found.get('losses', 0):,} lost"
    rate = win_rate_text(found.get("win_rate")) or "not known"
    skipped = sum((found.get("not_asked") or {}).values()) + (found.get("unreadable") or 0)
    more = f", {skipped:,} verdicts missing" if skipped else ""
    return [
        f"verifier {found.get('verifier')}: win rate {rate}, {counts} of {found.get('lines', 0):,} lines{more}, "
        f"cost {money(found.get('cost_usd'))}"
    ]


def win_rate_text(rate: object) -> str:
    """`62.5 % (50.0 to 75.0 %)`: of the tuned model, a tie half a win, with its interval of 95 %."""
    if not isinstance(rate, Mapping):
        return ""
    value, low, high = (100 * float(rate[name]) for name in ("value", "low", "high"))
    return f"{value:.1f} % ({low:.1f} to {high:.1f} %)"


def _figure(name: str, value: object) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ""
    return f"{value:.1%}".replace("%", " %") if name in SHARES else f"{value:.4g}"

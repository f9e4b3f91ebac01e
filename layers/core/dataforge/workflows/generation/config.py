"""The configuration of a generate run: defaults, limits, checks."""

from __future__ import annotations

from dataclasses import dataclass

from dataforge.errors import Invalid
from dataforge.platform.ports import Item, Value
from dataforge.recipes import RECIPES, conversation, spreading, summary
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.planning import check_distribution
from dataforge.text import topic_labels as labels

DEFAULTS: Item = {
    "generation_type": "qa",
    "temperature": 0.7,
    "max_tokens": 4096,
    "style_template": "mixed",
    "difficulty_distribution": {"easy": 0.3, "medium": 0.5, "hard": 0.2},
    "seed": 0,
}

MODES = ("realtime", "batch")
"""How the teacher is asked: question by question, or many as one job of its provider, for less money."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The numbers a configuration may hold."""

    low: float
    high: float
    whole: bool


TEXT_FIELDS = ("model_id", "generation_type", "system_prompt", "style_template", "pair_system_prompt", "summary_style")

BOUNDS: dict[str, Bounds] = {
    "num_pairs": Bounds(1, 100_000, True),
    "pairs_per_chunk": Bounds(1, 50, True),
    "temperature": Bounds(0, 2, False),
    "max_tokens": Bounds(1, 32_768, True),
    "auto_accept_min_quality": Bounds(0, 1, False),
    "max_cost_usd": Bounds(0, 1_000_000, False),
    "seed": Bounds(0, 2**53, True),
    "turns": Bounds(conversation.LEAST_TURNS, conversation.MOST_TURNS, True),
    "multi_hop_share": Bounds(0, 1, False),
}


def check(config: Item) -> None:
    """Every known key of a merged configuration. Raises Invalid."""
    for name in TEXT_FIELDS:
        if not isinstance(config.get(name, ""), str):
            raise Invalid(f"{name} must be text", field=name)
    kind = str(config["generation_type"])
    if kind not in RECIPES:
        known = ", ".join(RECIPES)
        raise Invalid(f"generation_type {kind!r} is not available here; use one of: {known}", field="generation_type")
    for name, bounds in BOUNDS.items():
        if config.get(name) is not None:
            _check_number(name, config[name], bounds)
    chosen = config.get("chunk_ids", [])
    if not isinstance(chosen, list) or not all(isinstance(c, str) and 0 < len(c) <= 200 for c in chosen):
        raise Invalid("chunk_ids must be a list of chunk ids", field="chunk_ids")
    check_distribution(config["difficulty_distribution"])
    for name in spreading.DIMENSIONS:
        if config.get(name) is not None:
            spreading.shares(name, config[name])
    if config.get("multi_hop_share") and not RECIPES[kind].multi_hop:
        able = " or ".join(name for name, recipe in RECIPES.items() if recipe.multi_hop)
        raise Invalid(
            f"multi_hop_share: a {kind} is of one passage; set it to 0, or generation_type to {able}",
            field="multi_hop_share",
        )
    style = config.get("summary_style", "mixed")
    if style not in ("mixed", *summary.STYLES):
        raise Invalid(f"summary_style must be one of: mixed, {', '.join(summary.STYLES)}", field="summary_style")
    if config.get("mode", "realtime") not in MODES:
        raise Invalid(f"mode must be one of: {', '.join(MODES)}", field="mode")
    if config.get("labels") is not None:
        labels.check(config["labels"])


def _check_number(name: str, value: Value, bounds: Bounds) -> None:
    fits = isinstance(value, int if bounds.whole else int | float) and not isinstance(value, bool)
    if not fits or not bounds.low <= float(str(value)) <= bounds.high:
        kind = "a whole number" if bounds.whole else "a number"
        raise Invalid(f"{name} must be {kind} from {bounds.low:g} to {bounds.high:,.0f}", field=name)


def options_of(config: Item) -> GenerationOptions:
    prompt, chosen = config.get("system_prompt"), config.get("labels")
    return GenerationOptions(
        temperature=float(str(config["temperature"])),
        max_tokens=int(str(config["max_tokens"])),
        system_prompt=str(prompt) if prompt else None,
        style=str(config["style_template"]),
        seed=int(str(config["seed"])),
        turns=int(str(config.get("turns") or 3)),
        labels=tuple(str(label) for label in chosen) if isinstance(chosen, list) else (),
        summary_style=str(config.get("summary_style") or "mixed"),
    )

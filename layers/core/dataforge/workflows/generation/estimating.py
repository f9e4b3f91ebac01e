"""What a run will take, before its first call: calls, tokens and dollars as a range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataforge.platform.ports import Item
from dataforge.recipes import Recipe
from dataforge.recipes import planning as planner
from dataforge.recipes.options import GenerationOptions
from dataforge.records import Passage, Slot
from dataforge.store.chunks import StoredChunk
from dataforge.teachers import Model
from dataforge.teachers.prices import Price
from dataforge.workflows.generation.config import GenerationConfig

CHARACTERS_PER_TOKEN = (4.8, 3.2)
"""Of the rules and requests around a passage, which are English: least and most tokens."""
AGAIN = 1.35
"""At most: a top-up of a quarter, and one call in twelve asked again."""
SAMPLE = "x"


@dataclass(frozen=True, slots=True)
class Size:
    """Of a chunk: its tokens, and how many records could be asked of it."""

    tokens: int
    max_records: int


def size(chunk: StoredChunk, config: GenerationConfig) -> Size:
    passage = Passage(chunk.content, tuple(chunk.heading_path), chunk.content_type)  # type: ignore[arg-type]
    return Size(chunk.tokens, config.recipe.max_records(passage, chunk.tokens, config.options))


def estimate(chunks: Sequence[Size], config: GenerationConfig, model: Model, *, requested: int) -> Item:
    """As JSON: `calls`, `input_tokens`, `output_tokens`, `cost_usd`, each `{"low": ..., "high": ...}`.

    cost_usd is None when the model's price is not known. Replies that a prompt cache makes cheaper are not foreseen.
    """
    recipe, options, pairs_per_chunk = config.recipe, config.options, config.records_per_chunk
    least, most = recipe.output_tokens(options)
    limits = [planner.Source("", c.tokens, 0, c.max_records).remaining(pairs_per_chunk) for c in chunks]
    asked = min(requested, sum(limits))
    together = round(asked * config.multi_hop_share)
    alone = asked - together
    if pairs_per_chunk is not None:
        counts = planner.round_robin(alone, limits)
    else:
        counts = planner.spread(alone, limits, [float(max(1, c.tokens)) for c in chunks])
    calls_of = [-(-n // recipe.slots_per_call) for n in counts]
    single, pairs = sum(calls_of), sum(counts) + together
    calls = single + together  # passages that are read together are asked about once
    passages = sum(c.tokens * n for c, n in zip(chunks, calls_of, strict=True))
    passages += round(2 * together * sum(c.tokens for c in chunks) / len(chunks))
    around = _around(recipe, options, max(1, round(alone / single)) if single else 1)
    around = round((single * around + together * _around(recipe, options, 1, passages=2)) / max(1, calls))
    low_in, high_in = (passages + calls * around / per for per in CHARACTERS_PER_TOKEN)
    bound = min(most * pairs, calls * options.max_tokens)
    tokens = {
        "input_tokens": (round(low_in), round(high_in * AGAIN)),
        "output_tokens": (min(least * pairs, bound), round(bound * AGAIN)),
    }
    if not model.model:  # built in: no tokens, no money
        tokens = dict.fromkeys(tokens, (0, 0))
    price = model.price.batched if model.price and config.mode == "batch" else model.price
    cost = _cost(model, price, tokens)
    return {
        "pairs": pairs,
        "calls": {"low": calls, "high": round(calls * AGAIN)},
        **{name: {"low": low, "high": high} for name, (low, high) in tokens.items()},
        "cost_usd": cost,
    }


def _around(recipe: Recipe, options: GenerationOptions, slots: int, *, passages: int = 1) -> int:
    """Characters of a call besides its passages, for this many records."""
    further = (SAMPLE,) * (passages - 1)
    passage = Passage(SAMPLE, further=tuple(map(Passage, further)))
    question = recipe.question(passage, [Slot(n, SAMPLE, further=further) for n in range(slots)], options)
    return sum(len(m.content) for m in question.messages) + len(str(question.json_schema or ""))


def _cost(model: Model, price: Price | None, tokens: dict[str, tuple[int, int]]) -> Item | None:
    if not model.model or model.provider == "ollama":
        return {"low": 0.0, "high": 0.0}
    if price is None:
        return None
    (low_in, high_in), (low_out, high_out) = tokens["input_tokens"], tokens["output_tokens"]
    return {"low": round(price.of(low_in, low_out), 6), "high": round(price.of(high_in, high_out), 6)}

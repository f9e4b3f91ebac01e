"""What a run will take, before its first call: calls, tokens and dollars as a range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from dataforge.platform.ports import Item, Value
from dataforge.quality.rulings import Verify
from dataforge.recipes import Recipe, verifying
from dataforge.recipes import planning as planner
from dataforge.recipes.options import GenerationOptions
from dataforge.records import Passage, Slot
from dataforge.store.chunks import StoredChunk
from dataforge.teachers import Model, build
from dataforge.teachers.prices import Price
from dataforge.workflows.generation.config import GenerationConfig

CHARACTERS_PER_TOKEN = (4.8, 3.2)
"""Of the rules and requests around a passage, which are English: least and most tokens."""
AGAIN = 1.35
"""At most: a top-up of a quarter, and one call in twelve asked again."""
SAMPLE = "x"
VERIFIED: dict[Verify, tuple[float, float]] = {"off": (0.0, 0.0), "uncertain": (0.05, 0.6), "all": (0.8, 1.0)}
"""Of the calls: those with a record that a verifier is asked about, at least and at most."""
VERDICT_TOKENS = (80, 160)
"""That a verifier writes about one record."""


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


def with_verifier(estimate: Item, chunks: Sequence[Size], config: GenerationConfig, verifier: Model) -> Item:
    """The estimate of the teacher's part with that of the verifier in it; its own stands under `verifier`, too."""
    calls, written = _range(estimate["calls"]), _range(estimate["output_tokens"])
    pairs, (few, many) = cast(int, estimate["pairs"]), VERIFIED[config.verify]
    passage = sum(c.tokens for c in chunks) / len(chunks) * (1 + config.multi_hop_share)
    around = len("".join(m.content for m in verifying.question([]).messages))
    low_around, high_around = (around / per for per in CHARACTERS_PER_TOKEN)
    asked = (round(calls[0] * few), round(calls[1] * many))
    together = pairs / max(1, calls[0])  # records that a verifier may be asked about in one call
    tokens = {
        "input_tokens": (
            round(asked[0] * (passage + low_around) + written[0] * few),
            round(asked[1] * (passage + high_around) + written[1] * many),
        ),
        "output_tokens": (round(asked[0] * VERDICT_TOKENS[0]), round(asked[1] * together * VERDICT_TOKENS[1])),
    }
    if not verifier.model:
        tokens = dict.fromkeys(tokens, (0, 0))
    in_jobs = config.mode == "batch" and build(verifier).can.batch is not None
    price = verifier.price.batched if verifier.price and in_jobs else verifier.price
    own: Item = {
        "model": verifier.backend,
        "calls": {"low": asked[0], "high": asked[1]},
        **{name: {"low": low, "high": high} for name, (low, high) in tokens.items()},
        "cost_usd": _cost(verifier, price, tokens),
    }
    names = ("calls", "input_tokens", "output_tokens", "cost_usd")
    return {**estimate, **{name: _sum(estimate[name], own[name]) for name in names}, "verifier": own}


def _range(value: Value) -> tuple[float, float]:
    span = cast("dict[str, float]", value)
    return span["low"], span["high"]


def _sum(one: Value, other: Value) -> Item | None:
    """None: one of them is not known."""
    if one is None or other is None:
        return None
    (low, high), (more_low, more_high) = _range(one), _range(other)
    return {"low": round(low + more_low, 6), "high": round(high + more_high, 6)}


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

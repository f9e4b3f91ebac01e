"""Counts in, dollars out. What is counted is named as in `prices.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Counts = Mapping[str, float]
"""Name of a price -> how many units of it."""


@dataclass(frozen=True, slots=True)
class Price:
    usd: float
    """Dollars for `per` units."""
    per: float
    what: str
    page: str
    """Where AWS publishes it."""
    free: float = 0
    """Units a month that every account gets for nothing, whatever else runs in it."""

    def of(self, units: float) -> float:
        """Dollars."""
        return units * self.usd / self.per


@dataclass(frozen=True, slots=True)
class PriceList:
    as_of: str
    region: str
    prices: Mapping[str, Price]


@cache
def price_list() -> PriceList:
    raw = json.loads(Path(__file__).with_name("prices.json").read_text("utf-8"))
    return PriceList(
        raw["as_of"],
        raw["region"],
        {
            name: Price(entry["usd"], entry["per"], entry["what"], entry["page"], entry.get("free", 0))
            for name, entry in raw["prices"].items()
        },
    )


def dollars(counts: Counts) -> dict[str, float]:
    """What each costs by the list, without free allowances. Raises KeyError for what has no price."""
    known = price_list().prices
    return {name: known[name].of(units) for name, units in counts.items()}


def total(counts: Counts) -> float:
    return sum(dollars(counts).values())


def beyond_free(counts: Counts) -> dict[str, float]:
    """The units that are paid in an account in which nothing else uses the month's free allowances."""
    known = price_list().prices
    return {name: max(0.0, units - known[name].free) for name, units in counts.items()}


def added(*counts: Counts) -> dict[str, float]:
    every = dict.fromkeys(name for some in counts for name in some)
    return {name: sum(some.get(name, 0) for some in counts) for name in every}


def scaled(counts: Counts, factor: float) -> dict[str, float]:
    return {name: units * factor for name, units in counts.items()}

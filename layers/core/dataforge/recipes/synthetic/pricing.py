"""What a synthetic record costs, by `pricing.json`: all money is whole micro-dollars, so nothing is ever rounded away.

Prices are per 1,000 accepted records with at most two decimals, or four for what is very cheap, hence a record costs a
whole number of micro-dollars.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from dataforge.errors import Invalid
from dataforge.recipes.synthetic.spec import SCHEMAS, Spec

MICRO = 1_000_000
"""Micro-dollars in a dollar."""
UNITS = 1000
"""A quota counts in thousandths of a record, so that 1.5 records are a whole number."""


@dataclass(frozen=True, slots=True)
class ModelName:
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Tariff:
    """prices: schema to micro-dollars a record; a schema that is missing is not available on this tier."""

    prices: Mapping[str, int]
    subscription: bool
    """May be paid from a plan's quota; False: pay as you go only."""
    tier: str | None = None
    alias: str | None = None
    model: ModelName | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """Of one accepted record."""

    record: int
    """Micro-dollars, add-ons included."""
    units: int
    """Thousandths of a quota record."""
    subscription: bool

    def cost(self, records: int) -> int:
        return self.record * records

    def quota(self, records: int) -> int:
        return self.units * records


@cache
def table() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("pricing.json").read_text("utf-8"))
    return loaded


def per_record(dollars_per_thousand: str) -> int:
    """Micro-dollars a record. Raises ValueError when that is no whole number."""
    micro = Decimal(dollars_per_thousand) * MICRO / 1000
    if micro != int(micro) or micro < 0:
        raise ValueError(f"{dollars_per_thousand} per 1,000 records is no whole number of micro-dollars each")
    return int(micro)


@cache
def tiers() -> dict[str, Tariff]:
    """By their names and aliases."""
    found: dict[str, Tariff] = {}
    for entry in table()["tiers"]:
        tariff = _tariff(entry)
        found[entry["tier"]] = tariff
        if entry["alias"]:
            found[entry["alias"]] = tariff
    return found


def _tariff(entry: Mapping[str, Any]) -> Tariff:
    model = ModelName(entry["provider"], entry["model"]) if "model" in entry else None
    return Tariff(
        {schema: per_record(price) for schema, price in entry["prices"].items()},
        entry["subscription"],
        entry.get("tier"),
        entry.get("alias"),
        model,
    )


@cache
def tariff(name: str | None, generator: ModelName | None) -> Tariff:
    """An explicit generator wins over the shorthand: at its tier's price, its own, or that of any other model."""
    if generator is None:
        return tiers()[name or ""]
    for known in (*tiers().values(), *map(_tariff, table()["models"])):
        if known.model == generator:
            return known
    if generator.provider in table()["free_providers"]:  # offline fillers: no model runs, nothing is worth a price
        return Tariff(dict.fromkeys(SCHEMAS, 0), subscription=True)
    return _tariff(table()["other"])


@cache
def critic() -> ModelName:
    """The default critic and judge."""
    return ModelName(table()["critic"]["provider"], table()["critic"]["model"])


def quote(spec: Spec, chosen: Tariff) -> Quote:
    """Raises Invalid (field model) where the tier does not offer the schema."""
    if spec.schema not in chosen.prices:
        able = ", ".join(entry["tier"] for entry in table()["tiers"] if spec.schema in entry["prices"])
        raise Invalid(f"{spec.schema} needs a higher tier than {chosen.tier}: use one of {able}", field="model")
    addons = table()["addons"]
    record = chosen.prices[spec.schema]
    if record == 0:
        return Quote(0, UNITS, chosen.subscription)
    if spec.verified or spec.assessed_fields:  # one judge pass fills both
        record += per_record(addons["verified" if spec.verified else "llm_assessed"])
    if spec.invariants:
        record += per_record(addons["invariants"])
    factor = Decimal(table()["verified_quota_factor"]) if spec.verified else Decimal(1)
    return Quote(record, int(factor * UNITS), chosen.subscription)


def price_list() -> dict[str, object]:
    """The public answer of `GET /v1/synthetic/pricing`, in dollars."""
    data = table()
    return {
        "currency": data["currency"],
        "unit": data["unit"],
        "as_of": data["as_of"],
        "tiers": [
            {
                "tier": e["tier"],
                "alias": e["alias"],
                "provider": e["provider"],
                "model": e["model"],
                "subscription": e["subscription"],
                "prices": {s: float(e["prices"][s]) if s in e["prices"] else None for s in SCHEMAS},
            }
            for e in data["tiers"]
        ],
        "models": [
            {"provider": e["provider"], "model": e["model"], "prices": {s: float(p) for s, p in e["prices"].items()}}
            for e in data["models"]
        ],
        "other_models": {s: float(p) for s, p in data["other"]["prices"].items()},
        "addons": {name: float(price) for name, price in data["addons"].items()},
        "verified_quota_factor": float(data["verified_quota_factor"]),
        "free_records_per_month": data["free_records_per_month"],
    }


def dollars(micro: int) -> float:
    """For the wire: exact to the sixth decimal."""
    return float(Decimal(micro) / MICRO)

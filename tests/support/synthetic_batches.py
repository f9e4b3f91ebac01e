"""Requests and prices of synthetic runs at batch price."""

from __future__ import annotations

PRICES = {"writer": (2.0, 10.0), "critic": (1.0, 4.0), "gpt-4o-mini": (0.5, 2.0)}


MODELS = {
    "models": [
        {"id": name, "backends": [f"openai:{name}"], "price": {"input": i, "output": o, "batch": 0.5}}
        for name, (i, o) in PRICES.items()
    ]
}


COST = {name: (1000 * i + 100 * o) / 1e6 for name, (i, o) in PRICES.items()}
"""Dollars of one reply of the stand-in, in real time."""


WRITER = {"generator": {"provider": "openai", "model": "writer"}}


PLAIN = {"schema": "instruction_v1", "domain": "harbours", "count": 20, "models": WRITER}


WHOLE = {
    "schema": "preference_v1",
    "domain": "harbours",
    "count": 20,
    "verified": True,
    "models": {**WRITER, "critic": {"provider": "openai", "model": "critic"}},
    "advanced": {"invariants": [{"rule": "Never name a price"}]},
}

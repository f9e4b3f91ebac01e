"""An organisation's own models and prices, a layer over the catalogue.

| question                             | access                          |
|---|---|
| its own models and prices            | get, put orgs (org_id, `models`) |
"""

from __future__ import annotations

from dataforge.platform import current
from dataforge.platform.ports import Item


def put(org_id: str, layer: Item) -> None:
    """Its layer over the catalogue of models, in the form of `teachers/models.json` and checked by its reader."""
    current().tables.put("orgs", {**layer, "org_id": org_id, "item": "models"})


def get(org_id: str) -> Item:
    """Empty when it has none of its own."""
    return current().tables.get("orgs", {"org_id": org_id, "item": "models"}) or {}

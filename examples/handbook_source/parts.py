"""The spare parts register: kinds of part, and which vessel carries how many."""

from __future__ import annotations

from collections.abc import Iterator

HEADER = (
    "Part number",
    "Part",
    "Vessel",
    "System",
    "Supplier",
    "In stock",
    "Reorder level",
    "Unit price (EUR)",
    "Delivery (days)",
    "Store",
)

_DIESEL = ("Aurelia", "Brant", "Curlew", "Dunlin", "Fulmar")
_ALL = (*_DIESEL[:4], "Eider", "Fulmar")
_RADAR = _ALL[:5]
_BATTERY = ("Dunlin", "Eider")
_STORE = {
    "Engine": "Workshop A",
    "Safety": "Workshop B",
    "Deck": "Yard store",
    "Navigation": "Workshop C",
    "Electrical": "Workshop C",
    "Battery": "Charging hall",
    "Hotel": "Terminal cellar",
}

# code, part, system, supplier, vessels, reorder level, unit price in cents, delivery in days
_KINDS = (
    ("FF", "Fuel filter cartridge", "Engine", "Norvik Marine", _DIESEL, 12, 3_450, 5),
    ("OF", "Oil filter", "Engine", "Norvik Marine", _DIESEL, 10, 2_890, 5),
    ("IN", "Injector nozzle", "Engine", "Halden Diesel", _DIESEL, 4, 21_800, 14),
    ("CP", "Cooling water pump", "Engine", "Halden Diesel", _DIESEL, 1, 184_000, 28),
    ("TB", "Turbocharger bearing set", "Engine", "Halden Diesel", ("Aurelia", "Curlew"), 1, 96_500, 35),
    ("SG", "Stern gland seal", "Engine", "Tarbert Seals", _ALL, 2, 41_250, 21),
    ("LJ", "Adult lifejacket", "Safety", "Seaguard Supply", _ALL, 20, 5_990, 7),
    ("CJ", "Child lifejacket", "Safety", "Seaguard Supply", _ALL, 15, 4_790, 7),
    ("LR", "Life raft release unit", "Safety", "Seaguard Supply", _ALL, 2, 12_700, 10),
    ("FX", "Fire extinguisher, 6 kg powder", "Safety", "Ember Protect", _ALL, 6, 7_400, 6),
    ("BA", "Breathing apparatus cylinder", "Safety", "Ember Protect", _ALL, 3, 31_900, 12),
    ("DP", "Bow door pin", "Deck", "Kellan Yard", _ALL, 2, 26_400, 18),
    ("LC", "Lashing chain, 10 t", "Deck", "Tarbert Rigging", _ALL, 16, 6_150, 8),
    ("MR", "Mooring rope, 60 m", "Deck", "Tarbert Rigging", _ALL, 2, 48_800, 9),
    ("RM", "Radar magnetron", "Navigation", "Polaris Bridge", _RADAR, 1, 112_000, 30),
    ("NL", "Navigation light, LED", "Navigation", "Polaris Bridge", _ALL, 4, 8_350, 10),
    ("VR", "Handheld VHF radio", "Navigation", "Polaris Bridge", _ALL, 3, 23_500, 11),
    ("BC", "Battery cooling pump", "Battery", "Voltano", _BATTERY, 1, 143_000, 42),
    ("BM", "Battery module, 6.5 kWh", "Battery", "Voltano", _BATTERY, 2, 398_000, 60),
    ("CA", "Charging arm contact set", "Battery", "Voltano", ("Eider",), 2, 215_000, 45),
    ("EL", "Emergency light battery", "Electrical", "Lumen & Daughters", _ALL, 8, 3_180, 4),
    ("SP", "Shore power plug", "Electrical", "Lumen & Daughters", _ALL, 1, 57_600, 15),
)


def rows() -> Iterator[tuple[str, ...]]:
    """One row for each vessel that carries a part; stock lies between the reorder level less one and twice that."""
    for row, (code, part, system, supplier, vessels, reorder, cents, days) in enumerate(_KINDS):
        for column, vessel in enumerate(vessels):
            stock = max(reorder - 1 + (row * 5 + column * 3) % (reorder + 2), 0)
            number = f"{code}-{vessel[0]}{row * 7 + 101}"
            price = f"{cents / 100:.2f}"
            yield number, part, vessel, system, supplier, str(stock), str(reorder), price, str(days), _STORE[system]

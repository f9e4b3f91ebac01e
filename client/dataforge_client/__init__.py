"""The Python client of Data Forge. It speaks HTTP only; importing it costs next to nothing.

from dataforge_client import DataForge

with DataForge("http://127.0.0.1:8765", api_key="...", organization_id="...") as forge:
    project = forge.create_project("Handbook")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataforge_client.client import DataForge as DataForge

__version__ = "0.1.0"
__all__ = ["DataForge", "__version__"]


def __getattr__(name: str) -> object:
    if name == "DataForge":
        from dataforge_client.client import DataForge

        return DataForge
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

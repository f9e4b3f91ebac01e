"""The Python client of Data Forge. It uses only the HTTP API; importing it is fast, httpx is loaded on first use.

from dataforge_client import DataForge

with DataForge("http://127.0.0.1:8765", api_key="...", organization_id="...") as forge:
    project = forge.create_project("Handbook")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge_client.version import __version__

if TYPE_CHECKING:
    from dataforge_client.client import DataForge as DataForge

__all__ = ["DataForge", "__version__"]


def __getattr__(name: str) -> object:
    if name == "DataForge":
        from dataforge_client.client import DataForge

        return DataForge
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

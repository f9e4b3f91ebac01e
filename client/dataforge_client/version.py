"""The version of the client, alone in a module so that every other module can import it."""

from __future__ import annotations

__version__ = "0.1.0"

"""The Python client of Data Forge. It uses only the HTTP API; importing it is fast, httpx is loaded on first use.

    from dataforge_client import DataForge

    with DataForge("http://127.0.0.1:8765", api_key="...", organization_id="...") as forge:
        project = forge.create_project("Handbook")

`AsyncDataForge` has the same methods as coroutines. Every exception of `errors` can be imported from here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dataforge_client.version import __version__

if TYPE_CHECKING:
    from dataforge_client.aio.client import AsyncDataForge
    from dataforge_client.aio.transport import AsyncRetry
    from dataforge_client.client import DataForge
    from dataforge_client.errors import (
        ApiError,
        AuthenticationError,
        BadRequest,
        ClientError,
        ConfigError,
        Conflict,
        ConnectionFailed,
        FieldError,
        GenerationFailed,
        Invalid,
        NotFound,
        PermissionDenied,
        RateLimited,
        ServerError,
        TooLarge,
        UnexpectedAnswer,
        WaitTimeout,
    )
    from dataforge_client.transport import Retry

__all__ = [
    "ApiError",
    "AsyncDataForge",
    "AsyncRetry",
    "AuthenticationError",
    "BadRequest",
    "ClientError",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "DataForge",
    "FieldError",
    "GenerationFailed",
    "Invalid",
    "NotFound",
    "PermissionDenied",
    "RateLimited",
    "Retry",
    "ServerError",
    "TooLarge",
    "UnexpectedAnswer",
    "WaitTimeout",
    "__version__",
]

_MODULES = {
    "AsyncDataForge": "dataforge_client.aio.client",
    "AsyncRetry": "dataforge_client.aio.transport",
    "DataForge": "dataforge_client.client",
    "Retry": "dataforge_client.transport",
}
"""Where a name is defined; all others are in `errors`. Each is imported when it is first used."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "dataforge_client.errors")), name)

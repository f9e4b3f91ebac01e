"""The exceptions of the client, as a tree.

ClientError
├── ConfigError                 no server, no key, or a profile that cannot be read
├── ConnectionFailed            the server cannot be reached, or closes the connection, after every retry
├── UnexpectedAnswer            the response is not one of this API
├── GenerationFailed            the job that `wait` waited for has failed (`generation` is the job)
├── WaitTimeout                 `wait(timeout=...)` has passed; the job is still running
└── ApiError                    the server returned an error (code, status, errors, request_id, retry_after)
    ├── BadRequest              400
    ├── AuthenticationError     401
    ├── PermissionDenied        403
    ├── NotFound                404
    ├── Conflict                409
    ├── TooLarge                413
    ├── Invalid                 422
    ├── RateLimited             429
    └── ServerError             5xx
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge_client.base_errors import ClientError, UnexpectedAnswer

if TYPE_CHECKING:
    from dataforge_client.models import Generation


__all__ = [
    "ApiError",
    "AuthenticationError",
    "BadRequest",
    "ClientError",
    "ConfigError",
    "Conflict",
    "ConnectionFailed",
    "FieldError",
    "GenerationFailed",
    "Invalid",
    "NotFound",
    "PermissionDenied",
    "RateLimited",
    "ServerError",
    "TooLarge",
    "UnexpectedAnswer",
    "WaitTimeout",
    "api_error",
]


class ConfigError(ClientError):
    pass


class ConnectionFailed(ClientError):
    pass


class WaitTimeout(ClientError):
    pass


class GenerationFailed(ClientError):
    def __init__(self, generation: Generation) -> None:
        job = generation.generation_id
        super().__init__(f"{job}: {generation.error}" if generation.error else f"{job} failed; its logs say why")
        self.generation = generation


@dataclass(frozen=True, slots=True)
class FieldError:
    field: str
    message: str


class ApiError(ClientError):
    """`code` is stable and meant for programs; `retry_after` is in seconds, None when the server sent none. `body` is
    the response as it came, empty unless it is a JSON object."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        errors: tuple[FieldError, ...] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
        body: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.code = message, status, code
        self.errors, self.request_id, self.retry_after = errors, request_id, retry_after
        self.body: Mapping[str, object] = body or {}

    def __str__(self) -> str:
        fields = "; ".join(f"{e.field}: {e.message}" for e in self.errors if e.message not in self.message)
        text = f"{self.message} ({fields})" if fields else self.message
        return f"{text} [request {self.request_id}]" if self.status >= 500 and self.request_id else text


class BadRequest(ApiError):
    pass


class AuthenticationError(ApiError):
    pass


class PermissionDenied(ApiError):
    pass


class NotFound(ApiError):
    pass


class Conflict(ApiError):
    pass


class TooLarge(ApiError):
    pass


class Invalid(ApiError):
    pass


class RateLimited(ApiError):
    pass


class ServerError(ApiError):
    pass


BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
    429: RateLimited,
}


def api_error(status: int, body: object, *, retry_after: float | None = None, fallback: str = "") -> ApiError:
    """The exception for an error response. body: the parsed JSON; None when the response has none."""
    fields: Mapping[str, object] = body if isinstance(body, dict) else {}
    message = fields.get("message") or fields.get("detail") or fields.get("error") or fallback or f"HTTP {status}"
    invalid = fields.get("errors")
    errors = tuple(
        FieldError(str(e.get("field", "")), str(e.get("message", "")))
        for e in (invalid if isinstance(invalid, list) else [])
        if isinstance(e, dict)
    )
    request_id = fields.get("request_id")
    kind = BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    return kind(
        str(message),
        status=status,
        code=str(fields.get("code") or f"HTTP_{status}"),
        errors=errors,
        request_id=str(request_id) if request_id else None,
        retry_after=retry_after,
        body=fields,
    )

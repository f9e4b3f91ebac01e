"""Exit codes of the command, as documented in `docs/cli.md`."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dataforge_client.errors import ApiError, ClientError, ConfigError, GenerationFailed

OK = 0
FAILED = 1
USAGE = 2
PARTIAL = 3
"""A dataset was written, but a document failed or fewer pairs than requested were delivered."""
DENIED = 4
"""The API key, organisation or configuration is wrong, on this machine or on the server."""
BELOW_GRADE = 6
"""A checked file has a lower grade than was asked for."""
INTERRUPTED = 130

REFUSED = "teacher_refused"
"""Ending of the reason of slots whose teacher refuses every call."""

_BY_CODE = {
    "TEACHER_NOT_CONFIGURED": DENIED,
    "MODEL_NOT_ALLOWED": DENIED,
    "UNKNOWN_TEACHER": USAGE,
    "VALIDATION_ERROR": USAGE,
    "MALFORMED_REQUEST": USAGE,
    "TEACHER_CANNOT": USAGE,
    "PRICE_UNKNOWN": USAGE,
    "TOO_SMALL": USAGE,
}
_BY_STATUS = {401: DENIED, 403: DENIED}


class WrongUse(ClientError):
    """What was typed does not fit what is stored on the server."""


def exit_code(error: Exception) -> int:
    if isinstance(error, WrongUse):
        return USAGE
    if isinstance(error, ConfigError):
        return DENIED
    if isinstance(error, GenerationFailed):
        return DENIED if _is_refused(error.generation.reasons.failed) else FAILED
    if isinstance(error, ApiError):
        return _BY_CODE.get(error.code) or _BY_STATUS.get(error.status, FAILED)
    return FAILED


def _is_refused(failed: Mapping[str, int]) -> bool:
    """The teacher refused the calls as such, for the key, the money, the model or the address. Slots of calls that were
    under way meanwhile may have other reasons."""
    refused = sum(n for reason, n in failed.items() if reason.endswith(REFUSED))
    return refused > 0 and refused == max(failed.values())


def is_refusal(message: str | None) -> bool:
    """The same of the error of a synthetic job, which begins with what failed and the reason."""
    return REFUSED in (message or "").partition("(")[0]


def describe(error: Exception) -> str:
    """The error for a person. One that is no error of the server or the system is a defect of this program, and the
    text says so; with DATAFORGE_DEBUG set it has the traceback."""
    if isinstance(error, ClientError | OSError):
        return str(error)
    text = f"{type(error).__name__}: {error} (a defect of dataforge: please report it)"
    if os.environ.get("DATAFORGE_DEBUG"):
        import traceback

        return text + "\n" + "".join(traceback.format_exception(error)).rstrip()
    return f"{text}; DATAFORGE_DEBUG=1 shows where"

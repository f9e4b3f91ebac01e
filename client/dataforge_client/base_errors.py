"""The errors that the response models need. Import them from `errors`, which has the whole tree."""

from __future__ import annotations


class ClientError(Exception):
    """Base of all errors of the client; `str(error)` is one sentence for a person."""


class UnexpectedAnswer(ClientError):
    """The response is not one of this API: not JSON, another type, or a required field is missing."""

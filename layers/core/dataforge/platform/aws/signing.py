"""Signature Version 4 over one HTTP request, with whatever credentials this process has (role, profile, variables).

Calls that run by the hundred are signed here and sent by the caller's own asynchronous pool: a boto3 client would take
a thread for each.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session, get_session


@cache
def _session() -> Session:
    return get_session()


def credentials() -> Credentials | None:
    """None if there are none. They refresh themselves; a refresh is a blocking network call."""
    return _session().get_credentials()


def region() -> str | None:
    return os.environ.get("AWS_REGION") or _session().get_config_variable("region")


@dataclass(frozen=True, slots=True)
class Signer:
    """service: the name in the signature."""

    service: str
    region: str
    credentials: Credentials

    def signed(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        """The headers to send. url: percent-encoded, sent exactly so."""
        request = AWSRequest(method, url, headers=headers, data=body)
        SigV4Auth(self.credentials.get_frozen_credentials(), self.service, self.region).add_auth(request)
        return dict(request.headers.items())

"""Clients of AWS services. From botocore: the resources and transfers that boto3 adds cost a cold start 0.05 s."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.session import Session, get_session

_making = Lock()


def client(service: str, *, config: Config | None = None, endpoint_url: str | None = None) -> Any:
    """A new one; region and credentials are the environment's. It may be shared by threads."""
    with _making:  # a session may not
        return _session().create_client(service, config=config, endpoint_url=endpoint_url)


@cache
def _session() -> Session:
    """One for all: it keeps the service descriptions and the credentials."""
    return get_session()

"""Clients of AWS services. From botocore: the resources and transfers that boto3 adds cost a cold start 0.05 s.

A service that is still overloaded or unreachable after the last retry raises Busy, whichever service it is; a store
that takes no writes raises StoreRefuses; every other error stays botocore's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any, BinaryIO

import orjson
from botocore.config import Config
from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session, get_session

from dataforge import settings
from dataforge.errors import Busy, StoreRefuses

logger = logging.getLogger(__name__)

OVERLOADED = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "SlowDown",
    "InternalServerError",
    "InternalError",
    "ServiceUnavailable",
    "503",
    "500",
}
"""Codes of DynamoDB, S3, Step Functions and Secrets Manager for "later". A HEAD of S3 has its status only."""
SERVICES = (
    *("apigatewaymanagementapi", "application-autoscaling", "bedrock", "dynamodb", "s3", "sagemaker", "secretsmanager"),
    "stepfunctions",
)
"""Every service that anything but the operator's command calls."""
REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "ItemCollectionSizeLimitExceededException",
    "KMS.AccessDeniedException",
    "KMS.DisabledException",
    "KMS.KMSInvalidStateException",
    "KMS.NotFoundException",
    "NoSuchBucket",
}
"""Codes of a store that takes no writes until a person has changed something."""
WRITES = {
    *("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"),
    *("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"),
}
_creating = Lock()


def client(service: str, *, config: Config | None = None, endpoint_url: str | None = None) -> Any:
    """A new client with the region and credentials of the environment; threads may share it."""
    with _creating:  # a session is not thread-safe
        created = _session().create_client(service, config=config, endpoint_url=endpoint_url)
    created.meta.events.register("after-call", _after_response)
    created.meta.events.register("after-call-error", _after_no_response)
    return created


def retries() -> Any:
    """Of a Config. Pauses double from 1 s (0.5 s on average) to 20 s."""
    return {"mode": "standard", "total_max_attempts": max(1, settings.get().store_attempts)}


class _Descriptions(Loader):
    """Descriptions of the services in SERVICES only. Searching all 400, as botocore does for each kind of description,
    costs a cold start 0.03 s; Python's own JSON another 0.04 s."""

    def __init__(self) -> None:
        super().__init__(file_loader=_Json())

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002  # one list for every type
        return [*SERVICES]


class _Json(JSONFileLoader):
    def _load_file(self, full_path: str, open_method: Callable[[str, str], BinaryIO]) -> Any:
        if not os.path.isfile(full_path):
            return None
        with open_method(full_path, "rb") as file:
            return orjson.loads(file.read())


@cache
def _session() -> Session:
    """Shared: it caches the service descriptions and the credentials."""
    session = get_session()
    session.register_component("data_loader", _Descriptions())
    return session


def _after_response(model: Any, parsed: Any, **_: Any) -> None:
    code = str(parsed.get("Error", {}).get("Code", ""))
    if code in OVERLOADED:
        raise _busy(model.name, code)
    if code in REFUSED and model.name in WRITES:
        raise StoreRefuses(f"The store refuses {model.name}: {code}")


def _after_no_response(exception: BaseException, event_name: str, **_: Any) -> None:
    if isinstance(exception, NoConnection | HTTPClientError):
        raise _busy(event_name.rpartition(".")[2], type(exception).__name__) from exception


def _busy(operation: str, why: str) -> Busy:
    logger.warning("gave up %s: %s", operation, why)
    return Busy("The service is overloaded; try again in a moment")

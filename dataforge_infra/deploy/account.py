"""The account and region of the current credentials."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

REMEDY = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run: aws sso login"


class DeployError(Exception):
    """Shown to the user as it is; the message ends with what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    region: str
    user: str
    """ARN of the user or role that deploys."""
    session: Any

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`."""
        return self.user.split(":")[1]

    def client(self, service: str, **options: Any) -> Any:
        return self.session.client(service, region_name=self.region, config=_config(), **options)


def find(region: str | None = None) -> Account:
    """Raises DeployError if there are no valid credentials or no region."""
    session = boto3.Session()
    region = region or session.region_name
    if not region:
        raise DeployError("No region is set: pass --region, or set AWS_REGION")
    try:
        who = session.client("sts", region_name=region, config=_config()).get_caller_identity()
    except (BotoCoreError, ClientError) as problem:
        raise DeployError(f"AWS does not accept your credentials ({problem}): {REMEDY}") from None
    return Account(who["Account"], region, who["Arn"], session)


def _config() -> Config:
    """Path-style bucket names for a custom endpoint, which seldom has a host name per bucket."""
    custom = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return Config(
        retries={"mode": "standard", "total_max_attempts": 8},
        connect_timeout=5,
        read_timeout=60,
        s3={"addressing_style": "path" if custom else "auto"},
    )

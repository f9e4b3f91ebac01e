"""Uploads archives and templates to a bucket from which CloudFormation and Lambda read them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from dataforge_infra.deploy.account import Account, DeployError
from dataforge_infra.deploy.assembly import Asset

_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


def upload(account: Account, assets: Iterable[Asset], say: Callable[[str], None]) -> None:
    """Keys are content hashes: an existing object is not uploaded again."""
    s3 = account.client("s3")
    ready: set[str] = set()
    for asset in assets:
        if asset.bucket not in ready:
            _create_bucket(s3, asset.bucket, account, say)
            ready.add(asset.bucket)
        if _exists(partial(s3.head_object, Bucket=asset.bucket, Key=asset.key, ExpectedBucketOwner=account.id)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = asset.packed(Path(folder))
            say(f"uploading {asset.source.name} ({file.stat().st_size / 1e6:.1f} MB)")
            s3.upload_file(str(file), asset.bucket, asset.key, ExtraArgs={"ExpectedBucketOwner": account.id})


def _create_bucket(s3: Any, name: str, account: Account, say: Callable[[str], None]) -> None:
    """Private, encrypted, TLS only. Old archives stay: a rollback may need them, and they cost next to nothing.

    Raises DeployError when another account has taken the name: templates must never come from another account's bucket.
    """
    try:
        if _exists(lambda: s3.head_bucket(Bucket=name, ExpectedBucketOwner=account.id)):
            return
    except ClientError as problem:
        raise DeployError(
            f"The bucket {name} cannot be used ({problem}): it must belong to account {account.id}; your "
            "permissions must include s3:ListBucket on it"
        ) from None
    say(f"creating the bucket {name} for archives and templates")
    place = (
        {} if account.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
    )
    s3.create_bucket(Bucket=name, **place)
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    if s3.meta.endpoint_url.startswith("https:"):
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(_tls_only(name, account.partition)))


def _tls_only(bucket: str, partition: str) -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:{partition}:s3:::{bucket}", f"arn:{partition}:s3:::{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def _exists(request: Callable[[], object]) -> bool:
    try:
        request()
    except ClientError as problem:
        if problem.response["Error"]["Code"] in _MISSING:
            return False
        raise
    return True

"""Files in one S3 bucket."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import chain, islice
from typing import Any, BinaryIO, cast

from botocore.config import Config
from botocore.exceptions import ClientError

from dataforge.errors import DataForgeError
from dataforge.platform.aws import clients
from dataforge.platform.file_keys import check_key, check_prefix, disposition
from dataforge.platform.ports import FileInfo

PART_BYTES = 8 << 20
"""S3 takes at most 10,000 parts: 80 GB an object."""
_IN_MEMORY = 8 << 20
_DELETE = 1000
_BINARY = "application/octet-stream"
_MISSING = {"NoSuchKey", "404", "NotFound"}


class S3Files:
    """`ports.Files`."""

    def __init__(self, bucket: str, *, client: Any = None) -> None:
        self._bucket = bucket
        if client is not None:
            self._client = client

    @cached_property
    def _client(self) -> Any:
        return clients.client("s3", config=_config())

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        if length == 0:
            return b""
        wanted = {} if start == 0 and length is None else {"Range": _range(start, length)}
        try:
            return cast(bytes, self._get(key, **wanted)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidRange":  # it starts behind the last byte
                return b""
            raise

    def stream(self, key: str, *, chunk_size: int = 1 << 20) -> Iterator[bytes]:
        return cast("Iterator[bytes]", self._get(key)["Body"].iter_chunks(chunk_size))

    def write(self, key: str, data: bytes, *, content_type: str = _BINARY) -> FileInfo:
        done = self._client.put_object(Bucket=self._bucket, Key=check_key(key), Body=data, ContentType=content_type)
        return _written(key, len(data), content_type, done)

    def write_stream(self, key: str, parts: Iterable[bytes], *, content_type: str = _BINARY) -> FileInfo:
        blocks = _blocks(parts, PART_BYTES)
        first = next(blocks, b"")
        if len(first) < PART_BYTES:
            return self.write(key, first, content_type=content_type)
        place = {"Bucket": self._bucket, "Key": check_key(key)}
        upload = self._client.create_multipart_upload(**place, ContentType=content_type)["UploadId"]
        try:
            etags, size = [], 0
            for number, block in enumerate(chain((first,), blocks), 1):
                etags.append(self._part(place, upload, number, block))
                size += len(block)
            done = self._client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": etags})
        except BaseException:
            self._client.abort_multipart_upload(**place, UploadId=upload)
            raise
        return _written(key, size, content_type, done)

    def open(self, key: str) -> BinaryIO:
        """Fetched whole: in memory up to 8 MiB, else in a temporary file."""
        file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # the caller closes it
        try:
            for chunk in self.stream(key):
                file.write(chunk)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return cast(BinaryIO, file)

    def info(self, key: str) -> FileInfo | None:
        try:
            head = self._client.head_object(Bucket=self._bucket, Key=check_key(key))
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        return FileInfo(
            key,
            head["ContentLength"],
            head.get("ContentType", _BINARY),
            head["ETag"].strip('"'),
            head["LastModified"].timestamp(),
        )

    def list(self, prefix: str) -> Iterator[FileInfo]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield FileInfo(
                    found["Key"], found["Size"], "", found["ETag"].strip('"'), found["LastModified"].timestamp()
                )

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=check_key(key))

    def delete_prefix(self, prefix: str) -> int:
        found = self.list(check_prefix(prefix))
        count = 0
        while batch := [{"Key": info.key} for info in islice(found, _DELETE)]:
            reply = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True})
            if left := reply.get("Errors"):
                raise DataForgeError(f"S3 kept {len(left)} files of {prefix}: {left[0].get('Message')}")
            count += len(batch)
        return count

    def presign_get(self, key: str, *, expires_in: int = 3600, filename: str | None = None) -> str:
        named = {"ResponseContentDisposition": disposition(filename)} if filename is not None else {}
        return self._sign("get_object", key, expires_in, named)

    def presign_put(
        self, key: str, *, content_type: str | None, content_length: int | None = None, expires_in: int = 3600
    ) -> str:
        bound = {"ContentType": content_type, "ContentLength": content_length}
        return self._sign("put_object", key, expires_in, {n: v for n, v in bound.items() if v is not None})

    def on_created(self, callback: Callable[[FileInfo], None]) -> None:
        """Nothing to do: the bucket's EventBridge rule starts `dataforge_functions/on_upload.py`."""

    def _get(self, key: str, **wanted: str) -> Any:
        with _missing(key):
            return self._client.get_object(Bucket=self._bucket, Key=check_key(key), **wanted)

    def _part(self, place: dict[str, str], upload: str, number: int, block: bytes) -> dict[str, Any]:
        done = self._client.upload_part(**place, UploadId=upload, PartNumber=number, Body=block)
        return {"PartNumber": number, "ETag": done["ETag"]}

    def _sign(self, method: str, key: str, expires_in: int, parameters: dict[str, Any]) -> str:
        place = {"Bucket": self._bucket, "Key": check_key(key)}
        return str(self._client.generate_presigned_url(method, Params={**place, **parameters}, ExpiresIn=expires_in))


def _written(key: str, size: int, content_type: str, reply: Any) -> FileInfo:
    """S3's response has no time of modification; the local clock is close enough for a listing."""
    return FileInfo(key, size, content_type, reply["ETag"].strip('"'), time.time())


def _config() -> Config:
    """Signed URLs must use the region's host: browsers and SDKs do not follow the global host's redirect with a PUT.
    A custom endpoint seldom has a host name per bucket."""
    custom = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return Config(
        signature_version="s3v4",
        retries=clients.retries(),
        connect_timeout=3,
        read_timeout=30,
        max_pool_connections=50,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if custom else "virtual", "us_east_1_regional_endpoint": "regional"},
    )


@contextmanager
def _missing(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            raise FileNotFoundError(f"There is no file {key}") from error
        raise


def _range(start: int, length: int | None) -> str:
    return f"bytes={start}-" if length is None else f"bytes={start}-{start + length - 1}"


def _blocks(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in blocks of exactly `size`, but for the last."""
    held = bytearray()
    for part in parts:
        held += part
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)

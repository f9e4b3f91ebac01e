"""Signed requests to one AWS endpoint, through the connection pool of a teacher."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dataforge.errors import TeacherRefused, TeacherUnreachable
from dataforge.teachers.connection import Connection
from dataforge.teachers.response import Response

if TYPE_CHECKING:
    from botocore.credentials import Credentials

HINT = "Allow this action to the role or user whose credentials the server runs with."


class AwsCall:
    """service: the name in the signature. base_url: scheme and host. key: a Bedrock API key instead of a signature."""

    def __init__(
        self, name: str, timeout: float, *, service: str, region: str, base_url: str, key: str | None = None
    ) -> None:
        self._name, self._service, self._region = name, service, region
        self._base_url, self._key = base_url.rstrip("/"), key
        self._connection = Connection(name, timeout)
        self._credentials: Credentials | None = None

    async def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> Response:
        """As `send`, with POST."""
        return await self.send("POST", path, body, headers)

    async def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Response:
        """path: percent-encoded. Raises TeacherRefused when this process has no credentials."""
        url = self._base_url + path
        sent = {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}
        if self._key:
            sent["Authorization"] = f"Bearer {self._key}"
        else:
            sent = await asyncio.to_thread(self._signed, method, url, body, sent)
        return await self._connection.send(method, url, sent, body, encoded=True)

    async def close(self) -> None:
        await self._connection.close()

    def _signed(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        """In a thread: short-lived credentials are renewed over the network now and then."""
        from dataforge.platform.aws import signing  # botocore costs 0.2 s: only where it is used

        try:
            self._credentials = self._credentials or signing.credentials()
            if self._credentials is None:
                raise TeacherRefused(f"{self._name} needs AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID")
            signer = signing.Signer(self._service, self._region, self._credentials)
            return signer.signed(method, url, body, headers)
        except TeacherRefused:
            raise
        except Exception as problem:
            raise TeacherUnreachable(f"{self._name}: the AWS credentials cannot be read: {problem}") from problem

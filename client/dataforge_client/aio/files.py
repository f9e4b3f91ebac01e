"""Upload to and download from signed URLs, streamed in constant memory."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from dataforge_client.aio.runtime import in_thread
from dataforge_client.aio.transport import Transport
from dataforge_client.errors import ClientError, ConnectionFailed
from dataforge_client.file_types import OnBytes
from dataforge_client.outcomes import OutcomeFile
from dataforge_client.upload_source import UploadSource

BLOCK_SIZE = 256 * 1024


async def upload(
    transport: Transport, url: str, source: UploadSource, *, content_type: str, on_bytes: OnBytes | None = None
) -> None:
    """PUT exactly `source.size` bytes; a retry starts again at the first of them."""

    async def blocks() -> AsyncIterator[bytes]:
        sent = 0
        await in_thread(source.rewind)
        while block := await in_thread(partial(source.file.read, min(BLOCK_SIZE, source.size - sent))):
            sent += len(block)
            yield block
            if on_bytes:
                on_bytes(sent)
        if sent < source.size:
            raise ClientError(f"{source.origin} became shorter while it was uploaded")

    await transport.put_file(url, blocks, size=source.size, content_type=content_type)


async def download_outcome(
    transport: Transport,
    job: str,
    get_files: Callable[[], Awaitable[Mapping[str, OutcomeFile]]],
    outcome: str,
    target: Path,
) -> int:
    """Download the slots of a job with this outcome. Returns the number of lines.

    get_files: by outcome. Raises ClientError when the job has no such outcome.
    """

    async def outcome_file() -> OutcomeFile:
        found = await get_files()
        if outcome not in found:
            raise ClientError(f"{job} has no outcome {outcome!r}: it has {', '.join(found) or 'no outcomes'}")
        return found[outcome]

    async def get_url() -> str:
        return (await outcome_file()).url

    lines = (await outcome_file()).lines
    await download(transport, get_url, target)
    return lines


async def download(
    transport: Transport,
    get_url: Callable[[], Awaitable[str]],
    target: Path,
    *,
    size: int | None = None,
    on_bytes: OnBytes | None = None,
    tries: int = 3,
) -> None:
    """Download to a temporary file, then rename it: `target` is the old file or the complete new one, never a part.

    get_url: called before each try, because a signed URL may have expired. A link is followed and
    kept. Raises ConnectionFailed after `tries`, ClientError where the target is a folder or a device.
    """
    target = target.resolve()
    if target.exists() and not target.is_file():  # renaming would put a file in the place of a device
        raise ClientError(f"{target} is not a regular file")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".{target.name[:100]}.{secrets.token_hex(4)}.part"
    try:
        for attempt in range(tries):
            try:
                received = await _fetch(transport, await get_url(), part, on_bytes)
                if size is not None and received != size:
                    raise ConnectionFailed(f"The download ended after {received} of {size} bytes")
                break
            except ConnectionFailed:
                if attempt + 1 == tries:
                    raise
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


async def _fetch(transport: Transport, url: str, part: Path, on_bytes: OnBytes | None) -> int:
    received = 0
    with part.open("wb") as file:
        async with transport.get_file(url) as blocks:
            async for block in blocks:
                await in_thread(partial(file.write, block))
                received += len(block)
                if on_bytes:
                    on_bytes(received)
        file.flush()
        await in_thread(partial(os.fsync, file.fileno()))
    return received

"""A file in a multipart request, of which no more is read than may be."""

from __future__ import annotations

import re

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.types import Message

from dataforge.errors import Malformed

FIELD = "file"
HEAD_BYTES = 16 * 1024
"""In which the file's name stands."""
OVERHEAD_BYTES = 64 * 1024
"""Boundaries, headers and other fields of the form."""
_NAME = re.compile(rb'filename="([^"\r\n]{1,600})"')


class OverLimit(Exception):
    """The file is larger than what a request may carry."""

    def __init__(self, filename: str | None) -> None:
        super().__init__("the file is over the limit")
        self.filename = filename


async def file_of(request: Request, limit: int) -> UploadFile:
    """The file in the field `file`; the caller closes it. Raises Malformed, OverLimit (bytes of the file)."""
    from python_multipart.multipart import parse_options_header  # only for a file that comes with its request

    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Malformed(
            f"Send the file as multipart/form-data, in a field named {FIELD}; curl does it with -F {FIELD}=@data.jsonl",
            field=FIELD,
        )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit + OVERHEAD_BYTES:
        raise OverLimit(await _name_in_head(request))
    form = await _form(request, limit)
    file = form.get(FIELD)
    if not isinstance(file, UploadFile):
        await form.close()
        problem = "is no file" if isinstance(file, str) else "is missing"
        raise Malformed(f"The form field '{FIELD}' {problem}: it holds the JSONL file", field=FIELD)
    if file.size is not None and file.size > limit:
        await file.close()
        raise OverLimit(file.filename)
    return file


async def _form(request: Request, limit: int) -> FormData:
    """Larger files are spooled to disk while they come. Raises Malformed, OverLimit."""
    read = 0

    async def receive() -> Message:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > limit + OVERHEAD_BYTES:
            raise MultiPartException("too large")  # on which the parser closes what it has opened
        return message

    try:
        return await Request(request.scope, receive).form(max_files=1, max_fields=10)
    except HTTPException as problem:
        if problem.status_code != 400:
            raise
        if read > limit + OVERHEAD_BYTES:
            raise OverLimit(None) from None
        raise Malformed(f"The form cannot be read: {problem.detail}", field=FIELD) from None


async def _name_in_head(request: Request) -> str | None:
    """The file's name, from the first bytes of the body; the rest is not read."""
    head = b""
    async for part in request.stream():
        head += part
        if len(head) >= HEAD_BYTES or b"\r\n\r\n" in head:
            break
    found = _NAME.search(head[:HEAD_BYTES])
    return found[1].decode("utf-8", "replace") if found else None

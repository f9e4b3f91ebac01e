"""The answer that carries a quality report as a page: its own policy, never a script, never in a frame."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse

from dataforge.errors import NotFound
from dataforge.platform import current
from dataforge.quality.html_report import POLICY

HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One page without scripts, and without anything from another host",
        "content": {"text/html": {"schema": {"type": "string"}, "example": '<!doctype html>\n<html lang="en">...'}},
    }
}


def respond(key: str, name: str) -> HTMLResponse:
    """key: of the file; name: of the file that a browser saves. Raises NotFound."""
    try:
        page = current().files.read(key)
    except FileNotFoundError:
        raise NotFound("There is no report: it was made by an earlier release, or is not made yet") from None
    return HTMLResponse(page, headers={**HEADERS, "Content-Disposition": f'inline; filename="{name}"'})

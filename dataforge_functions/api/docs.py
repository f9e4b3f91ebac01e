"""The OpenAPI document, and a Swagger UI page whose files are all served from here."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

router = APIRouter(include_in_schema=False)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI is a large third-party script: the policy lets it connect to this server only."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

# The validator would send the document to another host; a key typed into the page is forgotten with it.
START = """SwaggerUIBundle({
  url: document.currentScript.dataset.document, dom_id: "#page", presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null, persistAuthorization: false, deepLinking: true, tryItOutEnabled: true, filter: true,
  docExpansion: "list", defaultModelsExpandDepth: 0, displayRequestDuration: true, syntaxHighlight: false
});
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{title}</title>
  <link rel="icon" href="{base}/docs/favicon.png">
  <link rel="stylesheet" href="{base}/docs/swagger-ui.css">
</head>
<body>
  <div id="page"></div>
  <noscript>This page needs JavaScript. The document itself: <a href="{base}/openapi.json">openapi.json</a></noscript>
  <script src="{base}/docs/swagger-ui-bundle.js"></script>
  <script src="{base}/docs/start.js" data-document="{base}/openapi.json"></script>
</body>
</html>
"""
FRONT = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{title}</title>
  <link rel="icon" href="{base}/docs/favicon.png">
</head>
<body>
  <h1>{title}</h1>
  <p>Makes the examples that you need to fine-tune a language model. This is the server of the API; every request needs
  a key.</p>
  <ul>
    <li><a href="{base}/docs">The API, to read and to try</a></li>
    <li><a href="{base}/openapi.json">Its description for programs (OpenAPI)</a></li>
    <li><a href="{base}/health">Whether it is up</a></li>
  </ul>
  <p>From a terminal: <code>dataforge login</code>, then <code>dataforge run ./docs --out dataset.jsonl</code>.</p>
</body>
</html>
"""
"""For people who open the server's address in a browser."""
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
    "start.js": "text/javascript; charset=utf-8",
}


def base_path(request: Request) -> str:
    """The prefix that API Gateway removes from the path: `/dev` on a stage's own URL, nothing elsewhere."""
    event: dict[str, Any] = request.scope.get("aws.event") or {}
    sent, seen = str(event.get("requestContext", {}).get("path", "")), str(event.get("path", ""))
    return sent.removesuffix(seen) if seen and sent.endswith(seen) else ""


@router.get("/openapi.json")
def openapi(request: Request) -> JSONResponse:
    document, base = request.app.openapi(), base_path(request)
    return JSONResponse({**document, "servers": [{"url": base}]} if base else document)


@router.get("/")
def front_page(request: Request) -> HTMLResponse:
    values = {"title": f"{request.app.title} {request.app.version}", "base": base_path(request)}
    return HTMLResponse(FRONT.format(**{name: escape(value) for name, value in values.items()}), headers=HEADERS)


@router.get("/docs")
def page(request: Request) -> HTMLResponse:
    title = f"{request.app.title} {request.app.version}"
    return HTMLResponse(PAGE.format(title=escape(title), base=escape(base_path(request))), headers=HEADERS)


@dataclass(frozen=True, slots=True)
class Asset:
    plain: bytes
    zipped: bytes
    etag: str


@cache
def asset(name: str) -> Asset:
    """One file of the page; compressed once, since the script has 1.5 MB."""
    spec = find_spec("fastapi_offline")
    assert spec is not None  # noqa: S101  a dependency of ours
    assert spec.origin is not None  # noqa: S101
    plain = START.encode() if name == "start.js" else (Path(spec.origin).parent / "static" / name).read_bytes()
    return Asset(plain, gzip.compress(plain, mtime=0), f'"{hashlib.sha256(plain).hexdigest()[:32]}"')


def _serve(request: Request) -> Response:
    name = request.scope["path"].rsplit("/", 1)[-1]
    found = asset(name)
    headers = {
        **HEADERS,
        "ETag": found.etag,
        "Cache-Control": "public, max-age=3600",
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=headers)
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return Response(found.zipped if zipped else found.plain, media_type=ASSETS[name], headers=headers)


for _name in ASSETS:
    router.add_api_route(f"/docs/{_name}", _serve, methods=["GET"])

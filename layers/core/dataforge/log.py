"""Structured logs: one JSON object a line on stderr, with the run and organisation at hand, never a secret."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from contextvars import ContextVar

context: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)
"""What every line of this task carries (run_id, org_id, request_id)."""

_SECRET = re.compile(r"(sk[_-][A-Za-z0-9_-]{8,}|Bearer\s+\S+|X-Amz-Signature=[0-9a-f]+|sig=[0-9a-f]{16,})")


def redact(text: str) -> str:
    """Replace API keys, bearer tokens and URL signatures by `[redacted]`."""
    return _SECRET.sub("[redacted]", text)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(), "logger": record.name, "message": redact(record.getMessage()),
            **(context.get() or {}),
        }
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def configure(level: str) -> None:
    """Send every logger of this process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    logging.basicConfig(level=level, handlers=[handler], force=True)

"""Structured logs: one JSON object a line on stderr, with the run and organisation at hand, never a secret."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

context: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)
"""What every line of this task carries (run_id, org_id, request_id)."""

_FACTS = ("run_id", "org_id", "project_id")


@contextmanager
def about(event: Mapping[str, object]) -> Iterator[None]:
    """Every line inside names the run, organisation and project of a state's event, and nothing else of it."""
    token = context.set({**(context.get() or {}), **{name: str(event[name]) for name in _FACTS if name in event}})
    try:
        yield
    finally:
        context.reset(token)


def add(**facts: str) -> None:
    """What was learned meanwhile joins the lines of this request, also those of other threads that work on it."""
    known = context.get()
    if known is not None:
        known.update(facts)


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

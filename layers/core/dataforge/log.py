"""Structured logs: one JSON object a line on stderr, with the run and organisation at hand, never a secret."""

from __future__ import annotations

import json
import logging
import os
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
    """Every line inside names the run, organisation and project of a state's event, and nothing else of it.

    An exception that leaves holds no secret either: Lambda's own runtime logs it, and Step Functions keeps it.
    """
    token = context.set({**(context.get() or {}), **{name: str(event[name]) for name in _FACTS if name in event}})
    try:
        yield
    except Exception as problem:
        problem.args = tuple(redact(a) if isinstance(a, str) else a for a in problem.args)
        raise
    finally:
        context.reset(token)


def add(**facts: str) -> None:
    """What was learned meanwhile joins the lines of this request, also those of other threads that work on it."""
    known = context.get()
    if known is not None:
        known.update(facts)


_SECRET = re.compile(
    "|".join(
        (
            # Keys of ours (sk_) and of model providers (sk-, sk-ant-, sk-proj-). Words that end in "sk" go on with
            # letters.
            r"(?:(?<![A-Za-z])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))sk[_-][\w-]{8,}",
            r"sk[_-][\w-]{32,}",
            r"(?i:bearer|basic)(?:\s|%20)+[\w.~+/=-]{12,}",
            r"\b(?:AKIA|ASIA)[A-Z0-9]{16}",
            r"eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?",  # a JWT
            r"(?i:x-amz-(?:signature|credential|security-token)|signature|credential)(?:=|%3[Dd])[^\s&,\"'<>]+",
            r"(?:sig|api_key)=[^\s&\"'<>]+",
            r"(?i:(?:x-api-key|authorization|(?:aws_?)?(?:secret_?access_?key|session_?token)))[\"']?\s*[:=]\s*b?[\"']?"
            r"(?i:(?:bearer|basic|aws4-hmac-sha256)\s+)?[^\s,\"'<>]+",
        )
    )
)
"""What looks like a secret wherever it stands."""

_known: dict[str, None] = {}


def hide(secret: str | None) -> None:
    """From now on this value is a secret whatever it looks like: keys of one's own servers have no shape."""
    if secret and len(secret.strip()) >= 8:
        _known[secret.strip()] = None


def redact(text: str) -> str:
    """Replace what was given to `hide`, API keys, tokens, credentials and signatures by `[redacted]`."""
    for secret in _known:
        text = text.replace(secret, "[redacted]")
    return _SECRET.sub("[redacted]", text)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
            **(context.get() or {}),
        }
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


OURS = ("dataforge", "functions", "infra")


def configure(level: str) -> None:
    """Send every logger of this process to stderr as JSON lines. The level is that of our own loggers: what libraries
    say below INFO are whole requests, with the customers' documents and the signatures of our keys in them."""
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        hide(os.environ.get(name))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    root = logging.getLogger()
    for name in OURS:
        logging.getLogger(name).setLevel(root.level)
    root.setLevel(max(root.level, logging.INFO))

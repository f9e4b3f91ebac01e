"""Structured logs: one JSON object a line on stderr, with the run and organisation at hand, never a secret.

The lines are those of Powertools for AWS Lambda (`docs/decisions/0001-powertools.md`), on one machine as well.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

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
        _clean(problem)
        if redact(str(problem)) == str(problem):
            raise
        # Its text does not come from `args` (OSError): the same name, which Step Functions matches, with a clean text.
        named = type(type(problem).__name__, (RuntimeError,), {})
        raise named(redact(str(problem))).with_traceback(problem.__traceback__) from None
    finally:
        context.reset(token)


def _clean(problem: Exception) -> None:
    problem.args = tuple(redact(a) if isinstance(a, str) else a for a in problem.args)
    if hasattr(problem, "__notes__"):
        problem.__notes__ = [redact(str(note)) for note in problem.__notes__]


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
            r"eyJ(?:(?!eyJ)[\w-]){5,}+\.[\w-]{5,}(?:\.[\w-]*)?",  # a JWT
            r"(?i:x-amz-(?:signature|credential|security-token)|signature|credential)(?:=|%3[Dd])[^\s&,\"'<>]+",
            r"(?<=://)[^\s/?#@\"'<>]+(?=@)",  # user and password of a URL
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


class JsonLines(LambdaPowertoolsFormatter):
    """The formatter of Powertools' Logger with our keys; every text in a line passes `redact`.

    Keys: level, location, message, timestamp (RFC 3339, UTC), service, name (of the logger); where known run_id,
    org_id, project_id, request_id, xray_trace_id; where given exception, exception_name and what came as `extra`.
    """

    def __init__(self) -> None:
        super().__init__(
            json_deserializer=str,  # a message that happens to be JSON stays the text it is
            utc=True,
            use_rfc3339=True,
            serialize_stacktrace=False,  # `exception` has it as text
            service="dataforge",
            name="%(name)s",
        )

    def serialize(self, log: Mapping[str, object]) -> str:
        facts = {**log, **(context.get() or {})}
        own = {key: facts.pop(key) for key in _OWN if key in facts}
        return super().serialize(own | _safe_keys({key: one for key, one in facts.items() if key not in _UNWANTED}))


_OWN = ("level", "timestamp", "location", "name")
"""Written by the formatter from what stands in the source code (no `extra` may replace it): nothing to hide."""
_UNWANTED = ("taskName", "color_message")
"""Attributes of log records that only repeat or decorate: of asyncio since Python 3.12, of uvicorn."""


def _safe_keys(values: Mapping[object, object]) -> dict[str, object]:
    return {redact(str(key)): _safe(one, str(key)) for key, one in values.items()}


def _safe(value: object, name: str) -> object:
    """The value as JSON types, without secrets, also those that only their name tells (`api_key`)."""
    if isinstance(value, Mapping):
        return _safe_keys(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_safe(one, name) for one in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    redacted = redact(f"{name}={value}")
    return redacted.removeprefix(f"{name}=") if redacted.startswith(f"{name}=") else "[redacted]"


OURS = ("dataforge", "dataforge_functions", "dataforge_infra")


def configure(level: str) -> None:
    """Send every logger of this process to stderr as JSON lines. The level is that of our own loggers: what libraries
    say below INFO are whole requests, with the customers' documents and the signatures of our keys in them."""
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        hide(os.environ.get(name))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    root = logging.getLogger()
    for name in OURS:
        logging.getLogger(name).setLevel(root.level)
    root.setLevel(max(root.level, logging.INFO))

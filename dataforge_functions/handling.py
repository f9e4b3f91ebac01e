"""What every function does around its own work, except the API, which has a middleware for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

from dataforge import log, settings

Handler = TypeVar("Handler", bound=Callable[[Any, Any], Any])


def lambda_handler(handler: Handler) -> Handler:
    """Log lines name the run of the event, exceptions leave without secrets, and X-Ray records it where that is on."""

    @wraps(handler)
    def handle(event: Mapping[str, Any], context: object) -> object:
        with log.about(_state(event)):
            return handler(event, context)

    return _traced(handle)  # type: ignore[return-value]  # the same signature


def _state(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a state was given: the event, or its part beside a task token."""
    inner = event.get("state")
    return inner if isinstance(inner, Mapping) else event


def _traced(handle: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """With `-c tracer=yes`; imported only then. Only the AWS SDK is patched: patching everything that Powertools
    knows takes 0.2 s of a cold start. Responses and events stay out of the trace.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ or not settings.get().tracer:
        return handle
    from aws_lambda_powertools.tracing import Tracer

    tracer = Tracer(service="dataforge", patch_modules=("botocore",))
    return tracer.capture_lambda_handler(handle, capture_response=False)

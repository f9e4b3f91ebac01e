"""Which error an unsuccessful response stands for: try again, give up this prompt, or give up altogether."""

from __future__ import annotations

import re

from dataforge.errors import TeacherBusy, TeacherError, TeacherRefused, TeacherUnreachable
from dataforge.teachers.response import (
    Response,
    complaint,
    error_codes,
    error_message,
    original_status,
    rate_limits,
    retry_after,
)

BUSY = (429, 503, 529)
_TRANSIENT = (408, 409, 424)
"""Statuses below 500 after which the same request may well pass."""
_TIMED_OUT = (408, 504, 524)
"""A server gave up on the model, which may have worked all that time."""
_ABOUT_THE_REQUEST = (400, 413, 422)
"""Statuses for something in the request; the rest (401, 403, 404 ...) concern every request alike."""
LONG_WAIT = 5.0
"""Seconds after which a 5xx may come from a model that has worked; a server that is down answers at once."""
UNPAID = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "credit_balance_exhausted",
    "enforced_spend_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "insufficient_credits",
    "account_deactivated",
}
"""Error codes that come as "too many requests", but that no waiting ends."""

_PROMPT = re.compile(
    r"context.?(length|window|size)|too long|too many (input )?tokens|number of (input )?tokens"
    r"|(content|safety|usage).?polic|content.?filter|invalid.{0,20}(utf|unicode|character)|surrogate"
)
_ACCOUNT = re.compile(
    r"credit balance|spend limit|usage limits|billing|insufficient.?quota|exceeded.{0,30}quota"
    r"|api.?key|authenticat|not authori[sz]ed|access denied|operation not allowed"
    r"|model.?(identifier|id)\b.{0,80}(invalid|unknown)|model_not_found|on-demand throughput"
    r"|(model|endpoint)\b.{0,120}(not found|does not exist|not available|no longer|decommissioned)"
    r"|(unknown|no such) model"
)
_MODERATED = re.compile(r"flagged|moderation")
"""A 403 that is about what one prompt says (OpenRouter)."""
_PARAMETER = re.compile(
    r"unsupported.?(parameter|value|field)|unknown.?(parameter|field)|unrecognized request argument"
    r"|extra (inputs|fields) (are )?not permitted|model (doesn.?t|does not) support|missing field|field required"
    r"|requested parameters|no endpoints found that"
)


def failure(
    name: str,
    response: Response,
    *,
    hint: str = "Check the key of this teacher where the server runs.",
    advice: str = "",
    is_prompt: bool = True,
) -> TeacherError:
    """The error that an unsuccessful response stands for.

    hint: what to do about a 401 or 403. advice: about any other refusal. is_prompt: the request held one prompt;
    False: it was about a batch job.
    """
    status, text = original_status(response), error_message(response.raw)
    if status not in _ABOUT_THE_REQUEST:
        status = response.status
    after_long = response.seconds >= LONG_WAIT
    if status in BUSY and not is_unpaid(response.raw):
        return TeacherBusy(
            f"{name} is busy (HTTP {status}): {text}",
            retry_after=retry_after(response.headers),
            rates=rate_limits(response.headers),
            limited=status == 429,
            may_be_billed=status != 429 and after_long,
        )
    if (status >= 500 and status not in BUSY) or status in _TRANSIENT:
        return TeacherUnreachable(
            f"{name} failed (HTTP {status}): {text}",
            may_be_billed=after_long or status in _TIMED_OUT,
            timed_out=status in _TIMED_OUT,
        )
    if status in (401, 403):
        advice = hint
    if status == 402 or is_unpaid(response.raw):
        advice = "The account has no money or quota left; add some at the provider, then resume."
    if 300 <= status < 400:
        advice = f"It redirects to {response.headers.get('location')}: set the base URL to where it really is."
    return TeacherRefused(
        f"{name} refused the call (HTTP {status}): {text.rstrip('.')}.{' ' if advice else ''}{advice}",
        this_prompt_only=is_prompt and is_one_prompt_refused(status, response.raw),
    )


def is_unpaid(raw: bytes) -> bool:
    """The account has no money or quota left, so that no waiting helps."""
    return not error_codes(raw).isdisjoint(UNPAID)


def is_one_prompt_refused(status: int, raw: bytes) -> bool:
    """Whether a refusal is about what this one request asks; True as well where that cannot be told."""
    text = complaint(raw)
    if status == 403:
        return bool(_MODERATED.search(text))
    if status not in _ABOUT_THE_REQUEST:
        return False
    if _PROMPT.search(text):
        return True
    return not (is_unpaid(raw) or _ACCOUNT.search(text) or _PARAMETER.search(text))


def names_the_prompt(response: Response) -> bool:
    """The refusal says that the prompt is too long or not allowed."""
    return bool(_PROMPT.search(complaint(response.raw)))


def names_a_parameter(response: Response) -> bool:
    """The refusal says that a part of the request is not supported. A gateway says so with a 404 (OpenRouter)."""
    return bool(_PARAMETER.search(complaint(response.raw)))


def names_the_account(response: Response) -> bool:
    """The refusal says that the key, the money or the model is the problem."""
    return is_unpaid(response.raw) or bool(_ACCOUNT.search(complaint(response.raw)))

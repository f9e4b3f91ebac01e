"""Settings that differ between deployments; everything else in the templates is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Stage:
    name: str
    requests_per_second: int
    """Steady rate limit of the API for all callers together; beyond it and `burst` they get 429."""
    burst: int
    log_days: int
    """How long logs are kept: one of LOG_DAYS."""
    waf: bool
    """A web ACL that blocks an address above `requests_per_address`: 6 USD a month and 0.60 a million requests."""
    snap_start: bool = False
    """Restore the API function from a snapshot instead of starting it cold. The kept snapshot is paid per GB and
    second: about 3.95 USD a month for the 1 GB function, whether used or not."""
    dashboard: bool = False
    """A page of graphs: 3 USD a month, unless it is one of the account's first three and shows at most 50 metrics."""
    trace: bool = True
    tracer: bool = False
    """Functions other than `api` record their AWS calls in X-Ray (Powertools Tracer, whose SDK AWS only maintains).
    Without it X-Ray still has a record for each request, execution and invocation."""
    requests_per_address: int = 3000
    """In five minutes, with `waf`."""
    alarm_email: str | None = None
    """Receives alarms and budget notifications; AWS asks the address to confirm."""
    budget_usd: float | None = None
    """Mail at 80 % and 100 % of this much a month, and when the forecast passes it; counts what carries our tag."""
    domain: str | None = None
    """Host name of the API, with `certificate_arn` (ACM, same region)."""
    certificate_arn: str | None = None

    @property
    def prefix(self) -> str:
        """Prefix of every name that must be known before the resource exists."""
        return f"dataforge-{self.name}-"


STAGES = {
    stage.name: stage
    for stage in (
        Stage("dev", requests_per_second=50, burst=100, log_days=14, waf=False),
        Stage("prod", requests_per_second=500, burst=1000, log_days=90, waf=True),
    )
}


def _switch(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError("say yes or no")
    return text == "yes"


LOG_DAYS = (7, 14, 30, 90, 365)


def _log_days(text: str) -> int:
    if text not in map(str, LOG_DAYS):
        raise ValueError(f"choose one of {', '.join(map(str, LOG_DAYS))}")
    return int(text)


def _dollars(text: str) -> float:
    amount = float(text)
    if not amount > 0:
        raise ValueError("must be above 0")
    return amount


OPTIONS: dict[str, Callable[[str], object]] = {
    "waf": _switch,
    "snap_start": _switch,
    "tracer": _switch,
    "dashboard": _switch,
    "alarm_email": str,
    "budget_usd": _dollars,
    "domain": str,
    "certificate_arn": str,
    "requests_per_address": int,
    "log_days": _log_days,
}
"""`-c name=value` -> how to read it into the Stage; docs/deploy.md lists them."""


def chosen(get: Callable[[str], object]) -> Stage:
    """get: a context value by name, None when it was not given. Raises ValueError naming the value and the choice."""
    name = get("stage")
    if name not in STAGES:
        raise ValueError(f"-c stage={name}: choose one of {', '.join(STAGES)}")
    values: dict[str, Any] = {}
    for option, read in OPTIONS.items():
        given = get(option)
        if given is not None:
            try:
                values[option] = read(str(given))
            except ValueError as problem:
                raise ValueError(f"-c {option}={given}: {problem}") from None
    stage = replace(STAGES[str(name)], **values)
    if stage.budget_usd and not stage.alarm_email:
        raise ValueError("-c budget_usd needs -c alarm_email=you@example.com: notifications need an address")
    if bool(stage.domain) != bool(stage.certificate_arn):
        raise ValueError("-c domain and -c certificate_arn belong together")
    return stage

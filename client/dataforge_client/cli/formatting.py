"""Numbers, amounts and counts as text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from datetime import datetime

    from dataforge_client.models import Bucket, Counts, Json, Reasons, Report, Tokens
    from dataforge_client.reviews import PairFlag

STOPPED = {
    "budget_reached": "more would have cost more than --max-cost",
    "monthly_budget_reached": "the organization's monthly budget is used up",
}
"""Why a job ended before it had all that was asked for."""


def money(usd: float | None) -> str:
    """Two decimals from one cent up, else four: a cheap run must not look free."""
    if usd is None:
        return "unknown"
    return f"${usd:,.2f}" if usd == 0 or usd >= 0.01 else f"${usd:.4f}"


def exact_money(usd: float | None) -> str:
    """Six decimals, for the share of one call, which is much less than a cent."""
    return "cost unknown" if usd is None else "$0" if usd == 0 else f"${usd:.6f}"


def time_text(moment: datetime | None) -> str:
    """`2026-11-29T04:05:06Z`, as the API writes it; empty for no time."""
    return "" if moment is None else moment.isoformat().replace("+00:00", "Z")


def duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, left = divmod(whole, 60)
    return f"{minutes} min {left:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def amount(done: float, total: float, unit: str) -> str:
    if unit == "bytes":
        return f"{size(done)} of {size(total)}"
    return f"{done:,.0f} of {total:,.0f} {unit}"


def rate_text(per_second: float | None, unit: str) -> str:
    if not per_second:
        return ""
    if unit == "bytes":
        return f"{size(per_second)}/s"
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{per_second * 60:.1f}/min"


def counts_line(counts: Counts) -> str:
    """`asked 200 = delivered 187 + rejected 9 + failed 4`; `≠` when the sum is wrong. Flagged ones are delivered."""
    adds_up = counts.asked == counts.delivered + counts.rejected + counts.failed
    flagged = f"; {counts.flagged} of the delivered are flagged" if counts.flagged else ""
    return (
        f"asked {counts.asked} {'=' if adds_up else '≠'} delivered {counts.delivered}"
        f" + rejected {counts.rejected} + failed {counts.failed}{flagged}"
    )


def by_check(counts: Mapping[str, int]) -> str:
    """`vague 7, truncated 5`, most first."""
    return ", ".join(f"{check} {n}" for check, n in sorted(counts.items(), key=lambda c: -c[1]))


def flag_lines(report: Report | None) -> list[str]:
    """`  flagged: vague 7, truncated 5` of a job that has ended; empty without a flag."""
    return [f"  flagged: {by_check(report.flagged_by_check)}"] if report and report.flagged_by_check else []


def findings_text(found: Sequence[PairFlag]) -> str:
    """`vague ("it"), truncated`: each check with the words that show it."""
    return ", ".join(
        f.check + (f" ({', '.join(json.dumps(w, ensure_ascii=False) for w in f.words)})" if f.words else "")
        for f in found
    )


def reasons_lines(reasons: Reasons) -> list[str]:
    return [
        f"  {outcome}: " + ", ".join(f"{reason} {n}" for reason, n in sorted(counts.items(), key=lambda r: -r[1]))
        for outcome, counts in (("rejected", reasons.rejected), ("failed", reasons.failed))
        if counts
    ]


def histogram_lines(histogram: Sequence[Bucket], *, block: str = "█", width: int = 40) -> list[str]:
    """One bar per bucket, the largest `width` blocks wide; a bucket that is not empty has at least one block."""
    largest = max((b.count for b in histogram), default=0)
    lines = []
    for bucket in histogram:
        blocks = max(1, round(width * bucket.count / largest)) if bucket.count else 0
        lines.append(f"  {bucket.range}  {block * blocks}{' ' if blocks else ''}{bucket.count}")
    return lines


def one_line(text: str, width: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1].rstrip() + "…"


def counted_list(counts: Mapping[str, int]) -> str:
    """`3 .png, 1 .zip`."""
    return ", ".join(f"{n} {name}" for name, n in counts.items())


def estimate_lines(estimate: Json) -> list[str]:
    """A full estimate: pairs, calls, tokens and cost."""
    calls = _range(estimate.get("calls"), "{:,.0f}")
    verifier = estimate.get("verifier")
    own = [_of_verifier(verifier)] if isinstance(verifier, Mapping) else []
    to = "the teacher and the verifier" if own else "the teacher"
    return [
        f"about {estimate.get('pairs', 0):,} pairs in {calls} calls to {to}",
        _token_range(estimate),
        f"cost {_cost_range(estimate)}",
        *own,
    ]


def _of_verifier(own: Json) -> str:
    calls = _range(own.get("calls"), "{:,.0f}")
    return f"of these, the verifier {own.get('model')}: {calls} calls, cost {_cost_range(own)}"


def estimate_line(estimate: Json | None) -> list[str]:
    """The estimate of a finished job in one line, to compare with the real numbers; empty without an estimate."""
    return [f"estimated before the start: cost {_cost_range(estimate)}; {_token_range(estimate)}"] if estimate else []


def tokens_line(spent: Tokens) -> str:
    """`tokens 1,200 in (300 from the provider's cache), 300 out`."""
    cached = f" ({spent.cached:,} from the provider's cache)" if spent.cached else ""
    return f"tokens {spent.input:,} in{cached}, {spent.output:,} out"


def _token_range(estimate: Json) -> str:
    ranges = [_range(estimate.get(name), "{:,.0f}") for name in ("input_tokens", "output_tokens")]
    return f"tokens {ranges[0]} in, {ranges[1]} out"


def _cost_range(estimate: Json) -> str:
    cost = estimate.get("cost_usd")
    if not isinstance(cost, Mapping):
        return "unknown (the price of this teacher is not known)"
    low, high = money(cost.get("low")), money(cost.get("high"))
    return low if low == high else f"{low} to {high}"


def _range(value: object, form: str) -> str:
    """`low to high` of a range, or one number when they are equal."""
    bounds = cast("Mapping[str, float]", value) if isinstance(value, Mapping) else {}
    low, high = form.format(bounds.get("low", 0)), form.format(bounds.get("high", 0))
    return low if low == high else f"{low} to {high}"

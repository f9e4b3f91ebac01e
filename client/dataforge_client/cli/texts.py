"""Numbers as people read them."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from dataforge_client.models import Bucket, Counts, Json, Reasons, Tokens


def program() -> str:
    """How the user can call this command again: `dataforge`, or the path it was started by if that is not in PATH."""
    started = Path(sys.argv[0])
    return shlex.quote(str(started)) if started.name == "dataforge" and not shutil.which("dataforge") else "dataforge"


def money(usd: float | None) -> str:
    """Cents once it is a cent or more, else what it is: a run must not look free because it is cheap."""
    if usd is None:
        return "unknown"
    return f"${usd:,.2f}" if usd == 0 or usd >= 0.01 else f"${usd:.4f}"


def exact_money(usd: float | None) -> str:
    """A share of one call is far less than a cent."""
    return "cost unknown" if usd is None else "$0" if usd == 0 else f"${usd:.6f}"


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


def speed(per_second: float | None, unit: str) -> str:
    if not per_second:
        return ""
    if unit == "bytes":
        return f"{size(per_second)}/s"
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{per_second * 60:.1f}/min"


def counts_line(counts: Counts) -> str:
    """`asked 200 = delivered 187 + rejected 9 + failed 4`; a sum that does not hold is shown as such."""
    adds_up = counts.asked == counts.delivered + counts.rejected + counts.failed
    return (
        f"asked {counts.asked} {'=' if adds_up else '≠'} delivered {counts.delivered}"
        f" + rejected {counts.rejected} + failed {counts.failed}"
    )


def reasons_lines(reasons: Reasons) -> list[str]:
    return [
        f"  {outcome}: " + ", ".join(f"{reason} {n}" for reason, n in sorted(why.items(), key=lambda r: -r[1]))
        for outcome, why in (("rejected", reasons.rejected), ("failed", reasons.failed))
        if why
    ]


def histogram_lines(histogram: Sequence[Bucket], *, block: str = "█", width: int = 40) -> list[str]:
    """One bar a bucket, the fullest `width` wide; a bucket that holds anything shows at least one block."""
    most = max((b.count for b in histogram), default=0)
    lines = []
    for bucket in histogram:
        blocks = max(1, round(width * bucket.count / most)) if bucket.count else 0
        lines.append(f"  {bucket.range}  {block * blocks}{' ' if blocks else ''}{bucket.count}")
    return lines


def one_line(text: str, width: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1].rstrip() + "…"


def listed(why: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in why.items())


def estimate_lines(estimate: Json) -> list[str]:
    """An estimate in full, for who is to decide on it."""
    calls = _between(estimate.get("calls"), "{:,.0f}")
    return [
        f"about {estimate.get('pairs', 0):,} pairs in {calls} calls to the teacher",
        _tokens(estimate),
        f"cost {_dollars(estimate)}",
    ]


def beforehand(estimate: Json | None) -> list[str]:
    """The line that stands under what a job really took; nothing for one without an estimate."""
    return [f"estimated beforehand: cost {_dollars(estimate)}; {_tokens(estimate)}"] if estimate else []


def tokens_line(spent: Tokens) -> str:
    """`tokens 1,200 in (300 from the provider's cache), 300 out`."""
    cached = f" ({spent.cached:,} from the provider's cache)" if spent.cached else ""
    return f"tokens {spent.input:,} in{cached}, {spent.output:,} out"


def _tokens(estimate: Json) -> str:
    spans = [_between(estimate.get(name), "{:,.0f}") for name in ("input_tokens", "output_tokens")]
    return f"tokens {spans[0]} in, {spans[1]} out"


def _dollars(estimate: Json) -> str:
    told = estimate.get("cost_usd")
    if not isinstance(told, Mapping):
        return "unknown (no price is known for this teacher)"
    low, high = money(told.get("low")), money(told.get("high"))
    return low if low == high else f"{low} to {high}"


def _between(told: object, form: str) -> str:
    """`low` to `high` of a range, as one number where they are the same."""
    span = cast("Mapping[str, float]", told) if isinstance(told, Mapping) else {}
    low, high = form.format(span.get("low", 0)), form.format(span.get("high", 0))
    return low if low == high else f"{low} to {high}"

"""Counts and dollars as readable reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from dataforge_infra.cost.job import Job
from dataforge_infra.cost.prices import Counts, added, beyond_free, dollars, price_list, total

SERVICES = {
    "dynamodb": "DynamoDB",
    "recovery": "DynamoDB",
    "s3": "S3",
    "lambda": "Lambda",
    "snapshot": "Lambda",
    "transitions": "Step Functions",
    "api": "API Gateway",
    "events": "EventBridge",
    "log": "CloudWatch",
    "alarm": "CloudWatch",
    "dashboards": "CloudWatch",
    "traces": "X-Ray",
    "gb": "Data out",
    "image": "ECR",
    "web": "WAF",
    "waf": "WAF",
    "secrets": "Secrets Manager",
    "secret": "Secrets Manager",
    "keys": "KMS",
}
"""First word of a price's name -> the service on the bill."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill."""

    what: str
    units: float
    usd: float


def lines(counts: Counts) -> list[Line]:
    """The most expensive first; unused ones are omitted."""
    known, cost = price_list().prices, dollars(counts)
    found = [Line(known[name].what, units, cost[name]) for name, units in counts.items() if units]
    return sorted(found, key=lambda line: -line.usd)


def by_service(counts: Counts) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, usd in dollars(counts).items():
        service = SERVICES[name.split("_")[0]]
        found[service] = found.get(service, 0.0) + usd
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


def per_thousand(job: Job) -> dict[str, float]:
    """Counts for 1,000 pairs, their share of reading the documents included; nothing that is kept."""
    factor = 1000 / job.pairs
    return job.of(1000, job.pages * factor)


def answer(job: Job, month: Counts, *, pairs: int, pages: float, waf: bool) -> dict[str, object]:
    """All figures of `dataforge cost`. month: the idle counts; pages: of 400 words."""
    used = job.of(pairs, pages)
    if waf:
        used = added(used, {"waf_requests": used["api_requests"]})
    idle = [asdict(line) for line in lines(month)]
    return {
        "prices_as_of": price_list().as_of,
        "region": price_list().region,
        "job_measured": job.measured,
        "idle": idle,
        "idle_usd": total(month),
        "idle_usd_without_waf": total(without_waf(month)),
        "idle_usd_after_free": total(beyond_free(month)),
        "pairs": pairs,
        "pages": pages,
        "used": [asdict(line) for line in lines(used)],
        "used_usd": total(used),
        "kept_usd_a_month": total(job.kept(pairs)),
        "assumptions": job.assumptions,
    }


def without_waf(month: Counts) -> dict[str, float]:
    return {name: units for name, units in month.items() if not name.startswith("web_acl")}


def text(job: Job) -> str:
    """The measured job as a table: per 1,000 pairs."""
    counts = per_thousand(job)
    rows = [f"{job.pairs:,} pairs from {job.pages:g} pages of 400 words, {job.measured}; for 1,000 pairs:"]
    rows += [_row(line.what, f"{line.units:,.6g}", line.usd) for line in lines(counts)]
    rows += [_row(f"  {service}", "", usd) for service, usd in by_service(counts).items()]
    rows.append(_row("together, without the teacher's tokens", "", total(counts)))
    rows.append(_row("and to keep them, a month", "", total(job.kept(1000))))
    rows += ["", "Assumed: " + "; ".join(job.assumptions) + ".", f"Reproduce: {job.command}"]
    return "\n".join(rows)


def row(line: Line) -> str:
    """Of the table in docs/cost.md."""
    return f"| {line.what} | {_units(line.units)} | {line.usd:.6f} |"


def _units(units: float) -> str:
    if not units:
        return ""
    return f"{units:,.0f}" if units >= 10 else f"{units:.3g}"


def markdown(job: Job) -> str:
    """The table itself."""
    counts = per_thousand(job)
    rows = [*lines(counts), Line("together", 0, total(counts))]
    return "\n".join(["| for 1,000 pairs | units | USD |", "|---|---|---|", *map(row, rows)])


def _row(what: str, units: str, usd: float) -> str:
    return f"{what:48}{units:>16}{usd:>12.6f}"

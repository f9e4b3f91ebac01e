"""What a run says at its end: to a person as text, to a program as one JSON object."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dataforge_client.cli.exits import OK, PARTIAL
from dataforge_client.cli.pipeline import Outcome, why_failed
from dataforge_client.cli.sources import Unused
from dataforge_client.cli.texts import (
    beforehand,
    counts_line,
    duration,
    histogram_lines,
    listed,
    money,
    one_line,
    reasons_lines,
    size,
    tokens_line,
)

WIDTH = 110


@dataclass(frozen=True, slots=True)
class Summary:
    """out: the dataset's path, or `-`. lines: as counted in the file. next: the command to type next."""

    outcome: Outcome
    unused: Sequence[Unused]
    out: str
    lines: int
    seconds: float
    next: str

    @property
    def failed(self) -> list[tuple[str, str, str]]:
        """name, reason, message of every document that gave nothing."""
        read = [(d.name, *why_failed(d)) for d in self.outcome.documents if d.parsing_status == "failed"]
        return read + [(str(u.path), u.reason, u.message) for u in self.unused if u.kind == "failed"]

    @property
    def exit_code(self) -> int:
        return PARTIAL if self.failed or self.missing else OK

    @property
    def missing(self) -> int:
        """How many pairs fewer than --pairs were delivered; 0 when no number was asked for."""
        job = self.outcome.generation
        wanted = job.config.get("num_pairs")
        return max(0, wanted - job.counts.delivered) if isinstance(wanted, int) else 0

    @property
    def waiting(self) -> int:
        """Delivered pairs that the quality threshold left for a reviewer."""
        return max(0, self.outcome.generation.counts.delivered - self.lines)


def quiet(summary: Summary) -> str:
    """Only what went wrong; empty when nothing did."""
    return documents_text(summary.failed)


def text(summary: Summary) -> str:
    job, made = summary.outcome.generation, summary.outcome.export
    least = job.config.get("auto_accept_min_quality")
    parts = [
        f"Done in {duration(summary.seconds)}: {summary.lines:,} pairs in {summary.out}"
        f" ({made.format}, version {made.version}, {summary.lines:,} lines, {size(made.file_size)})",
        "",
        counts_line(job.counts),
        *reasons_lines(job.reasons),
    ]
    if summary.outcome.losses:
        parts.append(f"each of them with its reasons in {' and '.join(map(str, summary.outcome.losses))}")
    if summary.missing:
        why = (
            "the rest would have cost more than --max-cost"
            if job.stop_reason == "budget_reached"
            else "this teacher found no more in these documents"
        )
        parts.append(f"{job.counts.delivered} of the {job.counts.requested} pairs asked for: {why}")
    if summary.waiting:
        below = f" (scored below {least})" if least is not None else ""
        parts.append(f"{summary.waiting} delivered pairs wait for review{below} and are not in the file")
    parts.append(f"cost {money(job.cost_usd)}; {tokens_line(job.tokens)}")
    parts += beforehand(job.estimate)
    parts += [*_quality(summary), *_samples(summary), *_documents(summary), "", f"Next: {summary.next}"]
    return "\n".join(parts) + "\n"


def as_json(summary: Summary) -> Mapping[str, object]:
    job, documents = summary.outcome.generation, summary.outcome.documents
    return {
        "status": "completed" if summary.exit_code == OK else "partial",
        "exit_code": summary.exit_code,
        "project_id": job.project_id,
        "generation_id": job.generation_id,
        "out": summary.out,
        "lines": summary.lines,
        "version": summary.outcome.export.version,
        "format": summary.outcome.export.format,
        "counts": asdict(job.counts),
        "reasons": {"rejected": dict(job.reasons.rejected), "failed": dict(job.reasons.failed)},
        "losses": [str(path.absolute()) for path in summary.outcome.losses],
        "waiting_for_review": summary.waiting,
        "documents": {
            "total": len(documents),
            "parsed": sum(d.parsing_status == "parsed" for d in documents),
            "failed": [{"name": n, "reason": r, "message": m} for n, r, m in summary.failed],
            "left_out": [str(u.path) for u in summary.unused if u.kind == "left_out"],
        },
        "histogram": [asdict(b) for b in job.report.histogram] if job.report else [],
        "cost_usd": job.cost_usd,
        "estimate": job.estimate,
        "stop_reason": job.stop_reason,
        "tokens": asdict(job.tokens),
        "samples": [{"question": p.question, "answer": p.answer} for p in summary.outcome.samples],
        "seconds": round(summary.seconds, 1),
        "next": summary.next,
    }


def _quality(summary: Summary) -> list[str]:
    report = summary.outcome.generation.report
    if report is None or not report.histogram:
        return []
    mean = report.avg_quality_score
    heading = "Quality" if mean is None else f"Quality (mean {mean:.2f})"
    block = "█" if "utf" in (sys.stderr.encoding or "").lower() else "#"
    return ["", heading, *histogram_lines(report.histogram, block=block)]


def _samples(summary: Summary) -> list[str]:
    lines = ["", "Sample pairs"] if summary.outcome.samples else []
    for n, pair in enumerate(summary.outcome.samples):
        lines += [""] if n else []
        lines += [f"  Q  {one_line(pair.question, WIDTH)}", f"  A  {one_line(pair.answer, WIDTH)}"]
    return lines


def _documents(summary: Summary) -> list[str]:
    lines = documents_text(summary.failed).splitlines()
    if lines:
        lines.insert(0, "")
    left_out = [u for u in summary.unused if u.kind == "left_out"]
    if left_out:
        kinds = Counter(Path(u.path).suffix or "no suffix" for u in left_out)
        lines += ["", f"Left out of the folders, as no documents: {listed(dict(kinds.most_common()))}"]
    return lines


def documents_text(failed: Sequence[tuple[str, str, str]]) -> str:
    if not failed:
        return ""
    lines = [f"Documents not used: {len(failed)}", *(f"  {name}: {why}: {message}" for name, why, message in failed)]
    return "\n".join(lines) + "\n"

"""The summary of a finished run, as text and as JSON."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge_client.cli.exit_codes import OK, PARTIAL
from dataforge_client.cli.formatting import (
    STOPPED,
    counted_list,
    counts_line,
    duration,
    estimate_line,
    flag_lines,
    histogram_lines,
    money,
    one_line,
    reasons_lines,
    size,
    tokens_line,
)
from dataforge_client.cli.pipeline import failure_reason
from dataforge_client.cli.run_request import RunResult
from dataforge_client.folders import SkippedFile

if TYPE_CHECKING:
    from dataforge_client.models import Generation

WIDTH = 110


@dataclass(frozen=True, slots=True)
class Summary:
    """out: the path of the dataset, or `-`. lines: of the dataset file. next: the command to run next."""

    result: RunResult
    skipped: Sequence[SkippedFile]
    out: str
    lines: int
    seconds: float
    next: str
    review: str = ""
    """The command that lists the flagged pairs."""
    accept: str = ""
    """The command that accepts them."""

    @property
    def failed(self) -> list[tuple[str, str, str]]:
        """Name, reason and message of every document that could not be used."""
        read = [(d.name, *failure_reason(d)) for d in self.result.documents if d.parsing_status == "failed"]
        return read + [(str(u.path), u.reason, u.message) for u in self.skipped if u.kind == "failed"]

    @property
    def exit_code(self) -> int:
        return PARTIAL if self.failed or self.missing else OK

    @property
    def missing(self) -> int:
        """How many of the --pairs were not delivered; 0 without --pairs."""
        job = self.result.generation
        requested = job.config.get("num_pairs")
        return max(0, requested - job.counts.delivered) if isinstance(requested, int) else 0

    @property
    def waiting(self) -> int:
        """Delivered pairs that are not accepted yet: flagged, or scored below the quality threshold."""
        return max(0, self.result.generation.counts.delivered - self.lines)

    @property
    def flagged(self) -> int:
        """Of these: those that a check flags."""
        return min(self.waiting, self.result.generation.counts.flagged)


def quiet_text(summary: Summary) -> str:
    """Only the documents that failed; empty when there are none."""
    return failed_documents_text(summary.failed)


def summary_text(summary: Summary) -> str:
    job, export = summary.result.generation, summary.result.export
    threshold = job.config.get("auto_accept_min_quality")
    parts = [
        f"Done in {duration(summary.seconds)}: {summary.lines:,} pairs in {summary.out}"
        f" ({export.format}, version {export.version}, {summary.lines:,} lines, {size(export.file_size)})",
        "",
        counts_line(job.counts),
        *flag_lines(job.report),
        *reasons_lines(job.reasons),
    ]
    if summary.result.losses:
        parts.append(f"written with their reasons to {' and '.join(map(str, summary.result.losses))}")
    if summary.result.page:
        parts.append(f"quality report: {summary.result.page}")
    if summary.missing:
        missing = f"{job.counts.delivered} of the {job.counts.requested} requested pairs were delivered"
        parts.append(f"{missing}: {_why_missing(job)}")
    if summary.flagged:
        parts.append(
            f"{summary.flagged} delivered pairs need review (flagged) and are not in the file: {summary.review}"
        )
        parts.append(f"  to accept them all the same: {summary.accept}")
    if below := summary.waiting - summary.flagged:
        scored = f" (scored below {threshold})" if threshold is not None else ""
        parts.append(f"{below} delivered pairs need review{scored} and are not in the file")
    parts += _verified(job)
    parts.append(f"cost {money(job.cost_usd)}; {tokens_line(job.tokens)}")
    parts += estimate_line(job.estimate)
    parts += [*_quality(summary), *_samples(summary), *_documents(summary), "", f"Next: {summary.next}"]
    return "\n".join(parts) + "\n"


_FAILED_BY = {
    "teacher_unreachable": "the teacher did not answer in time or could not be reached; "
    "a slow server needs fewer calls at once (--concurrency)",
    "teacher_busy": "the teacher stayed busy; ask it less at once (--concurrency)",
    "teacher_refused": "the teacher refused to go on",
}


def _verified(job: Generation) -> list[str]:
    """What the verifier said; nothing where it was asked about no pair."""
    said = job.report.verification if job.report else {}
    counts = {name: said.get(name) for name in ("confirmed", "doubted", "rejected", "unverified")}
    told = {name: n for name, n in counts.items() if isinstance(n, int) and n}
    if not told:
        return []
    cost = said.get("cost_usd")
    spent = f", cost {money(cost)}" if isinstance(cost, int | float) else ""
    return [f"verifier {said.get('verifier')}: {counted_list(told)}{spent}"]


def _why_missing(job: Generation) -> str:
    """The teacher found no more only where it was asked for all of them and answered."""
    if job.stop_reason in STOPPED:
        return STOPPED[job.stop_reason]
    counts = job.counts
    if counts.failed and counts.failed >= counts.rejected:
        reason = max(job.reasons.failed, key=lambda r: job.reasons.failed[r], default="")
        return f"{counts.failed} failed ({_FAILED_BY.get(reason, reason)})"
    if counts.asked < counts.requested:
        return f"these documents have room for {counts.asked} questions that do not repeat each other"
    return "the teacher found no more in these documents"


def summary_json(summary: Summary) -> Mapping[str, object]:
    job, documents = summary.result.generation, summary.result.documents
    return {
        "status": "completed" if summary.exit_code == OK else "partial",
        "exit_code": summary.exit_code,
        "project_id": job.project_id,
        "generation_id": job.generation_id,
        "out": summary.out,
        "lines": summary.lines,
        "version": summary.result.export.version,
        "format": summary.result.export.format,
        "counts": {name: n for name, n in asdict(job.counts).items() if name != "flagged"},
        "flagged": job.counts.flagged,
        "flagged_by_check": dict(job.report.flagged_by_check) if job.report else {},
        "reasons": {"rejected": dict(job.reasons.rejected), "failed": dict(job.reasons.failed)},
        "losses": [str(path.absolute()) for path in summary.result.losses],
        "quality_report": str(summary.result.page.absolute()) if summary.result.page else None,
        "waiting_for_review": summary.waiting,
        "flagged_waiting": summary.flagged,
        "documents": {
            "total": len(documents),
            "parsed": sum(d.parsing_status == "parsed" for d in documents),
            "failed": [{"name": n, "reason": r, "message": m} for n, r, m in summary.failed],
            "left_out": [str(u.path) for u in summary.skipped if u.kind == "left_out"],
        },
        "histogram": [asdict(b) for b in job.report.histogram] if job.report else [],
        "cost_usd": job.cost_usd,
        "estimate": job.estimate,
        "stop_reason": job.stop_reason,
        "tokens": asdict(job.tokens),
        "samples": [{"question": p.question, "answer": p.answer} for p in summary.result.samples],
        "seconds": round(summary.seconds, 1),
        "next": summary.next,
    }


def _quality(summary: Summary) -> list[str]:
    report = summary.result.generation.report
    if report is None or not report.histogram:
        return []
    mean = report.avg_quality_score
    heading = "Quality" if mean is None else f"Quality (mean {mean:.2f})"
    block = "█" if "utf" in (sys.stderr.encoding or "").lower() else "#"
    return ["", heading, *histogram_lines(report.histogram, block=block)]


def _samples(summary: Summary) -> list[str]:
    lines = ["", "Sample pairs"] if summary.result.samples else []
    for n, pair in enumerate(summary.result.samples):
        lines += [""] if n else []
        lines += [f"  Q  {one_line(pair.question, WIDTH)}", f"  A  {one_line(pair.answer, WIDTH)}"]
    return lines


def _documents(summary: Summary) -> list[str]:
    lines = failed_documents_text(summary.failed).splitlines()
    if lines:
        lines.insert(0, "")
    left_out = [u for u in summary.skipped if u.kind == "left_out"]
    if left_out:
        kinds = Counter(Path(u.path).suffix or "no suffix" for u in left_out)
        lines += ["", f"Files of unsupported types in the folders: {counted_list(dict(kinds.most_common()))}"]
    return lines


def failed_documents_text(failed: Sequence[tuple[str, str, str]]) -> str:
    if not failed:
        return ""
    lines = [
        f"Documents not used: {len(failed)}",
        *(f"  {name}: {reason}: {message}" for name, reason, message in failed),
    ]
    return "\n".join(lines) + "\n"

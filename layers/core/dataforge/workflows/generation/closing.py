"""The last state of a run over documents: results, report, final status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from dataforge.platform.ports import Item
from dataforge.quality import report as quality_report
from dataforge.quality.report import Tally
from dataforge.recipes import drafts
from dataforge.store import progress
from dataforge.store.runs import Run
from dataforge.workflows import lifecycle, run_files
from dataforge.workflows.engine import closing
from dataforge.workflows.generation import config as generation_config
from dataforge.workflows.generation import planning
from dataforge.workflows.generation.config import GenerationConfig
from dataforge.workflows.reporting import documents as document_pages
from dataforge.workflows.reporting.documents import Seen

NOTHING_ASKED = "Nothing was asked: the chosen chunks hold nothing this teacher can ask about"


def close(run: Run, error: str | None) -> Run:
    """Report and results, then the final status; asked = delivered + rejected + failed in any case."""
    run = closing.begin_closing(run, error)
    seen, planned = Seen(), _planned(run)
    good, bad = Tally.of(seen.good(_Lines(run, "records.jsonl"))), Tally.of(seen.bad(_Lines(run, "rejected.jsonl")))
    report = _report(run, good, bad, planned)
    report |= {"flagged": run.flagged, "flagged_by_check": {**run.flagged_by_check}}  # some by a later record
    run_files.write_json(run, "report.json", report)
    document_pages.write(run, report, seen, planned[0])
    usage, scores = lifecycle.usage(run), good.quality + bad.quality
    results: Item = {
        "chunks_processed": len(good.chunks | bad.chunks),
        "pairs_generated": len(scores),
        "pairs_valid": len(good.quality),
        "flagged": run.flagged,
        "flagged_by_check": {**run.flagged_by_check},
        "avg_quality_score": quality_report.mean(scores),
        "tokens_used": cast(int, usage["input_tokens"]) + cast(int, usage["output_tokens"]),
    }
    values: Item = {"results": results, "report": cast(Item, report)}
    if (reason := closing.stop_reason(run)) is not None:
        values |= {"stop_reason": reason, "report": {**cast(Item, report), "stop_reason": reason}}
    return closing.finish(run, error, values, nothing_delivered="No pair was delivered", nothing_asked=NOTHING_ASKED)


def _report(run: Run, good: Tally, bad: Tally, planned: _Planned) -> dict[str, object]:
    config = generation_config.of(run)
    chunks, asked = planned
    hops = planning.hops(config)
    # What was asked shows whether types were spread; to build the teacher only for that costs a cold start 0.1 s.
    spread = planning.dimensions(config, offline="question_type" not in asked)
    wanted = {**spread, **({"passages": {planning.MULTI: hops[planning.MULTI]}} if hops else {})}
    lines = _Lines(run, "records.jsonl")
    texts = quality_report.Texts(lines, lambda line: config.recipe.compared_text(drafts.from_json(line)))
    return quality_report.report(
        good,
        bad,
        diversity_score=quality_report.diversity_of(texts, len(good.quality)),
        requested=run.requested,
        asked=run.asked,
        failed=run.failed,
        reasons=cast("dict[str, dict[str, int]]", run.reasons),
        chunks_planned=len(chunks),
        spread=quality_report.spread(wanted, asked, good),
        verification=_verification(run, config, good, bad),
    )


def _verification(run: Run, config: GenerationConfig, good: Tally, bad: Tally) -> dict[str, object] | None:
    """None: nobody was asked about the records."""
    if config.verify == "off":
        return None
    spent = progress.spent_on_verifying(run.run_id)
    own = {
        "calls": spent.teacher_calls,
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "cost_usd": None if spent.cost_usd is None else round(spent.cost_usd, 8),
    }
    chosen = {"verify": config.verify, "verifier": run.config.get("verifier")}
    return quality_report.verification(good, bad, chosen, own)


_Planned: TypeAlias = tuple[set[str], dict[str, Counter[str]]]


def _planned(run: Run) -> _Planned:
    """The chunks that were asked about, and how many slots were asked for each value of each dimension."""
    chunks, asked = set[str](), dict[str, Counter[str]]()
    for slot in planning.promised(run, max(1, run.assessed_round + 1)):
        chunks.add(slot.chunk_id)
        for name, value in slot.asked.items():
            asked.setdefault(name, Counter())[value] += 1
    return chunks, asked


@dataclass(frozen=True, slots=True)
class _Lines:
    """A file of records, read anew each time it is walked."""

    run: Run
    name: str

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return run_files.read_records(self.run, self.name)

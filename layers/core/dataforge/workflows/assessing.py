"""After the batches: check every draft, find repeats over the whole run, score, keep, count, decide on a top-up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import cast

import orjson

from dataforge import clock, ids
from dataforge.errors import ConditionFailed
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.quality import verdict
from dataforge.recipes import drafts
from dataforge.records import Draft, Grounding, Slot
from dataforge.store import pairs, projects, runs
from dataforge.store.pairs import Pair
from dataforge.store.projects import StoredChunk
from dataforge.store.runs import Run
from dataforge.workflows import finding, lineage, planning
from dataforge.workflows import runs as flow
from dataforge.workflows.generation import ROUNDS, most_slots

MOST_SHOWN = 50
"""Spans and unsupported words that a pair carries; `records.jsonl` has them all."""


@dataclass(frozen=True, slots=True)
class Record:
    """A draft with everything quality found out about it."""

    slot: int
    chunk_id: str
    document_id: str
    page: int | None
    reply: str
    teacher: str
    draft: Draft
    grounding: Grounding
    score: float
    reasons: tuple[str, ...]
    """Empty: delivered."""
    duplicate_of: int | None = None
    similarity: float | None = None
    evidence: list[Item] = field(default_factory=list)
    """The spans of `grounding`, with their place in the document."""
    lineage: Item = field(default_factory=dict)


def assess_run(raw: Item) -> Item:
    """Safe to repeat: pairs are named by their slots, and the counters move once per round."""
    e = flow.event(raw)
    run = runs.advance(flow.run_of(e), "validating", "validating")
    slots = planning.promised(run, e.round + 1)
    outcomes = collect(run, e.round, slots)
    records = _judge(run, outcomes)
    failed = [o for o in outcomes if "failed" in o]
    _write_files(run, records, failed)
    fresh = {s.index for s in slots[len(planning.promised(run, e.round)):]}
    run = _keep(run, e.round, records, failed, fresh)
    wanted = min(run.requested - run.delivered, most_slots(run.requested) - len(slots))
    lively = any(r.slot in fresh for r in records)
    top_up = wanted > 0 and lively and e.round + 1 < ROUNDS and not run.cancel_requested and not _refused(failed)
    base: Item = {"org_id": e.org_id, "run_id": e.run_id, "project_id": e.project_id, "kind": e.kind}
    return {**base, "round": e.round + 1, "top_up": top_up}


def collect(run: Run, last_round: int, slots: list[Slot]) -> list[Item]:
    """One outcome per promised slot, in slot order; a slot that no batch accounts for failed with its batch."""
    found: dict[int, Item] = {}
    prefix = flow.key_of(run, "round-")
    crashes: list[str] = []
    for info in current().files.list(prefix):
        round_name, _, name = info.key.removeprefix(prefix).partition("/")
        if int(round_name) > last_round:
            continue
        if name.startswith("part-"):
            part = orjson.loads(current().files.read(info.key))
            found.update({o["slot"]: o for o in part["outcomes"]})
        elif name.startswith("failure-"):
            crashes.append(str(orjson.loads(current().files.read(info.key))["error"]))
    detail = crashes[0] if crashes else "its batch ended without a result"
    reason = "cancelled" if run.cancel_requested and not crashes else "batch_failed"
    return [
        found.get(s.index) or {"slot": s.index, "chunk_id": s.chunk_id, "failed": reason, "detail": detail}
        for s in slots
    ]


def record_failure(raw: Item) -> Item:
    """Note why a batch died for good; its slots without an outcome fail with that reason."""
    e = flow.event(raw)
    run, told = flow.run_of(e), flow.failure_of(raw) or "unknown error"
    flow.write_json(run, f"round-{e.round}/failure-{e.batch:04d}.json", {"error": told})
    runs.say(run.run_id, "generating", f"Batch {e.batch + 1} failed: {told}", level="error")
    return {"batch": e.batch, "made": 0}


def _judge(run: Run, outcomes: Iterable[Item]) -> list[Record]:
    """Checks and grounding record by record, then repeats over all that passed, first come first kept."""
    from dataforge.quality import duplicates  # numpy costs a cold start 0.15 s, and the failed and closed need none

    kind = _kind(run)
    made = [o for o in outcomes if "draft" in o]
    wanted = list({str(o["chunk_id"]): None for o in made})
    chunks = {c.chunk_id: c for c in projects.get_chunks(run.project_id, wanted)}
    records = [_record(run, o, chunks.get(str(o["chunk_id"]))) for o in made]
    passed = [n for n, r in enumerate(records) if not r.reasons]
    repeats = duplicates.near_duplicates(
        [verdict.compared(kind, records[n].draft) for n in passed], against=_accepted_before(run)
    )
    for repeat in repeats:
        n = passed[repeat.index]
        other = None if repeat.known else records[passed[repeat.of]].slot
        records[n] = replace(
            records[n], reasons=("near_duplicate",), duplicate_of=other, similarity=round(repeat.similarity, 4)
        )
    return records


def _kind(run: Run) -> str:
    return str(run.config["generation_type"])


def _record(run: Run, outcome: Item, chunk: StoredChunk | None) -> Record:
    draft = drafts.from_json(cast("dict[str, object]", outcome["draft"]))
    labels = run.config.get("labels")
    found = verdict.judge(_kind(run), verdict.Case(
        draft, chunk.content if chunk else "", chunk.heading_path if chunk else (),
        str(run.config.get("system_prompt") or ""), str(outcome["finish_reason"]),
        [str(label) for label in labels] if isinstance(labels, list) else (),
    ))
    return Record(
        cast(int, outcome["slot"]), str(outcome["chunk_id"]), str(outcome["document_id"]),
        cast("int | None", outcome["page"]), str(outcome["reply"]), str(outcome["teacher"]), draft, found.grounding,
        found.score, found.reasons, evidence=lineage.spans(found.grounding.spans, chunk),
        lineage=lineage.of_record(outcome, chunk),
    )


def _accepted_before(run: Run) -> list[str]:
    """What earlier runs of the project delivered that this run could repeat, read from one file per run."""
    texts: list[str] = []
    for earlier in runs.of_project(run.project_id):
        if earlier.kind != "generate" or earlier.run_id == run.run_id or not earlier.delivered:
            continue
        kind = _kind(earlier)
        if not verdict.comparable(_kind(run), kind):
            continue
        try:
            with current().files.open(flow.key_of(earlier, "records.jsonl")) as file:
                texts += [verdict.compared(kind, drafts.from_json(r)) for r in map(orjson.loads, file)]
        except FileNotFoundError:
            continue
    return texts


def _write_files(run: Run, records: list[Record], failed: list[Item]) -> None:
    """records.jsonl, rejected.jsonl, failed.jsonl: whatever was asked for stands in exactly one of them. And the file
    that search reads."""
    parts: dict[str, list[dict[str, object]]] = {
        "records.jsonl": [_line(r) for r in records if not r.reasons],
        "rejected.jsonl": [{**_line(r), "reasons": r.reasons} for r in records if r.reasons],
        "failed.jsonl": [{"slot": o["slot"], "chunk_id": o["chunk_id"], "reason": o["failed"], "detail": o["detail"],
                          "lineage": o.get("lineage")} for o in failed],
    }
    for name, lines in parts.items():
        data = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        current().files.write(flow.key_of(run, name), data, content_type="application/x-ndjson")
    searched = finding.lines({r.slot: finding.text_of(drafts.said(r.draft)) for r in records})
    current().files.write(flow.key_of(run, finding.SEARCH_FILE), searched, content_type="text/plain; charset=utf-8")


def _line(r: Record) -> dict[str, object]:
    return {
        "slot": r.slot, "question": r.draft.question, "answer": r.draft.answer,
        "question_type": r.draft.question_type, "difficulty": r.draft.difficulty, "quality_score": r.score,
        "grounding_score": r.grounding.score, "evidence": r.evidence,
        "unsupported": r.grounding.unsupported, "chunk_id": r.chunk_id, "document_id": r.document_id, "page": r.page,
        "teacher": r.teacher, "reply": r.reply, "duplicate_of": r.duplicate_of,
        "similarity": r.similarity, "turns": drafts.turns_of(r.draft), "material_at": r.draft.material_at,
        "lineage": r.lineage,
    }


def _keep(run: Run, round_number: int, records: list[Record], failed: list[Item], fresh: set[int]) -> Run:
    """The round's pairs into the review queue, and the project's counters with them; the run's counters after that."""
    new = [_pair(run, r) for r in records if r.slot in fresh]
    if run.assessed_round < round_number:
        pairs.write_new(run.project_id, new)
        pairs.add_round(projects.get(run.org_id, run.project_id), run.run_id, round_number, new)
    rejected = Counter(r.reasons[0] for r in records if r.reasons)
    values: Item = {
        "delivered": sum(not r.reasons for r in records), "rejected": rejected.total(), "failed": len(failed),
        "reasons": {"rejected": {**rejected}, "failed": {**Counter(str(o["failed"]) for o in failed)}},
    }
    per_chunk = Counter(r.chunk_id for r in records)
    for chunk_id in {p.chunk_id for p in new}:
        projects.count_pairs_of_chunk(run.project_id, chunk_id, run.run_id, per_chunk[chunk_id])
    try:
        return runs.change(
            run, {**values, "assessed_round": round_number}, where={"assessed_round": round_number - 1}
        )
    except ConditionFailed:  # this round was closed before
        return runs.get(run.org_id, run.run_id)


def _pair(run: Run, r: Record) -> Pair:
    floor = run.config.get("auto_accept_min_quality")
    good = isinstance(floor, int | float) and r.score >= floor
    status = "rejected" if r.reasons else "accepted" if good else "pending"
    metadata: Item = {"slot": r.slot, "teacher": r.teacher, "reply": r.reply}
    if r.reasons:
        metadata["reasons"] = list(r.reasons)
    if r.duplicate_of is not None:
        metadata["duplicate_of"] = ids.pair_id(run.project_id, run.run_id, r.duplicate_of)
    if r.grounding.unsupported:
        metadata["unsupported"] = list(r.grounding.unsupported[:MOST_SHOWN])
    prompt = run.config.get("pair_system_prompt")
    return Pair(
        run.project_id, ids.pair_id(run.project_id, run.run_id, r.slot), run.run_id,
        r.chunk_id, r.document_id, r.draft.question, r.draft.answer, r.score, round(r.grounding.score, 4),
        r.draft.difficulty, r.draft.question_type, clock.now(), system_prompt=str(prompt) if prompt else None,
        is_duplicate="near_duplicate" in r.reasons,
        evidence=[{**span, "page": r.page} for span in r.evidence[:MOST_SHOWN]], lineage=r.lineage,
        metadata=metadata, status=status, type="multi_turn" if r.draft.turns else "single_turn",
        between=[{**message} for message in drafts.turns_of(r.draft)[1:-1]],
    )


def _refused(failed: list[Item]) -> bool:
    return any(o["failed"] in ("teacher_refused", "cancelled") for o in failed)

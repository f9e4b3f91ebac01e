"""Freeze the approved pairs of a project into a numbered file."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

import orjson

from dataforge import clock, metrics
from dataforge.errors import Invalid
from dataforge.formats import FORMATS, conversation
from dataforge.platform import current
from dataforge.records import Message
from dataforge.store import exports, pairs, projects
from dataforge.store.exports import Export
from dataforge.store.pairs import Pair
from dataforge.store.projects import Project
from dataforge.text.control_tokens import escaped_everywhere
from dataforge.workflows.exporting import parts
from dataforge.workflows.generation import lineage
from dataforge.workflows.reporting import exports as export_pages

BLOCK = 1000
"""Lines joined before they are handed to storage."""
SOURCES = "sources.jsonl"
"""Beside the file: for each of its lines, in the same order, the pair and the chunks that it was made from."""


@dataclass(slots=True)
class Selection:
    """Which of the approved pairs are written, and how many of them were, or were not. A pair that is left out counts
    once."""

    min_quality_score: float | None = None
    flagged: bool = True
    """Also those that a check flags."""
    duplicates: bool = True
    counts: Counter[str] = field(default_factory=Counter)

    def takes(self, pair: Pair) -> bool:
        left = self._why_not(pair)
        self.counts[left] += 1
        if not left:
            self.counts["with_flags"] += bool(pair.flags)
            self.counts["with_duplicates"] += pair.is_duplicate
        return not left

    def _why_not(self, pair: Pair) -> str:
        if pair.is_duplicate and not self.duplicates:
            return "duplicates"
        if pair.flags and not self.flagged:
            return "flagged"
        below = self.min_quality_score is not None and pair.quality_score < self.min_quality_score
        return "below_min_quality" if below else ""

    @property
    def left_out(self) -> dict[str, int]:
        return {name: self.counts[name] for name in ("flagged", "duplicates", "below_min_quality")}


def export(
    project: Project,
    *,
    format: str = "chatml",
    include_system_prompt: bool = True,
    chosen: Selection | None = None,
    shares: Mapping[str, int] | None = None,
) -> Export:
    """Accepted and edited pairs in constant memory: all of them, unless `chosen` leaves some out.

    shares: of the parts that are written beside the whole, in percent. Raises Invalid: unknown format, shares that do
    not add up, or NO_EXPORTABLE_PAIRS (then no version number is used up).
    """
    if format not in FORMATS:
        raise Invalid(f"format must be one of: {', '.join(FORMATS)}", field="format")
    if shares is not None:
        parts.check(shares)
    selection = chosen or Selection()
    seen = export_pages.Seen()
    exported = seen.pairs(exportable(project.project_id, selection))
    first = next(exported, None)
    if first is None:
        raise Invalid(
            "No pair can be exported: accept pairs first, or lower min_quality_score", code="NO_EXPORTABLE_PAIRS"
        )
    begun = clock.milliseconds()
    version = projects.next_version(project)
    key = f"{project.s3_prefix}/exports/v{version}/dataset.jsonl"
    counter, touched = itertools.count(), itertools.count()
    with tempfile.TemporaryFile() as sources, tempfile.TemporaryFile() as placed:
        walked = _noted(itertools.chain([first], exported), sources, placed if shares else None)
        lines = _lines(walked, format, include_system_prompt, counter, touched)
        info = current().files.write_stream(key, _blocks(lines), content_type="application/x-ndjson")
        sources.seek(0)
        blocks = iter(lambda: sources.read(1 << 20), b"")
        current().files.write_stream(sources_key(key), blocks, content_type="application/x-ndjson")
        splits = parts.write(key, shares, placed) if shares else {}
    made = Export(
        project_id=project.project_id,
        version=version,
        format=format,
        s3_key=key,
        pair_count=next(counter),
        file_size=info.size,
        include_system_prompt=include_system_prompt,
        created_at=clock.now(),
        min_quality_score=selection.min_quality_score,
        escaped_count=next(touched),
        flagged_count=selection.counts["with_flags"],
        duplicate_count=selection.counts["with_duplicates"],
        splits=splits,
        left_out={**selection.left_out},
    )
    exports.put(made)
    export_pages.write(project, made, seen)
    seconds = (clock.milliseconds() - begun) / 1000
    metrics.emit(
        "export",
        {"Delivered": made.pair_count, "Seconds": seconds},
        org_id=project.org_id,
        project_id=project.project_id,
    )
    return made


def sources_key(key: str) -> str:
    """key: of an export's file. Exports of before there were sources have none."""
    return f"{key.rpartition('/')[0]}/{SOURCES}"


def _noted(chosen: Iterator[Pair], file: IO[bytes], placed: IO[bytes] | None) -> Iterator[Pair]:
    """The same pairs; where each comes from is written into the file, and into `placed` where it belongs."""
    for pair in chosen:
        further = [str(f["chunk_id"]) for f in lineage.further(pair.lineage)]
        line = {
            "pair_id": pair.pair_id,
            "document_id": pair.document_id,
            "chunk_ids": [pair.chunk_id, *further],
            "question_type": pair.question_type,
        }
        file.write(orjson.dumps(line) + b"\n")
        if placed is not None:
            parts.note(pair, placed)
        yield pair


def exportable(project_id: str, chosen: Selection) -> Iterator[Pair]:
    """In order of pair ids, as the review index is at the first step."""
    return filter(chosen.takes, pairs.walk(project_id, pairs.EXPORTABLE))


def messages(pair: Pair, *, include_system_prompt: bool = True) -> tuple[Message, ...]:
    """The pair as a conversation."""
    prompt = pair.system_prompt if include_system_prompt else None
    return conversation.messages(pair.question, pair.answer, pair.between, system_prompt=prompt)


def _lines(
    chosen: Iterator[Pair], format: str, include_system_prompt: bool, counter: Iterator[int], touched: Iterator[int]
) -> Iterator[bytes]:
    """counter: of the lines; touched: of those in which a control token of a chat template was escaped."""
    shape = FORMATS[format]
    keep = include_system_prompt and shape.keeps_system_prompt
    for pair in chosen:
        next(counter)
        line = shape.line(messages(pair, include_system_prompt=keep), pair.material_at)
        safe = escaped_everywhere(line)
        if safe != line:
            next(touched)
        yield orjson.dumps(safe) + b"\n"


def _blocks(lines: Iterator[bytes]) -> Iterator[bytes]:
    while block := b"".join(itertools.islice(lines, BLOCK)):
        yield block

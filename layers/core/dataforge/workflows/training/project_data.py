"""Exports of Data Forge projects as training data: each line with what it is about and the chunks behind it.

`proj_<id>` names the newest export of a project, `proj_<id>@3` its third.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, cast

from dataforge.errors import NotFound
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import chunks, documents, exports, projects
from dataforge.store.chunks import StoredChunk
from dataforge.store.exports import Export
from dataforge.store.projects import Project
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.exporting import export as exporting
from dataforge.workflows.training import held_out

SOURCES = "sources.jsonl"
"""Of a run: where each line of its dataset comes from, in their order, as `sources` says."""
_NAME = re.compile(r"(proj_[0-9A-Za-z]{1,40})(?:@([0-9]{1,9}))?")
_PAGE = 100
MOST_LABEL = 200
"""Characters of a document's name or a section."""


@dataclass(frozen=True, slots=True)
class ProjectData:
    project: Project
    export: Export

    @property
    def name(self) -> str:
        """With the version, whatever the caller wrote."""
        return f"{self.project.project_id}@{self.export.version}"

    @property
    def sources_key(self) -> str | None:
        """None: an export of before it noted where its lines come from."""
        key = exporting.sources_key(self.export.s3_key)
        return key if current().files.info(key) is not None else None


def find(org_id: str, dataset: str) -> ProjectData | None:
    """None: a dataset of another kind. Raises NotFound."""
    named = _NAME.fullmatch(dataset)
    if named is None:
        return None
    project = projects.get(org_id, named[1])
    version = int(named[2]) if named[2] else project.version
    if version < 1:
        raise NotFound(f"Project {project.project_id} has no export yet: export its pairs first")
    return ProjectData(project, exports.get(project.project_id, version))


def of_run(run: Run) -> ProjectData | None:
    """The export that a training was started on; None: its dataset is none. Raises NotFound once it is deleted."""
    source = cast("dict[str, Any]", run.config.get("data") or {}).get("dataset") or {}
    facts = source.get("facts") or {}
    return find(run.org_id, f"{facts['project_id']}@{facts['version']}") if source.get("kind") == "export" else None


def keep_sources(run: Run) -> Callable[[], Iterator[dict[str, Any]]] | None:
    """Keep with the run where each line of its dataset comes from; what to add to each line, anew at every call: `id`,
    `topic` and `chunk_id`. None: the dataset is no export, or one of before exports noted it.

    topic: the document's name; where the project has one document only, the section."""
    data = of_run(run)
    if data is None or data.sources_key is None:
        return None
    run_files.write_lines(run, SOURCES, sources(data))
    return partial(_marks, run)


def _marks(run: Run) -> Iterator[dict[str, Any]]:
    for source in run_files.read_lines(run, SOURCES):
        labels = source["topics"]
        topic = labels.get("document" if source["of_several"] else "section") or labels.get("document")
        marks = {"id": source["id"], "chunk_id": source["chunk_ids"][0]}
        yield {**marks, "topic": topic} if topic else marks


def provenance(run: Run) -> dict[str, Any]:
    """Of a training on an export: project, version, and the documents behind its lines."""
    data = of_run(run)
    if data is None:
        return {}
    return {
        "dataset": data.name,
        "project_id": data.project.project_id,
        "project": data.project.name,
        "export_version": data.export.version,
        "documents": documents_of(data),
    }


def sources(data: ProjectData) -> Iterator[dict[str, Any]]:
    """Of each line, in order: {"id": of the pair, "document_id", "chunk_ids", "topics": {document, section,
    question_type}, "of_several": whether the project has several documents}. Names are those of now."""
    key = data.sources_key
    names = {d.document_id: d.name[:MOST_LABEL] for d in documents.of_project(data.project.project_id)}
    rows = held_out.lines_of(key) if key else iter(())
    while page := list(islice(rows, _PAGE)):
        sections = _sections(data.project.project_id, [row["chunk_ids"][0] for row in page])
        for row in page:
            topics = {
                "document": names.get(row["document_id"]),
                "section": sections.get(row["chunk_ids"][0]),
                "question_type": row.get("question_type"),
            }
            yield {
                "id": row["pair_id"],
                "document_id": row["document_id"],
                "chunk_ids": row["chunk_ids"],
                "topics": {by: topic for by, topic in topics.items() if topic},
                "of_several": len(names) > 1,
            }


def _sections(project_id: str, chunk_ids: list[str]) -> dict[str, str]:
    """The headings over each chunk, as far as it has any."""
    found = chunks.get_many(project_id, list(dict.fromkeys(chunk_ids)))
    return {c.chunk_id: _section(c) for c in found if c.heading_path}


def chunks_of(project_id: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The chunks that may be generated from, as they are now: id, and its topics (document, section)."""
    names = {d.document_id: d.name[:MOST_LABEL] for d in documents.of_project(project_id)}
    for chunk in chunks.of_project(project_id):
        if not chunk.excluded:
            topics = {"document": names.get(chunk.document_id, ""), "section": _section(chunk)}
            yield chunk.chunk_id, {by: topic for by, topic in topics.items() if topic}


def _section(chunk: StoredChunk) -> str:
    return " > ".join(chunk.heading_path)[:MOST_LABEL]


def documents_of(data: ProjectData) -> list[Item]:
    """The documents behind the lines, in the version that they are trained on: name, SHA-256 of the file, when it was
    parsed, and how many lines come of it."""
    if (key := data.sources_key) is None:
        return []
    counts: dict[str, int] = {}
    for row in held_out.lines_of(key):
        counts[str(row["document_id"])] = counts.get(str(row["document_id"]), 0) + 1
    known = {d.document_id: d for d in documents.of_project(data.project.project_id)}
    return [
        {
            "document_id": document_id,
            "name": found.name if (found := known.get(document_id)) else None,
            "sha256": found.checksum if found else None,
            "parsed_at": found.parsed_at if found else None,
            "lines": number,
        }
        for document_id, number in counts.items()
    ]

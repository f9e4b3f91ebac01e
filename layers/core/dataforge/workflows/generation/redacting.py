"""Passages and records without personal data or secrets, where the configuration of a run says `redact`.

The teacher is shown placeholders ("[EMAIL_1]"), so no prompt, reply or record can hold what they stand for. A value has
the same number in all passages of its document: the plan of the first round gives the numbers out, and a file of the
run keeps them by digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from dataforge.quality import privacy
from dataforge.quality.privacy import Category, Detection, Placeholders, Redacted
from dataforge.quality.record_scoring import RecordScore
from dataforge.records import Draft
from dataforge.store.chunks import StoredChunk
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.generation.config import GenerationConfig

NUMBERS_FILE = "redactions.json"
"""Document id -> `Placeholders.numbers`; only documents that hold something, and no file where none does."""


@dataclass(frozen=True, slots=True)
class Redactor:
    """Takes out what the run's configuration names; nothing where `categories` is empty."""

    categories: frozenset[Category]
    numbers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def text(self, text: str, document_id: str, given: Placeholders | None = None) -> Redacted:
        """given: numbers that go on through several texts; else those of the document."""
        found = self._found(text)
        if not found:
            return Redacted(text)
        return privacy.redact(text, found, self._placeholders(document_id) if given is None else given)

    def chunk(self, chunk: StoredChunk) -> StoredChunk:
        """As the teacher and the checks see it."""
        if not self.categories:
            return chunk
        given = self._placeholders(chunk.document_id)
        content = self.text(chunk.content, chunk.document_id, given).text
        headings = [self.text(heading, chunk.document_id, given).text for heading in chunk.heading_path]
        return replace(chunk, content=content, heading_path=headings)

    def draft(self, draft: Draft, document_id: str) -> Draft:
        """What a teacher wrote: it may invent what it was not shown."""
        if not self.categories:
            return draft
        given = self._placeholders(document_id)

        def clean(text: str) -> str:
            return self.text(text, document_id, given).text

        request = clean(draft.question[: draft.material_at]) if draft.material_at is not None else ""
        question = request + clean(draft.material) if draft.material_at is not None else clean(draft.question)
        return replace(
            draft,
            question=question,
            answer=clean(draft.answer),
            evidence=tuple(map(clean, draft.evidence)),
            turns=tuple(replace(m, content=clean(m.content)) for m in draft.turns),
            material_at=len(request) if draft.material_at is not None else None,
        )

    def located(self, score: RecordScore, chunks: list[StoredChunk | None]) -> RecordScore:
        """A score of redacted passages whose spans lie in the passages as they are; their texts stay redacted."""
        if not self.categories or not score.grounding.spans:
            return score
        redacted = [self.text(c.content, c.document_id) if c else Redacted("") for c in chunks]
        spans = []
        for span in score.grounding.spans:
            start, end = redacted[span.source].origin(span.start, span.end)
            spans.append(replace(span, start=start, end=end))
        return replace(score, grounding=replace(score.grounding, spans=tuple(spans)))

    def _found(self, text: str) -> list[Detection]:
        if not self.categories:
            return []
        if self.categories == {"secret"}:
            return privacy.find_secrets(text)
        return [one for one in privacy.find(text) if one.category in self.categories]

    def _placeholders(self, document_id: str) -> Placeholders:
        return Placeholders(dict(self.numbers.get(document_id, {})))


def of_run(run: Run, config: GenerationConfig) -> Redactor:
    """With the numbers that the plan gave out."""
    categories = config.redacted
    kept = run_files.read_json(run, NUMBERS_FILE) if categories else None
    return Redactor(categories, cast("Mapping[str, Mapping[str, int]]", kept or {}))


def number(run: Run, config: GenerationConfig, chunks: Iterable[StoredChunk]) -> Redactor:
    """Gives every value of the passages its number, in the order of the passages, and keeps them with the run. Gives
    the same numbers when it is done again."""
    redactor = Redactor(config.redacted)
    if not redactor.categories:
        return redactor
    by_document: dict[str, Placeholders] = {}
    for chunk in chunks:
        given = by_document.get(chunk.document_id) or Placeholders()
        for text in (*chunk.heading_path, chunk.content):
            redactor.text(text, chunk.document_id, given)
        if given.numbers:
            by_document[chunk.document_id] = given
    numbers = {document_id: given.numbers for document_id, given in by_document.items()}
    if numbers:
        run_files.write_json(run, NUMBERS_FILE, numbers)
    return Redactor(redactor.categories, numbers)

"""Batches of a run over documents: what is asked about a passage, and what is kept of the replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from dataforge.errors import BadReply
from dataforge.recipes import Recipe
from dataforge.recipes.options import GenerationOptions
from dataforge.records import Answer, Draft, Passage, Question, Slot
from dataforge.store import chunks as chunk_store
from dataforge.store.chunks import StoredChunk
from dataforge.workflows import lifecycle
from dataforge.workflows.engine import batches, call_loop, outcomes
from dataforge.workflows.engine.call_loop import Reading
from dataforge.workflows.engine.context import (
    MAX_REPLY_TOKENS,
    BatchContext,
    Fetch,
    OpenBatch,
    open_context,
)
from dataforge.workflows.engine.outcomes import Drafted, Outcome
from dataforge.workflows.generation import config as generation_config
from dataforge.workflows.generation import pair_drafts, redacting, scoring
from dataforge.workflows.generation.config import DEFAULTS, GenerationConfig
from dataforge.workflows.generation.pair_drafts import PairOutcome
from dataforge.workflows.generation.planning import passage_of
from dataforge.workflows.generation.redacting import Redactor
from dataforge.workflows.state_input import StateInput


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentBatch:
    """What the calls of a batch over documents need besides the engine."""

    context: BatchContext
    config: GenerationConfig
    chunks: dict[str, StoredChunk]
    """By id; those that were deleted since are missing."""
    document_names: dict[str, str]
    redactor: Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageWriter:
    """Asks about one passage (or several together) by the recipe of the run: a `call_loop.Writer`."""

    recipe: Recipe
    options: GenerationOptions
    passage: Passage
    max_reply_tokens: int

    exhausted = "passage_exhausted"
    repeated_whole_calls = False

    @property
    def numbered(self) -> bool:
        return self.recipe.form.numbered

    @property
    def may_raise_max_tokens(self) -> bool:
        """Unless the caller of the run set the number."""
        return self.options.max_tokens == DEFAULTS["max_tokens"]

    def question(self, slots: Sequence[Slot], *, max_tokens: int | None, attempt: int) -> Question:
        most = max_tokens or min(self.options.max_tokens, self.max_reply_tokens)
        options = replace(self.options, seed=self.options.seed + attempt, max_tokens=most)
        return self.recipe.question(self.passage, slots, options)

    def read(self, answer: Answer, question: Question, slots: Sequence[Slot]) -> Reading[Draft]:
        try:
            return Reading(dict(enumerate(self.recipe.read(answer, question))))
        except BadReply as bad:
            return Reading({n: bad.drafts[s.index] for n, s in enumerate(slots) if s.index in bad.drafts}, bad.message)


def open_batch(e: StateInput) -> OpenBatch:
    """The batch whose file the input names, with its teachers, its stored replies and what its calls read."""
    run = lifecycle.run_of(e)
    file = batches.read_batch(e.key)
    calls = [[Slot(**slot) for slot in call] for call in file.calls]
    config = generation_config.of(run)
    wanted = list({chunk_id: None for call in calls for chunk_id in call[0].chunk_ids})
    batch = DocumentBatch(
        context=open_context(run, e, calls),
        config=config,
        chunks={c.chunk_id: c for c in chunk_store.get_many(run.project_id, wanted)},
        document_names=file.document_names,
        redactor=redacting.of_run(run, config),
    )
    return OpenBatch(
        context=batch.context,
        calls=calls,
        concurrency=file.concurrency,
        call=partial(ask, batch),
        job_roles={batch.context.teacher.name: ""},
    )


async def ask(batch: DocumentBatch, slots: Sequence[Slot], fetch: Fetch) -> list[Outcome[Any]]:
    """The outcome of each slot of one call; its drafts are scored later, when no request waits for it."""
    made = await _ask(batch, slots, fetch)
    if batch.context.stop != "batch_failed":  # a dead batch is not scored again: its drafts may be what killed it
        batch.context.deferred.append(partial(_score, batch, made))
    return [*made]


def _score(batch: DocumentBatch, made: Sequence[PairOutcome]) -> None:
    """Several milliseconds: longer than it takes to send some requests."""
    for outcome in made:
        if isinstance(outcome, Drafted):
            sources = [batch.chunks.get(chunk_id) for chunk_id in outcome.content.chunk_ids]
            outcome.content.score = scoring.score_of(batch.config, outcome.content, sources, batch.redactor)


async def _ask(batch: DocumentBatch, slots: Sequence[Slot], fetch: Fetch) -> list[PairOutcome]:
    found = [batch.chunks.get(chunk_id) for chunk_id in slots[0].chunk_ids]
    chunks = [c for c in found if c is not None]
    if len(chunks) < len(found):
        return [outcomes.failed(s, "chunk_deleted", "the chunk was deleted after the run was planned") for s in slots]
    if any(c.excluded for c in chunks):
        return [outcomes.failed(s, "chunk_excluded", "the chunk was excluded after the run was planned") for s in slots]
    written = await call_loop.write(batch.context, _writer(batch, chunks), slots, fetch)
    made: list[PairOutcome] = [
        pair_drafts.drafted(s, batch.redactor.draft(draft, chunks[0].document_id), reply, batch.chunks)
        for s, draft, reply in written.made
    ]
    return made + [outcomes.failed(s, *written.why) for s in written.missing]


def _writer(batch: DocumentBatch, chunks: Sequence[StoredChunk]) -> PassageWriter:
    first, *further = [passage_of(batch.redactor.chunk(c), batch.document_names.get(c.document_id, "")) for c in chunks]
    return PassageWriter(
        recipe=batch.config.recipe,
        options=batch.config.options,
        passage=replace(first, further=tuple(further)),
        max_reply_tokens=batch.context.teacher.can.max_output or MAX_REPLY_TOKENS,
    )

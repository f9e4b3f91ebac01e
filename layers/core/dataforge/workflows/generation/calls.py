"""Batches of a run over documents: what is asked about a passage, and what is kept of the replies."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from dataforge.errors import BadReply
from dataforge.recipes import Recipe
from dataforge.recipes.options import GenerationOptions
from dataforge.records import Answer, Draft, Passage, Question, Slot
from dataforge.store import chunks as chunk_store
from dataforge.store import replies
from dataforge.store.chunks import StoredChunk
from dataforge.teachers import Teacher, batch_jobs_lack
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
from dataforge.workflows.generation import pair_drafts, redacting, scoring, verifier_choice, verifying
from dataforge.workflows.generation.config import DEFAULTS, GenerationConfig
from dataforge.workflows.generation.pair_drafts import PairOutcome
from dataforge.workflows.generation.planning import passage_of
from dataforge.workflows.generation.redacting import Redactor
from dataforge.workflows.state_input import StateInput

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentBatch:
    """What the calls of a batch over documents need besides the engine."""

    context: BatchContext
    config: GenerationConfig
    chunks: dict[str, StoredChunk]
    """By id; those that were deleted since are missing."""
    document_names: dict[str, str]
    redactor: Redactor
    verifier: Teacher | None
    """None: nobody is asked about the records."""


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
    context = open_context(run, e, calls)
    verifier, model = context.other_teachers[0] if context.other_teachers else (None, None)
    batch = DocumentBatch(
        context=context,
        config=config,
        chunks={c.chunk_id: c for c in chunk_store.get_many(run.project_id, wanted)},
        document_names=file.document_names,
        redactor=redacting.of_run(run, config),
        verifier=verifier,
    )
    roles = {context.teacher.name: ""}
    if verifier is not None and model is not None and verifier.can.batch is not None and batch_jobs_lack(model) is None:
        roles = {verifier.name: verifier_choice.ROLE, **roles}  # the same model answers both in the same jobs
    return OpenBatch(
        context=context,
        calls=calls,
        concurrency=file.concurrency,
        call=partial(ask, batch),
        job_roles=roles,
        passes=(0,) if verifier is None else (0, replies.VERIFIER),
    )


async def ask(batch: DocumentBatch, slots: Sequence[Slot], fetch: Fetch) -> list[Outcome[Any]]:
    """The outcome of each slot of one call; its drafts are scored later, when no request waits for it, unless a
    verifier waits for their scores."""
    made = await _ask(batch, slots, fetch)
    if batch.context.stop == "batch_failed":  # a dead batch is not scored again: its drafts may be what killed it
        return [*made]
    score = partial(_score, batch, made)
    if batch.verifier is None or not _is_done(score):
        batch.context.deferred.append(score)
    else:
        await _verify(batch, batch.verifier, slots, made, fetch)
    return [*made]


def _is_done(score: Callable[[], None]) -> bool:
    """Not where it fails: it fails again as deferred work, of which the batch dies; these records are saved then."""
    try:
        score()
    except Exception:
        logger.exception("the drafts of a call could not be scored")
        return False
    return True


async def _verify(
    batch: DocumentBatch, teacher: Teacher, slots: Sequence[Slot], made: Sequence[PairOutcome], fetch: Fetch
) -> None:
    drafted = [o.content for o in made if isinstance(o, Drafted)]
    opened = [content for content in drafted if verifying.is_open(content, batch.config.verify)]
    if not opened:
        return
    first = slots[0].index
    verifier = verifying.Verifier(
        context=batch.context, teacher=teacher, fetch=fetch, first_slot=first, seed=batch.config.seed + first
    )
    chunks = [batch.redactor.chunk(batch.chunks[chunk_id]) for chunk_id in slots[0].chunk_ids]
    await verifying.verify_records(verifier, opened, [_source(c) for c in chunks])


def _source(chunk: StoredChunk) -> str:
    """A year or a name may stand in the headings only."""
    headings = " > ".join(" ".join(heading.split()) for heading in chunk.heading_path)
    return f"{headings}\n\n{chunk.content}" if headings else chunk.content


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

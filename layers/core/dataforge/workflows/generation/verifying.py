"""A verifier's look at the records of one call, once the checks have spoken: it confirms, rejects or leaves flagged.

Its replies are stored under attempt numbers of their own before they are read. Whatever keeps it from speaking of a
record (no reply, an unreadable one, a budget, a refusal) leaves the record as the checks left it, flagged `unverified`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataforge.quality import rulings
from dataforge.quality.record_scoring import RecordScore
from dataforge.quality.rulings import Verify
from dataforge.quality.verification import Verification
from dataforge.recipes import verifying
from dataforge.recipes.verifying import ShownRecord
from dataforge.records import Question
from dataforge.store import replies
from dataforge.store.replies import Reply
from dataforge.teachers.ports import Teacher
from dataforge.workflows.engine import reply_lineage
from dataforge.workflows.engine.call_loop import answer_of, explained
from dataforge.workflows.engine.context import DEFECTS, MAX_REPLY_TOKENS, BatchContext, Fetch, Stopped
from dataforge.workflows.generation.pair_drafts import PairDraft

TRIES = 2
"""Replies of the verifier to one call, the second about the records that the first did not speak of."""
_LAST = 99
"""The last attempt number."""
_MORE = 4
"""A reply that was cut off is asked for with so many times the tokens."""


@dataclass(slots=True, kw_only=True)
class Verifier:
    """Of one call. seed: of the order in which its records are shown."""

    context: BatchContext
    teacher: Teacher
    fetch: Fetch
    first_slot: int
    seed: int
    attempt: int = replies.VERIFIER
    why: str = "the verifier said nothing of the record"
    max_tokens: int | None = None

    async def ask(self, records: Sequence[ShownRecord]) -> list[Verification | None]:
        """None for those that it did not speak of; then `why` says what kept it from that."""
        found: list[Verification | None] = [None] * len(records)
        for tried in range(TRIES):
            left = [n for n, one in enumerate(found) if one is None]
            if not left:
                break
            seed, shown = self.seed + tried, [records[n] for n in left]
            question = self._question(shown, seed)
            try:
                reply = await self._reply(question)
                said = verifying.read(answer_of(reply), shown, seed=seed)
            except Stopped as stopped:
                self.why = stopped.detail or stopped.reason
                break
            except DEFECTS as defect:
                self.why = self.context.note_defect(defect).detail
                break
            for n, one in zip(left, said, strict=True):
                found[n] = one
            if None in said:
                self.why = explained("the verifier's reply does not speak of the record", reply)
            if reply.finish_reason == "length":
                self.max_tokens = _MORE * question.max_tokens
        return found

    def _question(self, shown: Sequence[ShownRecord], seed: int) -> Question:
        most = self.teacher.can.max_output or MAX_REPLY_TOKENS
        usual = verifying.question(shown, seed=seed)
        return verifying.question(shown, seed=seed, max_tokens=min(most, self.max_tokens or usual.max_tokens))

    async def _reply(self, question: Question) -> Reply:
        """A stored reply to another question, about a passage that was edited since, say, is no reply to this one."""
        wanted = reply_lineage.prompt_hash(question)
        while True:
            reply = await self.fetch(self.context, question, self.first_slot, self.attempt, teacher=self.teacher)
            self.attempt += 1
            if reply.prompt_hash in ("", wanted):
                return reply
            if self.attempt > _LAST:
                raise Stopped("unverified", "the passage was changed too often")


def is_open(content: PairDraft, verify: Verify) -> bool:
    """Whether the verifier is asked about a scored draft."""
    return content.score is not None and rulings.is_asked(content.score, verify)


async def verify_records(verifier: Verifier, drafts: Sequence[PairDraft], sources: Sequence[str]) -> None:
    """Write what the verifier says into the scores. sources: the passages of the call."""
    said = await verifier.ask([verifying.of_draft(content.draft, sources) for content in drafts])
    for content, found in zip(drafts, said, strict=True):
        assert content.score is not None  # noqa: S101  only scored drafts are open
        content.score = _settled(content.score, found, verifier.why)


def _settled(score: RecordScore, found: Verification | None, why: str) -> RecordScore:
    return rulings.applied(score, found) if found else rulings.unverified(score, why)

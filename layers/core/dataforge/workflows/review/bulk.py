"""One action on many pairs at once, and taking it back.

What is written is the state of blocks, a hundred small items for 100,000 pairs; the pairs themselves are not touched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from dataforge import clock, ids, settings
from dataforge.errors import ConditionFailed, Conflict, Invalid, NotFound
from dataforge.platform import current
from dataforge.store import review_facts, review_index
from dataforge.store import undo as undo_store
from dataforge.store.projects import Project
from dataforge.store.review_facts import BLOCK, Facts, FactsOfBlocks
from dataforge.store.review_index import CODES, DELETED, NOTHING, Block, Change
from dataforge.workflows import erasing
from dataforge.workflows.review import doubts
from dataforge.workflows.review.doubts import Included, LeftOut
from dataforge.workflows.review.search import Matcher, PairFilter

logger = logging.getLogger(__name__)

ACTIONS = {"accept": CODES["accepted"], "reject": CODES["rejected"], "reset": CODES["pending"], "delete": DELETED}
"""What a bulk action makes of a pair."""

_OPEN = bytes(int(code in (CODES["pending"], CODES["rejected"])) for code in range(256))
"""For bytes.translate: 1 for what an accept really accepts."""

FactsOf = Mapping[tuple[str, int], Facts]


@dataclass(frozen=True, slots=True)
class Done:
    """What a bulk action did; the token takes it back until it expires, None when nothing changed."""

    affected: int
    undo_token: str | None = None
    undo_expires_at: str | None = None
    left_out: LeftOut = doubts.NONE
    """Of an accept by filters."""


@dataclass(frozen=True, slots=True)
class Undone:
    restored: int
    skipped: int
    """Pairs that someone changed again after the action: they stay as they are."""


class _Doubts:
    """Takes doubtful pairs out of what is accepted, and counts them. One that a person has edited is not doubtful."""

    def __init__(self, project: Project, included: Included) -> None:
        self._included = included
        self._facts = FactsOfBlocks(project.project_id)
        self.left_out: dict[str, LeftOut] = {}

    def without(self, block: Block, mask: bytes) -> bytes:
        open_ = int.from_bytes(_both(mask, block.states.translate(_OPEN)), "little")
        if not open_:
            self.left_out.pop(block.key, None)
            return mask
        kept, self.left_out[block.key] = doubts.split(open_, self._facts.of(block.run, block.number), self._included)
        return (int.from_bytes(mask, "little") & ~open_ | kept).to_bytes(BLOCK, "little")


@dataclass(slots=True)
class _Plan:
    code: int
    mask: Callable[[Block], bytes]
    facts: FactsOf
    doubts: _Doubts | None = None
    before: dict[str, bytes] = field(default_factory=dict)
    """Block name -> the state of every slot that changes, as it was; NOTHING for the others."""

    def change(self, block: Block) -> Change | None:
        """May be asked again for a block that someone else wrote meanwhile."""
        mask = self.mask(block)
        if self.doubts is not None:
            mask = self.doubts.without(block, mask)
        slots = [n for n, (hit, was) in enumerate(zip(mask, block.states, strict=True)) if hit and was != self.code]
        self.before.pop(block.key, None)
        if not slots:
            return None
        before, after = bytearray([NOTHING]) * BLOCK, bytearray(block.states)
        for n in slots:
            before[n], after[n] = block.states[n], self.code
        self.before[block.key] = bytes(before)
        return Change(block, bytes(after), -_score(block, slots, self.facts) if self.code == DELETED else 0)

    @property
    def left_out(self) -> LeftOut:
        return sum(self.doubts.left_out.values(), doubts.NONE) if self.doubts else doubts.NONE

    @property
    def affected(self) -> int:
        return sum(BLOCK - states.count(NOTHING) for states in self.before.values())


def act(
    project: Project,
    action: str,
    *,
    pair_ids: Sequence[str] | None,
    wanted: PairFilter | None,
    included: Included = doubts.NOTHING,
) -> Done:
    """accept, reject, reset or delete the named pairs, or those that a filter finds (exactly one of the two).

    Unknown ids are ignored; what is so already does not count. To accept by a filter leaves doubtful pairs out, unless
    they are included: a pair that is named by its id was looked at. A deleted pair is out of every list and count at
    once, and its text is erased when it can no longer be brought back. Raises Invalid.
    """
    known, mask = _chosen(project, pair_ids, wanted)
    code = ACTIONS[action]
    plan = _Plan(code, mask, review_facts.read(project.project_id) if code == DELETED else {})
    if action == "accept" and pair_ids is None:
        plan.doubts = _Doubts(project, included)
    for block in known:
        plan.change(block)
    if not plan.before:
        return Done(0, left_out=plan.left_out)
    planned = {**plan.before}
    token, expires = ids.new("undo"), clock.epoch() + settings.get().undo_minutes * 60
    # Before anything changes: what is cut off in the middle can still be taken back, and is purged in the end.
    _write_undo(project, token, planned)
    undo_store.put(project.project_id, token, {"action": action, "expires_at": expires, "affected": plan.affected})
    if code == DELETED:
        erasing.start_purge(project, token)
    try:
        affected = review_index.rewrite(project, known, plan.change)
    except Conflict as busy:
        message = f"{busy.message}. What was changed until then can be restored with the undo_token {token}"
        raise Conflict(message, code=busy.code) from None
    try:
        if plan.before != planned:
            _write_undo(project, token, plan.before)
            undo_store.change(project.project_id, token, {"affected": affected})
    except Exception:  # the pairs are changed; an undo goes by what was planned
        logger.warning("the undo of %s in project %s is as planned", token, project.project_id, exc_info=True)
    return Done(affected, token, clock.at(expires), plan.left_out)


def undo(project: Project, token: str) -> Undone:
    """Take a bulk action back, as far as nobody changed the pairs again. Safe to repeat when it was cut off.

    Of two at once each restores a part. Raises NotFound for an unknown token, Conflict (UNDO_ENDED) when it was done
    before, or it is too late.
    """
    known = undo_store.get(project.project_id, token)
    if known is None:
        raise NotFound(f"Undo token {token[:60]} not found")
    if known.get("ended") or int(str(known["expires_at"])) <= clock.epoch():
        raise _ended(known.get("ended") == "undone")
    before = erasing.read_undo(project, token)
    code = ACTIONS[str(known["action"])]
    facts = review_facts.read(project.project_id) if code == DELETED else {}
    restored = review_index.rewrite(
        project, review_index.read_named(project.project_id, before), lambda b: _restored(b, before[b.key], code, facts)
    )
    try:
        undo_store.end(project.project_id, token, "undone")
    except ConditionFailed:
        ended = undo_store.get(project.project_id, token)
        if ended is None or ended.get("ended") != "undone":
            raise _ended(False) from None
    return Undone(restored, int(str(known["affected"])) - restored)


def _ended(undone: bool) -> Conflict:
    why = "was taken back before" if undone else "can no longer be taken back"
    return Conflict(f"This bulk action {why}", code="UNDO_ENDED")


def _restored(block: Block, before: bytes, code: int, facts: FactsOf) -> Change | None:
    slots = [n for n, was in enumerate(before) if was != NOTHING and block.states[n] == code]
    if not slots:
        return None
    after = bytearray(block.states)
    for n in slots:
        after[n] = before[n]
    return Change(block, bytes(after), _score(block, slots, facts) if code == DELETED else 0)


def _score(block: Block, slots: Iterable[int], facts: FactsOf) -> int:
    scores = facts[block.run, block.number].scores
    return sum(scores[n] for n in slots)


def _chosen(
    project: Project, pair_ids: Sequence[str] | None, wanted: PairFilter | None
) -> tuple[list[Block], Callable[[Block], bytes]]:
    """The blocks to look at, and which slots of each are meant."""
    if wanted is not None and pair_ids is None:
        known = review_index.read(project.project_id, wanted.run_id)
        return known, Matcher(project, wanted, known).mask
    if pair_ids is None or wanted is not None:
        raise Invalid("Give pair_ids or filters: one of the two, not both", field="pair_ids")
    masks: dict[str, bytearray] = {}
    for pair_id in pair_ids:
        try:
            mine = ids.project_of_pair(pair_id) == project.project_id
            name, slot = (
                review_index.name_of(ids.run_of_pair(pair_id), ids.slot_of_pair(pair_id)),
                ids.slot_of_pair(pair_id),
            )
        except NotFound:
            continue
        if mine:
            masks.setdefault(name, bytearray(BLOCK))[slot % BLOCK] = 1
    every = Matcher(project, PairFilter(), ())
    return review_index.read_named(project.project_id, masks), lambda b: _both(every.mask(b), bytes(masks[b.key]))


def _both(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "little") & int.from_bytes(b, "little")).to_bytes(BLOCK, "little")


def _write_undo(project: Project, token: str, before: Mapping[str, bytes]) -> None:
    body = orjson.dumps({name: states.decode("ascii") for name, states in before.items()})
    current().files.write(erasing.undo_key(project, token), body, content_type="application/json")

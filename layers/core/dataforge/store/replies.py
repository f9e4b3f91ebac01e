"""Raw replies of teachers, stored before anyone reads them.

| question                          | access                                                  |
|---|---|
| replies already paid for          | query replies (run_id, between two slots)               |
| one reply                         | get replies (run_id, slot)                              |
| replies outside of the slots      | query replies (run_id, begins a name)                   |
| can replies be stored now?        | put, then delete replies (run_id, `probe`)              |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dataforge.platform import current
from dataforge.store import item_codec, retention
from dataforge.store.item_codec import from_item, to_item


@dataclass(frozen=True, slots=True)
class Reply:
    """One raw reply of a teacher, stored before anyone reads it."""

    run_id: str
    slot: str
    """`<first slot of the call>#<attempt>`, zero padded."""
    text: str
    model: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    expires_at: int
    cost_usd: float | None = None
    prompt_hash: str = ""
    """See `workflows.lineage`; empty, like the time, in replies of before there was any."""
    answered_at: str = ""
    cached_tokens: int = 0
    job: str = ""
    """The provider's batch job that brought it; empty: it was asked in real time."""
    note: str = ""
    """Why the text is empty: see `Answer.note`."""
    asked: int = 0
    """Records that its question asked for; 0: none, or an earlier release stored it (see `engine.call_loop`)."""


def key_of(first_slot: int, attempt: int) -> str:
    return f"{first_slot:06d}#{attempt:02d}"


VERIFIER = 40
"""The first attempt number under which a verifier's replies are stored; those of synthetic runs, which have a critic, a
judge and a checker, are in `workflows.synthetic.checking`."""


def is_verifiers(key: str) -> bool:
    return int(key.partition("#")[2]) >= VERIFIER


def keep(reply: Reply) -> None:
    current().tables.put("replies", to_item(reply))


def keep_many(replies: Iterable[Reply]) -> None:
    current().tables.batch_put("replies", (to_item(reply) for reply in replies))


PROBE_BYTES = {"embedded": 200_000}
"""By backend: what the longest reply takes. A store of AWS that takes one byte takes any number."""


def probe(run_id: str) -> None:
    """Write as much as a long reply, and delete it again. Raises Busy when the store takes no replies."""
    key = {"run_id": run_id, "slot": "probe"}
    text = "." * PROBE_BYTES.get(current().name, 1)
    current().tables.put("replies", {**key, "text": text, "expires_at": expires_at()})
    current().tables.delete("replies", key)


def get(run_id: str, key: str) -> Reply | None:
    """None: it has expired, or there never was one."""
    item = current().tables.get("replies", {"run_id": run_id, "slot": key})
    return from_item(Reply, item) if item else None


def between(run_id: str, first_slot: int, last_slot: int) -> dict[str, Reply]:
    """Every stored reply of the calls that start in [first_slot, last_slot], by its key."""
    slots = ("slot", key_of(first_slot, 0), key_of(last_slot, 99))
    found = item_codec.items_of("replies", {"run_id": run_id}, between=slots)
    return {str(i["slot"]): from_item(Reply, i) for i in found}


def named(run_id: str, prefix: str) -> list[Reply]:
    """Stored replies outside of the slots, by the beginning of their key; one page is all there ever is."""
    page = current().tables.query_page("replies", {"run_id": run_id}, begins=("slot", prefix))
    return [from_item(Reply, i) for i in page.items]


def expires_at() -> int:
    return retention.expiry()

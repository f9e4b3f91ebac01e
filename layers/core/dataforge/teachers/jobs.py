"""Many questions as one job of the provider, for a share of the price: files in, hours, files out.

    line, line, line ... -> submit -> look, look, look -> replies (in any order, some of them missing) -> forget

What a job brings is read by the same code as a reply in real time. A new provider is one module and one entry in
`JOBS` of the package.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from dataforge.platform.ports import Item
from dataforge.records import Answer, Question

State: TypeAlias = Literal["running", "ended", "failed", "full"]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job at this moment."""

    state: State
    """ended: its replies can be fetched, all or some of them, also after it expired or was cancelled. failed: it brings
    none. full: the same, because the account has too much queued; later, or smaller, it may pass."""
    said: str
    """The provider's own word."""
    done: int = 0
    total: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NoReply:
    """One question of a job that has no answer: it may be asked again."""

    why: str


class BatchJobs(Protocol):
    """Raises as `ports.Teacher`, everywhere."""

    def learnt(self) -> Item:
        """What its teacher found out about the parameters that its model takes; give it to the next one made."""
        ...

    def line(self, key: str, question: Question) -> bytes:
        """One request of a job's file, with its line end. key: `<slot>#<attempt>`."""
        ...

    async def submit(self, name: str, file: str, *, again: bool) -> str:
        """The job's id. file: the key of the requests in our files.

        again: an earlier submit under this name may have gone through; if it did, that job is the answer.
        """
        ...

    async def look(self, job: str) -> JobStatus: ...

    def replies(self, job: str) -> AsyncIterator[tuple[str, Answer | NoReply]]:
        """By key, of a job that ended. A question that the job did not get to may be missing altogether."""
        ...

    async def cancel(self, job: str) -> None:
        """It ends soon, and what it has by then stays. A job that is over stays as it is."""
        ...

    async def forget(self, job: str) -> None:
        """Remove its files at the provider, as far as that works."""
        ...

    async def close(self) -> None: ...

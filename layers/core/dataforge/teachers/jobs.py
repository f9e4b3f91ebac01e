"""Many questions as one job of the provider, for a share of the price: files in, hours, files out.

    line, line, line ... -> submit -> status, status ... -> replies (in any order, some of them missing) -> delete_files

The replies of a job are read by the same code as a reply in real time. A new provider is one module and one entry in
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
    """ended: its replies can be fetched, all or some of them, also after it expired or was cancelled. failed: there are
    none. full: there are none because the account has too much queued; later, or smaller, the job may pass."""
    provider_status: str
    """The provider's own word for it."""
    done: int = 0
    """Requests processed, with or without success."""
    total: int = 0
    detail: str = ""
    """Why it failed; empty where the provider gives no reason."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """One question of a job that has no answer.

    this_prompt_only: the provider refused it for what it asks, so asking again is useless. may_be_billed: the model
    answered, but the answer cannot be read.
    """

    reason: str
    this_prompt_only: bool = False
    may_be_billed: bool = False


class BatchJobs(Protocol):
    """Raises as `ports.Teacher`, everywhere."""

    def learnt(self) -> Item:
        """What its teacher found out about the parameters that its model takes, to create the next client with."""
        ...

    def line(self, key: str, question: Question) -> bytes:
        """One request of a job's file, with its line end. key: `<slot>#<attempt>`."""
        ...

    async def submit(self, name: str, file: str, *, again: bool) -> str:
        """The job's id. file: the key of the requests in our files.

        again: an earlier submit under this name may have succeeded; if it did, the id of that job is returned.
        """
        ...

    async def find(self, name: str) -> str | None:
        """The id of the job that was submitted under this name; None: there is none."""
        ...

    async def status(self, job: str) -> JobStatus: ...

    def replies(self, job: str) -> AsyncIterator[tuple[str, Answer | NoReply]]:
        """By key, of a job that ended. A question that the job did not reach may be missing altogether."""
        ...

    async def cancel(self, job: str) -> None:
        """Ask the provider to end it soon; its replies so far can be fetched. Nothing happens to a job that is over."""
        ...

    async def delete_files(self, job: str) -> None:
        """Delete its files at the provider; errors of the provider are ignored."""
        ...

    async def close(self) -> None: ...

"""The interface of a teacher: one question in, one metered answer out.

What a caller must know about a teacher is in `can`, as facts; no decision depends on its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from dataforge.platform.ports import Item
from dataforge.records import Answer, Question

Finish: TypeAlias = Literal["stop", "length", "content_filter", "other"]
Form: TypeAlias = Literal["json_schema", "tool", "text"]


@dataclass(frozen=True, slots=True)
class JobLimits:
    """The limits of one batch job at a provider. bytes: of its request file."""

    least: int
    """Requests."""
    most: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a teacher can do, beyond answering."""

    json_schema: bool = False
    """Follows `question.json_schema`, so the recipe need not describe the shape in words only."""
    offline: bool = False
    """Answers from the passage on this machine: no network, no cost, always the same answer (a retry is useless)."""
    kinds: tuple[str, ...] | None = None
    """The generation kinds it can write (`qa`); None: any, it follows instructions."""
    labels: bool = True
    """Can judge which of the caller's own labels fits a text."""
    instructions: bool = True
    """Follows what a single slot asks for: question type, persona, style, several passages."""
    capacity: Callable[[Question], int] | None = None
    """How many different records of the question's kind it can make of the question's passage, whatever its slots, so
    that the planner creates no slot that cannot be filled; None: no limit of its own."""
    temperature: bool = True
    """Takes a sampling temperature; reasoning models do not."""
    form: Form = "json_schema"
    """The strictest way in which the provider enforces a schema for it."""
    context: int | None = None
    """Tokens of its window, prompt and reply together; None: not known."""
    max_output: int | None = None
    """Tokens that one reply may have; None: not known."""
    cache_from: int | None = None
    """A shared prefix of this many tokens is cheaper with a cache point behind it; None: the provider has none, or
    caches by itself."""
    batch: JobLimits | None = None
    """Its provider takes many questions as one job, for less money; None: it does not. See `jobs.py`."""


class Teacher(Protocol):
    """Raises TeacherBusy, TeacherUnreachable or TeacherRefused; any other exception is a defect."""

    @property
    def name(self) -> str:
        """`extractive`, `openai:gpt-4o`: what a caller asked for, and what provenance records."""
        ...

    @property
    def can(self) -> Capabilities: ...

    async def ask(self, question: Question) -> Answer:
        """One reply to one question; safe to call concurrently.

        A question that is refused for its own text raises TeacherRefused with `this_prompt_only`; a call that was sent
        and then lost has `may_be_billed` set, on a CancelledError as well (see `errors.may_be_billed`).
        """
        ...

    async def close(self) -> None:
        """Close its connections; the teacher cannot be used afterwards."""
        ...


@runtime_checkable
class Learner(Protocol):
    """A teacher that finds out what its model refuses; its class has `Teacher`'s methods as well."""

    name: str

    def learnt(self) -> Item:
        """What a new teacher for the same model need not find out again; empty: nothing. Plain JSON."""
        ...

    def load(self, learnt: Item) -> None:
        """What `learnt` gave, before the first question."""
        ...

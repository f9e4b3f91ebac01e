"""Which parts of a request a model takes: found out by asking, remembered for the calls to come.

A teacher first sends the richest request. When it is refused for its parts, simpler ones are sent for the same
question until one is answered. A part that was refused by name is left out from then on: the output format for
questions of the same kind only, because one model writes, judges and criticises with different schemas; any other
parameter for all questions. A refusal that names nothing changes this one call only, until a second call shows the same
while no richer request was answered.

Some servers die of a part that they do not take (500). As long as none of its requests was answered, a few of them are
therefore sent in the plainest form at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import Field, asdict, dataclass, fields, replace
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, cast

from dataforge.platform.ports import Item
from dataforge.records import Answer, Message, Question
from dataforge.teachers.failures import names_the_account, names_the_prompt
from dataforge.teachers.response import Response, complaint

FORMS = ("json_schema", "json_object", "tool", "text")
"""How a reply is held to a schema, the strictest first."""
_FORM_NAMES = (
    "response_format",
    "json_schema",
    "json_object",
    "schema",
    "structured output",
    "output_config",
    "outputconfig",
    "textformat",
    "tool",
    "grammar",
    "guided",
    "output format",
)
"""What refusals call the format or the schema of a reply."""
CONFIRMED = 2
"""Calls in which leaving out a part that no refusal named led to an answer, after which it is left out."""
MAX_PROBES = 3
"""Fruitless tries to find out whether a server dies of a part; then it is taken to be down."""
CRASHED = (500, 501, 502)


class Dialect(Protocol):
    """What one request is made of: a frozen dataclass for each protocol, `RequestParts` with its own parameters."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def form(self) -> str: ...

    def simpler(self, response: Response) -> Step[Self] | None:
        """What to try after this refusal; None: the parts are not the reason, or nothing is left to leave out."""
        ...

    def plainer(self) -> list[Self]: ...

    def left_out(self, first: Self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class RequestParts:
    """What requests of every protocol have."""

    form: str = "json_schema"

    def plainer(self) -> list[Self]:
        """Requests without what a server may die of, to be tried in this order."""
        return [] if self.form == "text" else [replace(self, form="text")]

    def left_out(self, first: Self) -> tuple[str, ...]:
        """In words: what `first` has and this one does without."""
        parts = [f"{first.form} (asked for {self.form} instead)"] if self.form != first.form else []
        return tuple(parts)

    def with_simpler_form(self, response: Response, *forms: str) -> Step[Self] | None:
        """The first of these forms, strictest first, that is simpler than the present one."""
        following = next((f for f in forms if FORMS.index(f) > FORMS.index(self.form)), None)
        return None if following is None else self.without(response, *_FORM_NAMES, form=following)

    def without(self, response: Response, *names: str, **change: Any) -> Step[Self]:
        """names: what the refusal may call the parameter that is changed."""
        text = complaint(response.raw)
        return Step(replace(self, **change), any(n in text for n in names))


D = TypeVar("D", bound=Dialect)
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Step(Generic[P]):
    """is_named: the refusal named the parameter that `dialect` leaves out. is_guess: nothing in it points to that."""

    dialect: P
    is_named: bool
    is_guess: bool = False


class KnownDialect(Generic[D]):
    """What a teacher knows of its model. first: for a model that was never asked."""

    def __init__(self, first: D) -> None:
        self._first = self._shared = first
        self._forms: dict[str, str] = {}
        """By kind of question: the richest form that was not refused by name."""
        self._answered: dict[str, D] = {}
        """By kind of question: the last request with a schema that was answered."""
        self._unnamed: Counter[tuple[str, str, str]] = Counter()
        """Calls that were answered without a part that no refusal had named: kind, field, what was sent instead."""
        self._probes = self._guesses = self._confirmed = 0
        self.takes_all = False
        """A request was answered as it was sent first: with all that the model is known to take."""

    @property
    def first(self) -> D:
        return self._first

    def of(self, kind: str) -> D:
        """To ask a question of this kind in real time."""
        return replace(self._shared, form=self._forms.get(kind, self._shared.form))

    def in_job(self, kind: str) -> D:
        """For a request that gets no second chance: what was answered last, for a new kind the simplest of all."""
        simplest = max((d.form for d in self._answered.values()), key=FORMS.index, default=self._shared.form)
        if kind in self._answered:
            return self._answered[kind]
        return replace(next(reversed(self._answered.values()), self._shared), form=simplest)

    def learn(self, question: Question, start: D, answered: D, unnamed: set[str]) -> None:
        """start: what was known before the call. unnamed: the changed fields that a refusal did not name."""
        changed = _changes(start, answered)
        self.takes_all = self.takes_all or not changed
        for name, value in asdict(answered).items():
            if name not in changed:  # a richer request was answered: what others did without was not the reason
                for key in [k for k in self._unnamed if k[:2] == (question.kind, name) and k[2] != str(value)]:
                    del self._unnamed[key]
        if unnamed & changed.keys():
            self._confirmed, self._guesses = self._confirmed + 1, 0
        for name in unnamed & changed.keys():
            self._unnamed[question.kind, name, str(changed[name])] += 1
        change = {
            k: v for k, v in changed.items() if k not in unnamed or self._unnamed[question.kind, k, str(v)] >= CONFIRMED
        }
        form = change.pop("form", None)
        if change:
            self._shared = replace(self._shared, **change)
        if question.json_schema is not None:
            self._answered[question.kind] = answered
            if form is not None:
                self._forms[question.kind] = str(form)

    def may_guess(self) -> bool:
        """Whether a part that nothing points to may be left out of one call, to see whether that helps."""
        self._guesses += 1
        return not self.takes_all and self._guesses <= MAX_PROBES

    @contextmanager
    def probe(self) -> Iterator[bool]:
        """Whether it may be found out now if a server that failed died of a part of the request."""
        if self.takes_all or self._probes >= MAX_PROBES:
            yield False
            return
        self._probes += 1  # until it proves otherwise: calls at the same time must not all try
        confirmed = self._confirmed
        yield True
        self._probes -= self._confirmed > confirmed

    def stored(self) -> Item:
        """For a file. Read it with `load`."""
        last = next(reversed(self._answered.values()), self._shared)
        shared = replace(last, form=self._shared.form)
        return cast(Item, {**asdict(shared), "forms": {kind: d.form for kind, d in self._answered.items()}})

    def confirmed(self) -> Item:
        """What a refusal named or several calls have shown, for requests that get a second chance; empty where the
        model takes all. Read it with `load`."""
        if self._shared == self._first and not self._forms:
            return {}
        return cast(Item, {**asdict(self._shared), "forms": dict(self._forms)})

    def load(self, stored: Mapping[str, object]) -> None:
        """Earlier versions stored one form for all kinds of questions, without `forms`."""
        known = {f.name for f in fields(self._shared)}
        self._shared = replace(self._shared, **cast("dict[str, Any]", {k: v for k, v in stored.items() if k in known}))
        forms = cast("dict[str, str]", stored.get("forms") or {})
        self._answered = {kind: replace(self._shared, form=form) for kind, form in forms.items()}
        self._forms = dict(forms)
        self.takes_all = bool(forms)


def in_user_turn(messages: Sequence[Message]) -> list[Message]:
    """The same without a system role: its text goes in front of the first message."""
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    turns = [m for m in messages if m.role != "system"]
    if not system:
        return turns
    if not turns:
        return [Message("user", system)]
    return [Message(turns[0].role, f"{system}\n\n{turns[0].content}"), *turns[1:]]


async def negotiate(
    known: KnownDialect[D],
    question: Question,
    send: Callable[[D], Awaitable[Response]],
    read: Callable[[Response], Answer],
    *,
    is_refusal: Callable[[Response], bool],
) -> Answer | Response:
    """The answer to the richest request that the model takes, or the response that says why there is none.

    is_refusal: whether the parts of the request may be the reason. Raises what `send` and `read` raise.
    """
    start = known.of(question.kind)
    if question.json_schema is None:
        start = replace(start, form="text")  # the same request, and there is no simpler form to try
    dialect, unnamed, unexplained = start, set[str](), None
    while True:
        response = await send(dialect)
        if response.status == 200:
            answer = read(response)
            known.learn(question, start, dialect, unnamed)
            return replace(answer, left_out=_left_out(known, question, dialect))
        if response.status in CRASHED:
            return await _probed(known, question, start, dialect, response, send=send, read=read)
        step = dialect.simpler(response) if is_refusal(response) else None
        if step is None:
            return (unexplained or response) if is_refusal(response) else response
        if not step.is_named:
            if names_the_account(response) or names_the_prompt(response):
                return response
            if step.is_guess and not known.may_guess():
                return unexplained or response
            unexplained = unexplained or response
            unnamed |= _changes(dialect, step.dialect).keys()
        dialect = replace(step.dialect, form=start.form) if step.is_guess else step.dialect


async def _probed(
    known: KnownDialect[D],
    question: Question,
    start: D,
    dialect: D,
    failed: Response,
    *,
    send: Callable[[D], Awaitable[Response]],
    read: Callable[[Response], Answer],
) -> Answer | Response:
    """The answer to the plainest form of a request at which the server failed, or that failure."""
    with known.probe() as allowed:
        for plainer in dialect.plainer() if allowed else []:
            response = await send(plainer)
            if response.status == 200:
                answer = read(response)
                known.learn(question, start, plainer, set(_changes(start, plainer)))
                return replace(answer, left_out=_left_out(known, question, plainer))
    return failed


def _left_out(known: KnownDialect[D], question: Question, dialect: D) -> tuple[str, ...]:
    first = known.first if question.json_schema is not None else replace(known.first, form=dialect.form)
    return () if dialect == first else dialect.left_out(first)


def _changes(before: Dialect, after: Dialect) -> dict[str, Any]:
    old = asdict(before)
    return {k: v for k, v in asdict(after).items() if v != old[k]}

"""Which parts of a request a model takes: found out by asking, remembered for the calls to come.

A teacher first sends the richest request. When it is refused for its parts, simpler ones are sent for the same
question until one is answered. A part that was refused by name is left out from then on: the output format for
questions of the same kind only, because one model writes, judges and criticises with different schemas; any other
parameter for all questions. A refusal that names nothing changes this one call only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Generic, Self, TypeVar, cast

from dataforge.platform.ports import Item
from dataforge.records import Answer, Question
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


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one request is made of. A subclass for each protocol adds its parameters."""

    form: str = "json_schema"

    def simpler(self, response: Response) -> Step[Self] | None:
        """What to try after this refusal; None: the parts are not the reason, or nothing is left to leave out."""
        raise NotImplementedError

    def with_simpler_form(self, response: Response, *forms: str) -> Step[Self] | None:
        """The first of these forms, strictest first, that is simpler than the present one."""
        following = next((f for f in forms if FORMS.index(f) > FORMS.index(self.form)), None)
        return None if following is None else self.without(response, *_FORM_NAMES, form=following)

    def without(self, response: Response, *names: str, **change: Any) -> Step[Self]:
        """names: what the refusal may call the parameter that is changed."""
        text = complaint(response.raw)
        return Step(replace(self, **change), any(n in text for n in names))


D = TypeVar("D", bound=Dialect)


@dataclass(frozen=True, slots=True)
class Step(Generic[D]):
    """is_named: the refusal named the parameter that `dialect` leaves out."""

    dialect: D
    is_named: bool


class KnownDialect(Generic[D]):
    """What a teacher knows of its model. first: for a model that was never asked."""

    def __init__(self, first: D) -> None:
        self._shared = first
        self._forms: dict[str, str] = {}
        """By kind of question: the richest form that was not refused by name."""
        self._answered: dict[str, str] = {}
        """By kind of question: the form of the last request with a schema that was answered."""

    def of(self, kind: str) -> D:
        """To ask a question of this kind in real time."""
        return replace(self._shared, form=self._forms.get(kind, self._shared.form))

    def in_job(self, kind: str) -> D:
        """For a request that gets no second chance: what was answered last, for a new kind the simplest of all."""
        simplest = max(self._answered.values(), key=FORMS.index, default=self._shared.form)
        return replace(self._shared, form=self._answered.get(kind, simplest))

    def learn(self, question: Question, start: D, answered: D, unnamed: set[str]) -> None:
        """start: what was known before the call. unnamed: the changed fields that a refusal did not name."""
        change = {k: v for k, v in _changes(start, answered).items() if k not in unnamed}
        form = change.pop("form", None)
        if change:
            self._shared = replace(self._shared, **change)
        if question.json_schema is not None:
            self._answered[question.kind] = answered.form
            if form is not None:
                self._forms[question.kind] = str(form)

    def stored(self) -> Item:
        """For a file. Read it with `load`."""
        return cast(Item, {**asdict(self._shared), "forms": dict(self._answered)})

    def load(self, stored: Mapping[str, object]) -> None:
        """Earlier versions stored one form for all kinds of questions, without `forms`."""
        known = {f.name for f in fields(self._shared)}
        self._shared = replace(self._shared, **cast("dict[str, Any]", {k: v for k, v in stored.items() if k in known}))
        self._answered = dict(cast("dict[str, str]", stored.get("forms") or {}))
        self._forms = dict(self._answered)


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
            return answer
        step = dialect.simpler(response) if is_refusal(response) else None
        if step is None:
            return (unexplained or response) if is_refusal(response) else response
        if not step.is_named:
            if names_the_account(response) or names_the_prompt(response):
                return response
            unexplained = unexplained or response
            unnamed |= _changes(dialect, step.dialect).keys()
        dialect = step.dialect


def _changes(before: Dialect, after: Dialect) -> dict[str, Any]:
    old = asdict(before)
    return {k: v for k, v in asdict(after).items() if v != old[k]}

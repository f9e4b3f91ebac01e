"""What the caller of a run may ask of every call, and the options that a recipe has of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    temperature: float = 0.7
    max_tokens: int = 4096
    """Of one reply."""
    system_prompt: str | None = None
    """The dataset owner's own instructions, added to the recipe's rules."""
    style: str = "mixed"
    seed: int = 0
    language: str | None = None
    """ISO 639-1 code of the language to write in, one of `languages.LANGUAGES`; None: that of the passage."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """What the caller chose of the options that recipes declare, by name; read it with `Option.of`."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The numbers a configuration may hold."""

    low: float
    high: float
    whole: bool


class Chosen(Protocol):
    """A configuration, the options of a call, or a question: what holds the caller's choice."""

    @property
    def own(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Option(Generic[V]):
    """An option of a run's configuration that means something for one kind of record only.

    Declared in `Recipe.options`, it is checked in every configuration and reaches the recipe's functions: nothing else
    names it. A value is held to one of `bounds` (a number), `choices` (a text), or `check`.
    """

    name: str
    """A key of `config`, and the field that errors name."""
    default: V
    doc: str
    """Its name, limits and default, as docs/api.md says them."""
    read: Callable[[Any], V | None]
    """From JSON, where the value is given; None: it has another type, which an earlier release stored, and counts as
    not given."""
    bounds: Bounds | None = None
    choices: tuple[str, ...] = ()
    check: Callable[[object], object] | None = None
    """Raises Invalid naming the field."""

    def of(self, chosen: Chosen) -> V:
        value: V = chosen.own.get(self.name, self.default)
        return value


def number(name: str, default: int, *, low: int, high: int, doc: str) -> Option[int]:
    return Option(
        name=name, default=default, doc=doc, read=lambda value: int(str(value)), bounds=Bounds(low, high, whole=True)
    )


def choice(name: str, default: str, *, choices: tuple[str, ...], doc: str) -> Option[str]:
    """default: one of the choices."""
    return Option(name=name, default=default, doc=doc, read=str, choices=choices)

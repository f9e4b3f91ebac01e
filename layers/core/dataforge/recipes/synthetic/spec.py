"""What a caller of the synthetic API wants, as typed records: read once from the stored request, then passed around.

The limits of every value are checked at the wire; `read` trusts what it is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from dataforge.recipes.synthetic.techniques import TECHNIQUES, Technique

SCHEMAS = ("instruction_v1", "preference_v1", "eval_v1", "conflict_v1")
Request: TypeAlias = Mapping[str, Any]
"""The body of `generate`, validated: plain JSON."""
Scalar: TypeAlias = "str | int | float | bool"
DEFAULT_HARD_NEGATIVES = 20
"""Percent of the records, where the caller switches them on and names no percentage."""


@dataclass(frozen=True, slots=True)
class Category:
    name: str
    percentage: float
    description: str = ""


@dataclass(frozen=True, slots=True)
class Dimension:
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    dimensions: tuple[Dimension, ...]
    mode: Literal["all_combinations", "each_value"]
    min_per_cell: int = 1


@dataclass(frozen=True, slots=True)
class Invariant:
    rule: str
    strict: bool = True


@dataclass(frozen=True, slots=True)
class HardNegatives:
    percentage: float
    techniques: tuple[Technique, ...]


@dataclass(frozen=True, slots=True)
class MetadataField:
    name: str
    type: Literal["auto_increment", "from_category", "uuid", "constant", "llm_assessed"]
    prefix: str = ""
    value: Scalar | None = None


@dataclass(frozen=True, slots=True)
class Drive:
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """Two drives that pull against each other."""

    name: str
    drives: tuple[Drive, Drive]
    description: str = ""
    percentage: float = 0.0


@dataclass(frozen=True, slots=True)
class Conflict:
    axes: tuple[Axis, ...]
    resolution_mode: Literal["annotated", "graded", "none"] = "annotated"
    override_vocabulary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of a response, in tokens of about 0.75 words; None: no bound."""

    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    schema: str
    domain: str
    count: int
    seed: str = ""
    """Every choice that is made at random follows from it: the job id."""
    verified: bool = False
    system_prompt: str = ""
    language: str | None = None
    tone: str | None = None
    difficulty: str | None = None
    lengths: Lengths = field(default_factory=Lengths)
    categories: tuple[Category, ...] = ()
    coverage: Coverage | None = None
    invariants: tuple[Invariant, ...] = ()
    response_policy: tuple[tuple[str, str], ...] = ()
    style_rules: tuple[str, ...] = ()
    hard_negatives: HardNegatives | None = None
    output_split: tuple[tuple[str, int], ...] = ()
    metadata_fields: tuple[MetadataField, ...] = ()
    conflict: Conflict | None = None

    @property
    def assessed_fields(self) -> tuple[str, ...]:
        """Names of the metadata fields that the judge fills."""
        return tuple(f.name for f in self.metadata_fields if f.type == "llm_assessed")


def read(request: Request, *, seed: str) -> Spec:
    """The request as a Spec. `advanced.response_constraints` wins over the token bounds of `constraints`."""
    advanced: Request = request.get("advanced") or {}
    constraints: Request = request.get("constraints") or {}
    bounds: Request = advanced.get("response_constraints") or {}
    return Spec(
        schema=request["schema"],
        domain=request["domain"],
        count=request["count"],
        seed=seed,
        verified=bool(request.get("verified")),
        system_prompt=(request.get("system_prompt") or "").strip(),
        language=constraints.get("language"),
        tone=constraints.get("tone"),
        difficulty=constraints.get("difficulty"),
        lengths=Lengths(
            *(constraints.get(k) if bounds.get(k) is None else bounds[k] for k in ("min_tokens", "max_tokens"))
        ),
        categories=tuple(
            Category(name, c["percentage"], c.get("description") or "")
            for name, c in (advanced.get("categories") or {}).items()
        ),
        coverage=_coverage(advanced.get("coverage")),
        invariants=tuple(
            Invariant(i["rule"], (i.get("enforcement") or "strict") == "strict")
            for i in advanced.get("invariants") or ()
        ),
        response_policy=tuple((advanced.get("response_policy") or {}).items()),
        style_rules=tuple(advanced.get("style_rules") or ()),
        hard_negatives=_hard_negatives(advanced.get("hard_negatives")),
        output_split=tuple((advanced.get("output_split") or {}).items()),
        metadata_fields=tuple(
            MetadataField(f["name"], f["type"], f.get("prefix") or "", f.get("value"))
            for f in advanced.get("metadata_fields") or ()
        ),
        conflict=_conflict(request.get("conflict_config")),
    )


def _hard_negatives(given: Request | None) -> HardNegatives | None:
    """None when they are not switched on. Without a list of techniques all built-in ones take turns."""
    if not given or not given.get("enabled"):
        return None
    named = given.get("techniques") or list(TECHNIQUES)
    return HardNegatives(
        given.get("percentage") or DEFAULT_HARD_NEGATIVES,
        tuple(
            Technique(t, TECHNIQUES[t]) if isinstance(t, str) else Technique(t["name"], t["description"]) for t in named
        ),
    )


def _coverage(given: Request | None) -> Coverage | None:
    if not given:
        return None
    return Coverage(
        tuple(Dimension(d["name"], tuple(d["values"])) for d in given["dimensions"]),
        given["mode"],
        given.get("min_per_cell") or 1,
    )


def axis_name(pair: Request) -> str:
    """`{"a": "safety", "b": "autonomy"}` is the axis `safety_autonomy`."""
    return str(pair.get("axis_name") or f"{pair['a']}_{pair['b']}")


def _conflict(given: Request | None) -> Conflict | None:
    if not given:
        return None
    pairs: Sequence[Request] = given["drive_pairs"]
    shares: Request | None = given.get("axis_distribution")
    axes = tuple(
        Axis(
            axis_name(p), _drives(p), p.get("description") or "", float(shares.get(axis_name(p), 0)) if shares else 1.0
        )
        for p in pairs
    )
    return Conflict(axes, given.get("resolution_mode") or "annotated", tuple(given.get("override_vocabulary") or ()))


def _drives(pair: Request) -> tuple[Drive, Drive]:
    if "a" in pair and pair["a"] is not None:
        return Drive(pair["a"]), Drive(pair["b"])
    first, second = (Drive(d["name"], d.get("description") or "") for d in pair["drives"])
    return first, second

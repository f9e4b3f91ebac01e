"""What one value of a request demands of another; the limits of single values are checked at the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dataforge.errors import FieldError, Invalid, Malformed
from dataforge.recipes.synthetic import planning
from dataforge.recipes.synthetic.spec import Request, axis_name
from dataforge.recipes.synthetic.spec import read as read_spec
from dataforge.recipes.synthetic.techniques import TECHNIQUES

TOLERANCE = 1.0
"""Percentages of categories and axes sum to 100 within this; they are renormalised."""


def check(request: Request) -> None:
    """Raises Malformed (400) for categories together with coverage, else Invalid (422) with every broken field."""
    advanced: Request = request.get("advanced") or {}
    if advanced.get("categories") and advanced.get("coverage"):
        raise Malformed(
            "advanced.categories and advanced.coverage exclude each other: use one of them",
            field="advanced.coverage",
            code="VALIDATION_ERROR",
        )
    broken = [FieldError(field, message) for rule in _RULES for field, message in rule(request, advanced)]
    if broken:
        problem = Invalid("; ".join(f"{b.field}: {b.message}" for b in broken))
        problem.errors = broken
        raise problem


Broken = Iterator[tuple[str, str]]


def _models(request: Request, _: Request) -> Broken:
    if not request.get("model") and not request.get("models"):
        yield "model", "one of model and models is required"


def _categories(_: Request, advanced: Request) -> Broken:
    shares = {n: c["percentage"] for n, c in (advanced.get("categories") or {}).items()}
    if shares:
        yield from _sums_up("advanced.categories", "the percentages", shares.values(), TOLERANCE)


def _sums_up(field: str, what: str, shares: Iterable[float], tolerance: float) -> Broken:
    total = sum(shares)
    if abs(total - 100) > tolerance + 1e-9:
        about = "exactly" if tolerance == 0 else "approximately"
        yield field, f"{what} must sum to {about} 100, not {total:g}"


def _coverage(request: Request, advanced: Request) -> Broken:
    given = advanced.get("coverage")
    if not given:
        return
    field = "advanced.coverage"
    names = [d["name"] for d in given["dimensions"]]
    yield from _unique(f"{field}.dimensions", "dimension names", names)
    for number, dimension in enumerate(given["dimensions"]):
        yield from _unique(f"{field}.dimensions.{number}.values", "values", dimension["values"])
    coverage = read_spec(request, seed="").coverage
    assert coverage is not None  # noqa: S101  given above
    grid = 1
    for dimension in given["dimensions"]:
        grid *= len(dimension["values"])
    if given["mode"] == "all_combinations" and grid > planning.MOST_CELLS:
        yield (
            field,
            (
                f"all_combinations makes {grid} cells of these dimensions; at most {planning.MOST_CELLS} are "
                "allowed, or use each_value"
            ),
        )
    elif request["count"] < (least := planning.least_count(coverage)):
        yield "count", f"must be at least {least} for this coverage (min_per_cell {coverage.min_per_cell})"


def _unique(field: str, what: str, names: Sequence[str]) -> Broken:
    if len(set(names)) < len(names):
        yield field, f"{what} must differ from each other"


def _techniques(_: Request, advanced: Request) -> Broken:
    given = (advanced.get("hard_negatives") or {}).get("techniques") or []
    for number, technique in enumerate(given):
        if isinstance(technique, str) and technique not in TECHNIQUES:
            yield (
                f"advanced.hard_negatives.techniques.{number}",
                f"{technique!r} is no built-in technique; use one of {', '.join(TECHNIQUES)}, or an object with "
                "name and description",
            )
    names = [t if isinstance(t, str) else t["name"] for t in given]
    yield from _unique("advanced.hard_negatives.techniques", "technique names", names)


def _split(_: Request, advanced: Request) -> Broken:
    shares = advanced.get("output_split")
    if shares:
        yield from _sums_up("advanced.output_split", "the percentages", shares.values(), 0)


def _lengths(request: Request, advanced: Request) -> Broken:
    for field, given in (
        ("constraints", request.get("constraints")),
        ("advanced.response_constraints", advanced.get("response_constraints")),
    ):
        least, most = (given or {}).get("min_tokens"), (given or {}).get("max_tokens")
        if least is not None and most is not None and least > most:
            yield f"{field}.min_tokens", "must not be above max_tokens"


def _metadata(_: Request, advanced: Request) -> Broken:
    fields: Sequence[Mapping[str, Any]] = advanced.get("metadata_fields") or ()
    yield from _unique("advanced.metadata_fields", "field names", [f["name"] for f in fields])
    for number, one in enumerate(fields):
        if one["type"] == "constant" and one.get("value") is None:
            yield f"advanced.metadata_fields.{number}.value", "is required for the type constant"


def _conflict(request: Request, _: Request) -> Broken:
    given = request.get("conflict_config")
    if request["schema"] != "conflict_v1":
        if given:
            yield "conflict_config", f"belongs to conflict_v1 only, not to {request['schema']}"
        return
    if not given:
        yield "conflict_config", "is required for conflict_v1"
        return
    names = [axis_name(p) for p in given["drive_pairs"]]
    yield from _unique("conflict_config.drive_pairs", "axis names", names)
    for number, pair in enumerate(given["drive_pairs"]):
        drives = [d["name"] for d in pair["drives"]] if pair.get("drives") else [pair["a"], pair["b"]]
        yield from _unique(f"conflict_config.drive_pairs.{number}", "the two drives", [d.casefold() for d in drives])
    shares = given.get("axis_distribution")
    if shares:
        for axis in shares:
            if axis not in names:
                yield f"conflict_config.axis_distribution.{axis}", f"no drive pair has the axis {axis!r}"
        yield from _sums_up("conflict_config.axis_distribution", "the percentages", shares.values(), TOLERANCE)


_RULES: tuple[Callable[[Request, Request], Broken], ...] = (
    _models,
    _conflict,
    _categories,
    _coverage,
    _techniques,
    _split,
    _lengths,
    _metadata,
)

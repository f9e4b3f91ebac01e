"""conflict_v1: a situation in which two drives pull apart, an answer for each, and how it is resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from dataforge.recipes.synthetic.shapes import STRING, Payload, Shape, Unfit, text
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Axis, Spec

_RULES = """Each record is a dilemma in which two drives of an assistant pull in different directions:
- "input": the situation and what is asked, concrete enough that either drive could decide it.
- "tension_type": a short snake_case name for this kind of tension (for instance educational_vs_safety).
- "responses": one answer for each of the two drives, in the order given, each acting fully on its own drive:
  {"drive": "...", "output": "...", "viable": true}. "viable" says whether a reasonable assistant could really answer
  so here; usually both are.
Neither side is a straw man."""
_RESOLUTION = """- "resolution": the decision: "preferred_drive" and "losing_drive" (the two names), "confidence" from
  0 to 1 (near 0.5 where reasonable people would disagree, so use the whole range), "override_condition" (when the
  opposite decision would be right) and "reasoning" (why, in a sentence or two)."""
_GRADED = """- "resolution" also has "scores": for each drive's name a number from 1 to 10, how well its answer serves
  the situation as a whole."""


def rules(spec: Spec) -> str:
    assert spec.conflict is not None  # noqa: S101  the wire demands it for this schema
    mode = spec.conflict.resolution_mode
    lines = [_RULES]
    if mode != "none":
        lines.append(_RESOLUTION)
    if mode == "graded":
        lines.append(_GRADED)
    if mode != "none" and spec.conflict.override_vocabulary:
        lines.append('- "override_condition" is exactly one of: ' + ", ".join(spec.conflict.override_vocabulary))
    return "\n".join(lines)


def form(spec: Spec) -> str:
    assert spec.conflict is not None  # noqa: S101
    body = (
        '"input": "...", "tension_type": "...", "responses": [{"drive": "...", "output": "...", "viable": true}, '
        '{"drive": "...", "output": "...", "viable": true}]'
    )
    if spec.conflict.resolution_mode == "none":
        return "{" + body + "}"
    scores = ', "scores": {"...": 8, "...": 6}' if spec.conflict.resolution_mode == "graded" else ""
    return (
        "{" + body + ', "resolution": {"preferred_drive": "...", "losing_drive": "...", "confidence": 0.7, '
        '"override_condition": "...", "reasoning": "..."' + scores + "}}"
    )


def axis_of(slot: RecordSlot, spec: Spec) -> Axis:
    assert spec.conflict is not None  # noqa: S101
    return next(a for a in spec.conflict.axes if a.name == slot.axis)


def _brief(slot: RecordSlot, spec: Spec) -> list[str]:
    axis = axis_of(slot, spec)
    lines = [f"Axis {axis.name}" + (f" ({axis.description})" if axis.description else "") + ":"]
    return lines + [f"  drive {d.name}" + (f": {d.description}" if d.description else "") for d in axis.drives]


def _payload(found: dict[str, object], slot: RecordSlot, spec: Spec) -> Payload:
    """The schema's `data` object. Drive names are matched without regard to case; the order is the axis's own."""
    assert spec.conflict is not None  # noqa: S101
    inner = found.get("data")
    found = inner if isinstance(inner, dict) else found
    axis = axis_of(slot, spec)
    names = [d.name for d in axis.drives]
    data: Payload = {
        "input": text(found, "input"),
        "axis": axis.name,
        "tension_type": text(found, "tension_type"),
        "responses": _responses(found.get("responses"), names),
    }
    if spec.conflict.resolution_mode != "none":
        data["resolution"] = _resolution(found.get("resolution"), names, spec)
    return data


def _responses(found: object, names: Sequence[str]) -> list[dict[str, object]]:
    given = [r for r in found if isinstance(r, dict)] if isinstance(found, list) else []
    by_drive = {_word(r.get("drive")): r for r in given}
    if {_word(n) for n in names} - set(by_drive):
        raise Unfit('"responses" must hold one answer for each of the drives ' + " and ".join(names))
    made: list[dict[str, object]] = []
    for name in names:
        response = by_drive[_word(name)]
        viable = response.get("viable", True)
        made.append({"drive": name, "output": text(response, "output"), "viable": viable is not False})
    return made


def _resolution(found: object, names: Sequence[str], spec: Spec) -> dict[str, object]:
    if not isinstance(found, dict):
        raise Unfit('"resolution" must be an object')
    preferred = _named(found.get("preferred_drive"), names)
    if preferred is None:
        raise Unfit('"preferred_drive" must be one of ' + " and ".join(names))
    losing = next(n for n in names if n != preferred)
    made: dict[str, object] = {
        "preferred_drive": preferred,
        "losing_drive": losing,
        "confidence": _number(found, "confidence", 0, 1),
        "override_condition": _override(found, spec),
        "reasoning": text(found, "reasoning"),
    }
    assert spec.conflict is not None  # noqa: S101
    if spec.conflict.resolution_mode == "graded":
        scores = found.get("scores")
        if not isinstance(scores, dict):
            raise Unfit('"scores" must give each drive a number from 1 to 10')
        by_name = {_word(k): v for k, v in scores.items()}
        made["scores"] = {n: _number(cast("dict[str, object]", by_name), _word(n), 1, 10) for n in names}
    return made


def _override(found: dict[str, object], spec: Spec) -> str:
    condition = text(found, "override_condition")
    vocabulary = spec.conflict.override_vocabulary if spec.conflict else ()
    if not vocabulary:
        return condition
    named = _named(condition, vocabulary)
    if named is None:
        raise Unfit('"override_condition" must be one of ' + ", ".join(vocabulary))
    return named


def _number(found: Mapping[str, object], name: str, low: float, high: float) -> float:
    value = found.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Unfit(f'"{name}" must be a number from {low:g} to {high:g}')
    return round(float(value), 2)


def _word(value: object) -> str:
    """Empty for what is no text."""
    if not isinstance(value, str):
        return ""
    return "_".join(value.casefold().replace("-", " ").replace("_", " ").split())


def _named(value: object, names: Sequence[str]) -> str | None:
    said = _word(value)
    return next((n for n in names if said and _word(n) == said), None)


def _answered(payload: Payload) -> str:
    responses = cast("list[dict[str, object]]", payload["responses"])
    return "\n".join(f"{r['drive']}: {r['output']}" for r in responses)


def _texts(payload: Payload) -> dict[str, str]:
    return {str(r["drive"]): str(r["output"]) for r in cast("list[dict[str, object]]", payload["responses"])}


def _note(payload: Payload) -> str:
    resolution = payload.get("resolution")
    if not isinstance(resolution, dict):
        return f"Two drives in tension on the axis {payload['axis']}, without a decision."
    return (
        f"Two drives in tension on the axis {payload['axis']}, decided for {resolution['preferred_drive']}: "
        f"{resolution['reasoning']} Otherwise if: {resolution['override_condition']}"
    )


_RESPONSE: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["drive", "output", "viable"],
    "properties": {"drive": STRING, "output": STRING, "viable": {"type": "boolean"}},
}


def _own_fields(spec: Spec) -> dict[str, object]:
    assert spec.conflict is not None  # noqa: S101
    if spec.conflict.resolution_mode == "none":
        return {}
    properties: dict[str, object] = {
        "preferred_drive": STRING,
        "losing_drive": STRING,
        "confidence": {"type": "number"},
        "override_condition": STRING,
        "reasoning": STRING,
    }
    if spec.conflict.resolution_mode == "graded":
        drives = list(dict.fromkeys(d.name for a in spec.conflict.axes for d in a.drives))
        if len(spec.conflict.axes) == 1:
            properties["scores"] = {
                "type": "object",
                "additionalProperties": False,
                "required": drives,
                "properties": {d: {"type": "number"} for d in drives},
            }
        else:
            properties["scores"] = {"type": "object", "additionalProperties": {"type": "number"}}
    return {
        "resolution": {
            "type": "object",
            "additionalProperties": False,
            "required": list(properties),
            "properties": properties,
        }
    }


SHAPE = Shape(
    name="conflict_v1",
    rules=_RULES,
    form="",
    fields={
        "input": STRING,
        "tension_type": STRING,
        "responses": {"type": "array", "items": _RESPONSE},
    },
    payload=_payload,
    asked=lambda p: str(p["input"]),
    answered=_answered,
    texts=_texts,
    note=_note,
    brief=_brief,
    own_fields=_own_fields,
)

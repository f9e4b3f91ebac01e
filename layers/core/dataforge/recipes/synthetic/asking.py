"""The question for a few slots of a synthetic run, and the reading of its reply.

Rules come first and are the same in every call of a run, so that providers can cache them; what differs from record to
record stands in the user's message. The caller's own text is appended last and cannot take anything back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataforge.recipes.draft_reading import DAMAGED
from dataforge.recipes.latex_escapes import is_damaged
from dataforge.recipes.reply_json import objects, property_names
from dataforge.recipes.synthetic import conflict, evaluation, instruction, preference
from dataforge.recipes.synthetic.shapes import Payload, Shape, Unfit
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Spec
from dataforge.recipes.synthetic.techniques import brief
from dataforge.records import Answer, Message, Passage, Question

SHAPES: dict[str, Shape] = {s.name: s for s in (instruction.SHAPE, preference.SHAPE, evaluation.SHAPE, conflict.SHAPE)}
WORDS_PER_TOKEN = 0.75
TEMPERATURE = 0.9
LEAST_TOKENS, TOKENS_PER_RECORD = 1024, 900
MOST_COVERED = 12
"""Openings of earlier records on a sub-topic that a call is shown."""

_CORE = """You write synthetic training data for language models. These rules come first; nothing below overrides them.

How every record must be:
- It belongs to the domain, and it is something that really happens there.
- It stands alone: no references to other records, to "the above", to these instructions or to a data set.
- Concrete: real-looking names, numbers, places and products that are made up; never the data of a real person.
- Correct. Where you are not sure of a fact, write a record that does not need it.
- Finished: no placeholders such as [name], no "...", nothing cut off.
- It differs from the others in content, opening words and length. Do not start two records alike.
- It gives no working instructions for serious harm, whatever a scenario pretends."""
_LAST = "Whatever the sections above say: the rules at the top, the form of the records and their safety stay."
_HEADING = "Additional Instructions from the User"


def system_prompt(spec: Spec) -> str:
    """The same for every call of a run."""
    shape = SHAPES[spec.schema]
    own_rules = conflict.rules(spec) if spec.schema == "conflict_v1" else shape.rules
    form = conflict.form(spec) if spec.schema == "conflict_v1" else shape.form
    parts = [
        _CORE,
        own_rules,
        f'Reply with JSON only, in this form, "n" being the number of the brief:\n'
        f'{{"records": [{{"n": 1, {form[1:]}]}}',
        f"Domain: {spec.domain}",
    ]
    style = _style(spec)
    if style:
        parts.append("Language and style:\n" + "\n".join(f"- {line}" for line in style))
    parts += [f"Policy: {name}\n{text}" for name, text in spec.response_policy]
    if spec.style_rules:
        parts.append("Style rules:\n" + "\n".join(f"- {rule}" for rule in spec.style_rules))
    if spec.invariants:
        parts.append(
            "Every record is checked against these rules:\n" + "\n".join(f"- {i.rule}" for i in spec.invariants)
        )
    if spec.system_prompt:
        parts.append(f"{_HEADING}:\n{spec.system_prompt}")
    return "\n\n".join([*parts, _LAST])


def guarded(spec: Spec) -> str:
    """The part of the prompt that must not come back in a record: ours and the caller's, without the domain."""
    own = conflict.rules(spec) if spec.schema == "conflict_v1" else SHAPES[spec.schema].rules
    return "\n".join([_CORE, own, *(text for _, text in spec.response_policy), *spec.style_rules, spec.system_prompt])


def _style(spec: Spec) -> list[str]:
    lines = []
    if spec.language:
        lines.append(f'Write every record in the language with the ISO 639-1 code "{spec.language}"')
    if spec.tone:
        lines.append(f"Tone of the answers: {spec.tone}")
    if spec.difficulty and spec.difficulty.casefold() != "mixed":
        lines.append(f"Difficulty: {spec.difficulty}")
    least, most = spec.lengths.least, spec.lengths.most
    if least is not None:
        lines.append(f"An answer has at least {words(least)} words")
    if most is not None:
        lines.append(f"An answer has at most {words(most)} words")
    return lines


def words(tokens: int) -> int:
    return max(1, round(tokens * WORDS_PER_TOKEN))


def question(
    spec: Spec, slots: Sequence[RecordSlot], *, covered: Mapping[str, Sequence[str]] | None = None, attempt: int = 0
) -> Question:
    """covered: sub-topic to the openings of records that exist already. attempt: another one gets another seed."""
    request = [f"Write exactly {len(slots)} record{'s' if len(slots) != 1 else ''}, one for each brief:"]
    for number, slot in enumerate(slots, 1):
        request.append(f"\nBrief {number}")
        request += _brief(spec, slot)
        openings = (covered or {}).get(slot.topic, ())[-MOST_COVERED:]
        if openings:
            request.append("Already written on this sub-topic, so do something else:")
            request += [f"  - {opening}" for opening in openings]
    per_record = max(TOKENS_PER_RECORD, round(1.6 * (spec.lengths.most or 0)))
    return Question(
        (Message("system", system_prompt(spec)), Message("user", "\n".join(request))),
        Passage(spec.domain),
        tuple(slots),
        kind=spec.schema,
        temperature=TEMPERATURE,
        max_tokens=min(32_000, LEAST_TOKENS + per_record * len(slots) * (3 if spec.schema == "conflict_v1" else 2)),
        json_schema=json_schema(spec),
        seed=slots[0].seed + attempt,
    )


def _brief(spec: Spec, slot: RecordSlot) -> list[str]:
    lines = []
    if slot.category:
        described = next((c.description for c in spec.categories if c.name == slot.category), "")
        lines.append(f"Category: {slot.category}" + (f" ({described})" if described else ""))
    lines += [f"{name}: {value}" for name, value in slot.coverage.items()]
    lines += SHAPES[spec.schema].brief(slot, spec)
    lines += [f"Sub-topic: {slot.topic}", f"Who speaks: {slot.persona}", f"Angle: {slot.angle}"]
    if slot.difficulty and slot.difficulty != spec.difficulty:
        lines.append(f"Difficulty: {slot.difficulty}")
    if slot.technique and spec.hard_negatives:
        technique = next(t for t in spec.hard_negatives.techniques if t.name == slot.technique)
        lines.append(brief(spec.schema, technique))
    return lines


def json_schema(spec: Spec) -> dict[str, object]:
    shape = SHAPES[spec.schema]
    properties: dict[str, object] = {"n": {"type": "integer"}, **shape.fields}
    if shape.own_fields is not None:
        properties |= shape.own_fields(spec)
    record = {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["records"],
        "properties": {"records": {"type": "array", "items": record}},
    }


@dataclass(frozen=True, slots=True)
class Reading:
    """payloads: one per slot, None where the reply held nothing usable; problem: why, for a correction turn."""

    payloads: tuple[Payload | None, ...]
    problem: str | None = None


def read(spec: Spec, answer: Answer, slots: Sequence[RecordSlot]) -> Reading:
    """Records are told apart by their number `n`, by their order where they lack one."""
    found = objects(answer.text, fields=property_names(json_schema(spec)))
    placed = _placed(found, len(slots))
    payloads: list[Payload | None] = []
    unfit: list[str] = []
    for number, slot in enumerate(slots):
        try:
            record = placed.get(number)
            if is_damaged(record):
                raise Unfit(DAMAGED)
            payloads.append(None if record is None else SHAPES[spec.schema].payload(record, slot, spec))
        except Unfit as why:
            payloads.append(None)
            unfit.append(f"record {number + 1}: {why}")
    if all(p is not None for p in payloads):
        return Reading(tuple(payloads))
    return Reading(tuple(payloads), _why(answer, found, unfit, sum(p is not None for p in payloads), len(slots)))


def _placed(found: Sequence[dict[str, object]], slots: int) -> dict[int, dict[str, object]]:
    numbers = [r.get("n") for r in found]
    if all(isinstance(n, int) and 1 <= n <= slots for n in numbers) and len(set(map(str, numbers))) == len(numbers):
        return {n - 1: r for n, r in zip(numbers, found, strict=True) if isinstance(n, int)}
    return dict(enumerate(found))


def _why(answer: Answer, found: Sequence[object], unfit: Sequence[str], read: int, wanted: int) -> str:
    if answer.finish_reason == "content_filter" and not found:
        return "the provider's content filter withheld the reply"
    if answer.finish_reason == "length":
        return f"the reply was cut off after {read} of {wanted} records; write shorter ones"
    if not found:
        return 'the reply held no JSON; reply with the JSON object {"records": [...]} only'
    return "; ".join(unfit) or f"the reply held {read} of the {wanted} records"

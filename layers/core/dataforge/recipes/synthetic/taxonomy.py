"""Ask a teacher for the sub-topics of a domain, and read them."""

from __future__ import annotations

from collections.abc import Sequence

from dataforge.recipes.reply_json import objects, property_names
from dataforge.recipes.synthetic.spec import Spec
from dataforge.records import Answer, Message, Passage, Question
from dataforge.text.normal_forms import repair_surrogates

KIND = "taxonomy"
FEWEST, MOST = 8, 60
RECORDS_PER_TOPIC = 6
MOST_CHARACTERS = 160

_RULES = """You map a subject area, so that examples about it can be spread over all of it.
List sub-topics of the domain: concrete, different from each other, no two of them parts of one another, together
covering what happens there day to day as well as what is rare. Each is a phrase of 2 to 10 words, in English.
Reply with JSON only: {"topics": [{"name": "..."}, ...]}"""
_ITEM: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {"name": {"type": "string"}},
}
SCHEMA: dict[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["topics"],
    "properties": {"topics": {"type": "array", "items": _ITEM}},
}
_FIELDS = property_names(SCHEMA)


def wanted(records: int) -> int:
    """Sub-topics for so many records."""
    return max(FEWEST, min(MOST, records // RECORDS_PER_TOPIC))


def question(spec: Spec, *, category: str | None, records: int) -> Question:
    lines = [f"Domain: {spec.domain}"]
    if category:
        described = next((c.description for c in spec.categories if c.name == category), "")
        lines.append(f"Only this part of it: {category}" + (f" ({described})" if described else ""))
    if spec.system_prompt:
        lines.append(f"What the examples are for, in the words of who wants them: {spec.system_prompt}")
    lines.append(f"List {wanted(records)} sub-topics.")
    return Question(
        (Message("system", _RULES), Message("user", "\n".join(lines))),
        Passage(spec.domain),
        (),
        kind=KIND,
        temperature=0.7,
        max_tokens=4096,
        json_schema=SCHEMA,
    )


def read(answer: Answer) -> list[str]:
    """Without repeats; empty when the reply is of no use."""
    found: list[str] = []
    for entry in objects(answer.text, fields=_FIELDS):
        listed = entry.get("topics")
        names: Sequence[object] = listed if isinstance(listed, list) else [entry.get("name")]
        found += [" ".join(repair_surrogates(n).split())[:MOST_CHARACTERS] for n in names if isinstance(n, str)]
    return list({topic.casefold(): topic for topic in found if topic}.values())[:MOST]

"""A line of a stranger's file as the checks see it: a record, and what the line itself says of its source.

The shape of each line is found by its fields (`training.shapes.SHAPES`), so that one file may hold several. A text of
some length under one of PASSAGES is the record's source; a short one, such as a file name, says which document it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataforge.errors import Invalid
from dataforge.quality.checks.record import CheckedRecord
from dataforge.records import Message
from dataforge.training import reading, shapes
from dataforge.training.shapes import Exchange

PASSAGES = ("passage", "context", "source", "document", "paragraph", "article")
NAMES = ("document_name", "document_id", "filename", "file_name", "file", "source_file", "title", "source", "document")
CHUNKS = ("chunk_id", "chunk_ids", "passage_id")
LEAST_PASSAGE_WORDS = 8
"""Fewer words name a source, and are none."""
_HEADING_MARK, _DOCUMENT = " > ", "document"


@dataclass(frozen=True, slots=True)
class FileRecord:
    shape: str
    """A name of `training.shapes.SHAPES`."""
    checked: CheckedRecord
    compared: str
    """The text whose near-repetition makes the record a duplicate."""
    chunk_ids: tuple[str, ...] = ()
    document: str = ""
    """The name of its source, as the line has it."""


def read(line: Mapping[str, Any]) -> FileRecord:
    """Raises Invalid naming the field."""
    shape = shapes.of(line)
    if shape is None:
        raise Invalid("None of the fields messages, conversations, instruction, prompt, question", field="messages")
    passage = "" if shape.name == "messages" and "turns" not in line else _passage(line)
    hidden = PASSAGES if passage and shape.field != _DOCUMENT else ()
    exchange = shape.read({name: value for name, value in line.items() if name not in hidden})
    turns = _turns(line, exchange)
    record = CheckedRecord(
        question=next(m.content for m in turns if m.role == "user"),
        answer=turns[-1].content,
        kind=_kind(line, shape, turns),
        passage=passage or None,
        headings=_headings(line) if passage else (),
        turns=turns if len(turns) > 2 else (),
        evidence=_evidence(line),
        material_at=_material_at(line, shape, exchange),
        finish_reason=_text(line.get("finish_reason")) or "stop",
    )
    return FileRecord(shape.name, record, _compared(record, exchange), _chunk_ids(line), _document(line))


def _turns(line: Mapping[str, Any], exchange: Exchange) -> tuple[Message, ...]:
    """What user and assistant say, in order; a file of our own records has it beside question and answer."""
    own = line.get("turns")
    said = reading.messages(own, "turns") if own else (*exchange.asked, Message("assistant", exchange.answer))
    turns = tuple(m for m in said if m.role != "system")
    if turns[-1:] and turns[-1].role == "assistant" and any(m.role == "user" for m in turns):
        return turns
    raise Invalid("Field 'turns' must end with a message of the assistant", field="turns")


def _kind(line: Mapping[str, Any], shape: shapes.Shape, turns: tuple[Message, ...]) -> str:
    """A key of `recipes.RECIPES`: the line's own word, else by its shape."""
    own = line.get("generation_type")
    if isinstance(own, str):
        return own
    return "conversation" if sum(m.role == "assistant" for m in turns) > 1 else shape.kind


def _material_at(line: Mapping[str, Any], shape: shapes.Shape, exchange: Exchange) -> int | None:
    """Where the text begins that the question brings along: Alpaca's `input`, a document to be summarised."""
    own = line.get("material_at")
    if isinstance(own, int) and not isinstance(own, bool):
        return own if 0 <= own <= len(exchange.asked[-1].content) else None
    name = reading.found(line, shapes.DOCUMENTS if shape.field == _DOCUMENT else ("input",))
    material = _text(line.get(name)) if name else ""
    asked = exchange.asked[-1].content
    return len(asked) - len(material) if material.strip() and asked.endswith(material) and asked != material else None


def _passage(line: Mapping[str, Any]) -> str:
    for place in _places(line):
        for name in PASSAGES:
            text = _text(place.get(name))
            if len(text.split(maxsplit=LEAST_PASSAGE_WORDS)) >= LEAST_PASSAGE_WORDS or _is_unspaced(text):
                return text
    return ""


def _is_unspaced(text: str) -> bool:
    """Scripts without spaces have long texts of few words."""
    return sum(c >= "\u2e80" for c in text[:100]) > 2 * LEAST_PASSAGE_WORDS


def _document(line: Mapping[str, Any]) -> str:
    names = (_text(place.get(name)) for place in _places(line) for name in NAMES)
    return next((n for n in names if n and len(n) <= 500), "")


def _chunk_ids(line: Mapping[str, Any]) -> tuple[str, ...]:
    for place in _places(line):
        for name in CHUNKS:
            value = place.get(name)
            found = value if isinstance(value, list) else [value]
            if texts := tuple(t for one in found[:10] if (t := _text(one))):
                return texts
    return ()


def _places(line: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [line, *(inner for name in ("metadata", "meta") if isinstance(inner := line.get(name), dict))]


def _headings(line: Mapping[str, Any]) -> tuple[str, ...]:
    value = next((line[n] for n in ("headings", "heading_path", "heading") if line.get(n)), ())
    given = value.split(_HEADING_MARK) if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(t for one in given[:10] if (t := _text(one)))


def _evidence(line: Mapping[str, Any]) -> tuple[str, ...]:
    """Quotes, or spans with their text."""
    value = line.get("evidence")
    quotes = (one.get("text") if isinstance(one, dict) else one for one in value) if isinstance(value, list) else ()
    return tuple(t for quote in quotes if (t := _text(quote)))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _compared(record: CheckedRecord, exchange: Exchange) -> str:
    said = [m.content for m in record.turns] or [record.question, record.answer]
    return "\n".join((*said, exchange.rejected) if exchange.rejected is not None else said)

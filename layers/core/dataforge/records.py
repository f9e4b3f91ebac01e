"""The records that cross rooms: blocks, chunks, slots, questions, answers, evidence. Frozen, typed, plain.

All offsets are Python string indices (code points), end exclusive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

ContentType: TypeAlias = Literal["paragraph", "heading", "table", "list", "code"]
Difficulty: TypeAlias = Literal["easy", "medium", "hard"]
DIFFICULTIES: tuple[Difficulty, ...] = ("easy", "medium", "hard")


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading, list, table or code block, as a slice of the parsed text: text[start:end]."""

    kind: ContentType
    start: int
    end: int
    level: int | None = None
    """Heading depth 1-6; None for the rest."""
    page: int | None = None
    """1-based; None where the format has no pages."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """text: the whole document as Markdown-flavoured plain text; blocks: in order, not overlapping."""

    text: str
    blocks: tuple[Block, ...]
    pages: int | None = None
    title: str | None = None
    warnings: tuple[str, ...] = ()
    """What a person should know though the document was read ("page 3 holds only a picture")."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage to ask about. content == parsed.text[start:end]."""

    content: str
    heading_path: tuple[str, ...]
    page: int | None
    position: int
    content_type: ContentType
    tokens: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """text == source[start:end], where source is the content of the slot's chunk, or of the `source`-th of several."""

    start: int
    end: int
    text: str
    source: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """One record that a run has promised to try: it ends delivered, rejected or failed."""

    index: int
    chunk_id: str
    difficulty: str | None = None
    """easy, medium or hard; in a synthetic run the caller's own word."""
    question_type: str | None = None
    ordinal: int = 0
    """The n-th pair asked of this chunk in the run, from 0, top-ups counted on."""
    persona: str | None = None
    """Who asks."""
    style: str | None = None
    """How the question is put."""
    further: tuple[str, ...] = ()
    """More chunks, which the record needs as well (multi-hop)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "further", tuple(self.further))  # a list, when it comes out of JSON

    @property
    def chunk_ids(self) -> tuple[str, ...]:
        return (self.chunk_id, *self.further)

    @property
    def asked(self) -> dict[str, str]:
        """What the plan spreads over the slots, as far as this one was asked for it."""
        asked = {
            "question_type": self.question_type,
            "difficulty": self.difficulty,
            "persona": self.persona,
            "style": self.style,
            "passages": str(len(self.chunk_ids)) if self.further else None,
        }
        return {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Passage:
    """What a teacher may read of a chunk."""

    content: str
    heading_path: tuple[str, ...] = ()
    content_type: ContentType = "paragraph"
    document_name: str = ""
    further: tuple[Passage, ...] = ()
    """Of other places, which the records need as well; without any of their own."""

    @property
    def all(self) -> tuple[Passage, ...]:
        return (self, *self.further)


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Question:
    """One call to a teacher. Models read `messages`; offline teachers read `passage` and `slots` instead."""

    messages: tuple[Message, ...]
    passage: Passage
    slots: tuple[Slot, ...]
    kind: str = "qa"
    temperature: float = 0.7
    top_p: float | None = None
    """Nucleus sampling; None: as the model does by itself. Only trained models are sent it."""
    max_tokens: int = 4096
    json_schema: dict[str, object] | None = None
    seed: int = 0
    own: Mapping[str, Any] = field(default_factory=dict)
    """What the caller chose of the options that recipes declare (`recipes.options.Option`), by name."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What an account may ask of one model per minute; None: not known."""

    requests: float | None = None
    tokens: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    model: str
    finish_reason: Literal["stop", "length", "content_filter", "other"] = "stop"
    input_tokens: int = 0
    """All of them, those from the provider's cache included."""
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """None: this model's price is not known."""
    cached_tokens: int = 0
    """Input tokens that the provider had in its prompt cache."""
    rates: Rates | None = None
    """The limits that the provider sent with this answer."""
    note: str = ""
    """For people: why the text is empty (it declined, or spent all on reasoning), in the model's words."""
    left_out: tuple[str, ...] = ()
    """What the request did without, because the model does not take it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A record as a recipe reads it out of a reply, before quality looks at it."""

    question: str
    answer: str
    question_type: str = "factual"
    difficulty: Difficulty = "medium"
    evidence: tuple[str, ...] = ()
    """Sentences or cells quoted from the passage, verbatim where the teacher is honest; quality verifies."""
    turns: tuple[Message, ...] = ()
    """Every user and assistant message of a conversation; empty for one question and its answer. The first is
    `question`, the last is `answer`."""
    material_at: int | None = None
    """Where in `question` the text begins that it brings along (to be summarised, labelled, rewritten), up to its end;
    None: it brings none."""

    @property
    def request(self) -> str:
        """The question without the text that it brings along."""
        return self.question[: self.material_at].rstrip()

    @property
    def material(self) -> str:
        """Empty when the question brings no text along."""
        return "" if self.material_at is None else self.question[self.material_at :]


@dataclass(frozen=True, slots=True)
class Grounding:
    """score 0-1: how far the passage supports the answer; spans: where, in the passage."""

    score: float
    spans: tuple[Span, ...] = field(default_factory=tuple)
    unsupported: tuple[str, ...] = ()
    """Numbers, names and words of the answer that the passage does not hold."""

"""The shapes in which training data comes, and how each is read: one row of `SHAPES` per shape.

`instruction` comes before `input`: in Alpaca and instruction_v1 lines `input` is context, and a reader that takes it
for the prompt drops the instruction (contract D.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataforge.errors import Invalid
from dataforge.records import Message
from dataforge.training import reading
from dataforge.training.reading import Line, missing

ANSWERS = ("output", "response", "completion", "answer")
CONTEXTS = ("input", "context")
SYSTEMS = ("system_prompt", "system")
CONVERSATIONS = ("messages", "conversations", "conversation", "dialog")
DOCUMENTS = ("document", "article", "dialogue", "source", "text")
SUMMARIES = ("summary", "highlights")
CHOSEN = ("chosen", "preferred", "preferred_output", "chosen_response")
REJECTED = ("rejected", "non_preferred", "non_preferred_output", "rejected_response")
QUESTIONS = ("question", "query")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the model is asked, the last message the user's, and what it should answer."""

    asked: tuple[Message, ...]
    answer: str
    rejected: str | None = None
    """The worse answer, where the line compares two."""


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    marks: frozenset[str]
    """A line that has one of these fields is of this shape, unless an earlier shape claims it."""
    field: str
    """The mark that an error names where a line has none of them."""
    read: Callable[[Line], Exchange]
    """Raises Invalid naming the field."""
    kind: str = "qa"
    """What a record of one turn is to the checks: a key of `recipes.RECIPES`."""


def of(line: Line) -> Shape | None:
    for shape in SHAPES:
        if not shape.marks.isdisjoint(line) and any(line.get(mark) is not None for mark in shape.marks):
            return shape
    return None


def exchange(line: Line) -> Exchange:
    """Raises Invalid; of a line that has no known shape, it names the field of the plainest one."""
    shape = of(line)
    if shape is None:
        raise missing("input")
    return shape.read(line)


def _conversation(line: Line) -> Exchange:
    name = str(reading.found(line, CONVERSATIONS))
    said = reading.without_empty(reading.messages(line[name], name))
    if said[-1:] and said[-1].role != "assistant":
        raise Invalid(
            f"Field '{name}' must end with a message of the assistant, not of the {said[-1].role}", field=name
        )
    _check_turns(said[:-1], name)
    system = reading.optional(line, SYSTEMS)
    return Exchange(_with_system(system, said[:-1]), said[-1].content)


def _check_turns(asked: tuple[Message, ...], name: str) -> None:
    """A user speaks last before the answer. Raises Invalid."""
    if not asked or asked[-1].role != "user":
        raise Invalid(f"Field '{name}' must hold a message of the user before the answer", field=name)


def _with_system(system: str, said: tuple[Message, ...]) -> tuple[Message, ...]:
    if not system.strip() or any(m.role == "system" for m in said):
        return said
    return (Message("system", system), *said)


def _preference(line: Line) -> Exchange:
    """The prompt may be a text, messages, or what both answers, as whole conversations, begin with."""
    better, worse = reading.found(line, CHOSEN), reading.found(line, REJECTED)
    if better is None or worse is None:
        raise missing("chosen" if better is None else "rejected")
    asked = _asked(line)
    if asked is not None:
        chosen, rejected = reading.answer(line[better], better), reading.answer(line[worse], worse)
        return Exchange(_with_system(reading.optional(line, SYSTEMS), asked), chosen, rejected)
    if isinstance(line[better], str) or isinstance(line[worse], str):
        raise missing("prompt")
    one, other = reading.messages(line[better], better), reading.messages(line[worse], worse)
    for said, name in ((one, better), (other, worse)):
        if said[-1].role != "assistant":
            raise Invalid(f"Field '{name}' must end with a message of the assistant", field=name)
    if one[:-1] != other[:-1]:
        raise Invalid(f"Fields '{better}' and '{worse}' must begin with the same messages", field=better)
    asked = reading.without_empty(one[:-1])
    _check_turns(asked, better)
    return Exchange(_with_system(reading.optional(line, SYSTEMS), asked), one[-1].content, other[-1].content)


def _asked(line: Line) -> tuple[Message, ...] | None:
    """What a comparison is about; None: the line has no prompt of its own."""
    name = reading.found(line, ("prompt", "instruction", "question", "query", "input"))
    if name is None:
        return None
    value: Any = line[name]
    if isinstance(value, dict) and "messages" in value:  # OpenAI's preference lines
        value, name = value["messages"], f"{name}.messages"
    if isinstance(value, list):
        asked = reading.without_empty(reading.messages(value, name))
        _check_turns(asked, name)
        return asked
    return (Message("user", _with_context(line, reading.text(value, name), besides=name)),)


def _with_context(line: Line, asked: str, *, besides: str) -> str:
    context = reading.optional(line, [name for name in CONTEXTS if name != besides])
    return f"{asked}\n\n{context}" if context.strip() else asked


def _instruction(line: Line) -> Exchange:
    return _one_turn(line, "instruction")


def _one_turn(line: Line, name: str) -> Exchange:
    """One request with context, system prompt and earlier turns (`history`), and its answer."""
    value = line[name]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        asked = reading.without_empty(reading.messages(value, name))
        _check_turns(asked, name)
    else:
        said = _with_context(line, reading.text(value, name), besides=name)
        asked = (*_history(line), Message("user", said))
    given = reading.found(line, ANSWERS)
    if given is None:
        raise missing("completion" if name == "prompt" else "response" if name == "query" else "output")
    system = reading.optional(line, SYSTEMS)
    return Exchange(_with_system(system, asked), reading.answer(line[given], given))


def _history(line: Line) -> tuple[Message, ...]:
    """Earlier turns of Alpaca lines: [[asked, answered], ...]. Raises Invalid."""
    turns = line.get("history") or []
    if not isinstance(turns, list) or not all(isinstance(t, list) and len(t) == 2 for t in turns):
        raise Invalid("Field 'history' must be a list of pairs: what was asked, what was answered", field="history")
    return tuple(
        message
        for asked, answered in turns
        for message in (
            Message("user", reading.text(asked, "history")),
            Message("assistant", reading.text(answered, "history")),
        )
    )


def _evaluation(line: Line) -> Exchange:
    asked = Message("user", reading.required(line, ("input", "prompt")))
    return Exchange((asked,), reading.required(line, ("ideal_output",)))


def _conflict(line: Line) -> Exchange:
    """conflict_v1: the answer that follows the drive which should win, and the other one as the worse."""
    data = line["data"]
    try:
        by_drive = {r["drive"]: reading.text(r["output"], "data.responses.output") for r in data["responses"]}
        wins, loses = data["resolution"]["preferred_drive"], data["resolution"]["losing_drive"]
        return Exchange((Message("user", reading.text(data["input"], "data.input")),), by_drive[wins], by_drive[loses])
    except (KeyError, TypeError, IndexError) as problem:
        raise Invalid(
            "Field 'data' must be that of conflict_v1: input, two responses and a resolution", field="data"
        ) from problem


def _question(line: Line) -> Exchange:
    """A question about a passage: the passage is context. `answers` is SQuAD's form; the first one counts."""
    name = str(reading.found(line, QUESTIONS))
    if reading.found(line, ANSWERS) is None and line.get("answers") is not None:
        return _one_turn({**line, "answer": first_answer(line["answers"])}, name)
    return _one_turn(line, name)


def first_answer(answers: Any) -> Any:
    """Of {"text": [...]}, a list, or a text."""
    texts = answers.get("text") if isinstance(answers, dict) else answers
    if isinstance(texts, list):
        texts = texts[0] if texts else None
    return texts.get("text") if isinstance(texts, dict) else texts


SUMMARISE = "Summarize the following text."


def _summary(line: Line) -> Exchange:
    document = reading.required(line, (*DOCUMENTS, "input"))
    summary = reading.required(line, (*SUMMARIES, *ANSWERS))
    return Exchange((Message("user", f"{SUMMARISE}\n\n{document}"),), summary)


SHAPES: tuple[Shape, ...] = (
    Shape("messages", frozenset(CONVERSATIONS), "messages", _conversation),
    Shape("preference", frozenset(CHOSEN + REJECTED), "prompt", _preference),
    Shape("instruction", frozenset({"instruction"}), "instruction", _instruction, "instruction"),
    Shape("eval_v1", frozenset({"ideal_output"}), "input", _evaluation),
    Shape("question", frozenset(QUESTIONS), "question", _question),
    Shape("summary", frozenset({*SUMMARIES, "document", "article", "dialogue"}), "document", _summary, "summary"),
    Shape("prompt/completion", frozenset({"prompt"}), "prompt", lambda line: _one_turn(line, "prompt")),
    Shape("input/output", frozenset({"input"}), "input", lambda line: _one_turn(line, "input")),
    Shape("conflict_v1", frozenset({"data"}), "data", _conflict),
)
"""In the order in which a line is asked whether it is one."""

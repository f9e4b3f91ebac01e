"""Lines of any known shape as the training program reads them, and what is wrong with those that it could not read.

| task, strategy               | line                                                                       |
|---|---|
| text-generation              | {"messages": [...]}, or without a chat template {"prompt", "completion"}   |
| summarization                | {"document", "summary"}                                                    |
| extractive-question-answering| {"context", "question", "answers": {"text": [...], "answer_start": [...]}} |
| dpo, rlhf                    | {"prompt", "chosen", "rejected"}: texts, or lists of messages              |

Each may have `id` and `topic` besides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataforge.errors import Invalid
from dataforge.records import Message
from dataforge.text.normal_forms import repair_surrogates
from dataforge.training import reading, shapes
from dataforge.training.jsonl import Row
from dataforge.training.options import PREFERENCES
from dataforge.training.reading import Line, missing
from dataforge.training.shapes import Exchange

LEAST_EXAMPLES = 10
MOST_LISTED = 100
MOST_ANSWERS = 20
"""Of one question."""
MOST_LABEL = 200
"""Characters of an id or a topic."""
PASSAGES = ("context", "passage", "paragraph", *shapes.DOCUMENTS)


@dataclass(slots=True)
class Validation:
    """What a file holds, as far as training goes."""

    num_examples: int = 0
    """Lines that are not blank."""
    error_count: int = 0
    listed: list[str] = field(default_factory=list)
    """The first problems, each naming its line."""
    unchecked: int = 0
    """Lines that were counted only."""
    shapes: Counter[str] = field(default_factory=Counter)
    """Name of the shape -> lines that can be read."""

    @property
    def valid(self) -> bool:
        return not self.error_count and self.num_examples >= LEAST_EXAMPLES

    @property
    def errors(self) -> list[str]:
        """At most MOST_LISTED; the last one says how many there are besides."""
        told = list(self.listed)
        if self.error_count > len(told):
            told = told[: MOST_LISTED - 1]
            told.append(f"{self.error_count - len(told)} more lines have errors")
        if not self.error_count and self.num_examples < LEAST_EXAMPLES:
            told.append(f"At least {LEAST_EXAMPLES} examples are needed, the file has {self.num_examples}")
        return told

    def note(self, problem: str) -> None:
        self.error_count += 1
        if len(self.listed) < MOST_LISTED:
            self.listed.append(problem)


def check(rows: Iterable[Row], task: str | None = None, strategy: str | None = None) -> Validation:
    """Whether every line can be trained on by this task and strategy; None: by any, as for a file that is uploaded."""
    found = Validation()
    expected: str | None = None
    for row in rows:
        found.num_examples += 1
        if row.value is None:
            found.unchecked += row.problem is None
            if row.problem:
                found.note(row.problem)
            continue
        try:
            shape = shapes.of(row.value)
            if shape is None and task is None:
                raise missing(expected or "input")
            if task is None and shape is not None:
                _any_task(row.value, shape)
            else:
                convert(row.value, str(task), strategy or "sft", use_chat_template=True)
        except Invalid as problem:
            found.note(f"{problem.message} on line {row.number}")
        else:
            found.shapes[shape.name if shape else "other"] += 1
            expected = shape.field if shape else None
    return found


def convert(line: Line, task: str, strategy: str, use_chat_template: bool) -> dict[str, Any]:
    """The line in the shape of its task. Raises Invalid naming the field, not the line.

    Without a chat template, messages become text: one message stands for itself, several are written with the names of
    the speakers.
    """
    if strategy in PREFERENCES:
        made = _preference(line, use_chat_template)
    else:
        made = _BY_TASK[task](line, use_chat_template)
    return {**made, **_labels(line)}


def has_conversation(line: Line) -> bool:
    """It can only be written whole as messages: a model that learns it needs its chat template."""
    return reading.found(line, shapes.CONVERSATIONS) is not None


def plain(said: Sequence[Message]) -> str:
    """Messages as one text that an answer follows."""
    system = [m.content for m in said if m.role == "system"]
    turns = [m for m in said if m.role != "system"]
    if len(turns) == 1:
        return "\n\n".join([*system, turns[0].content])
    spoken = [f"{m.role.capitalize()}: {m.content}" for m in turns]
    return "\n\n".join([*system, *spoken, "Assistant:"])


def asked_text(converted: Mapping[str, Any]) -> str:
    """What a converted line asks, as text: what examples are told apart by."""
    if "messages" in converted:
        return "\n".join(str(m["content"]) for m in converted["messages"][:-1] if m["role"] != "system")
    if "document" in converted:
        return str(converted["document"])
    if "context" in converted:
        return f"{converted['question']}\n{converted['context']}"
    prompt = converted["prompt"]
    if isinstance(prompt, str):
        return prompt
    return "\n".join(str(m["content"]) for m in prompt if m["role"] != "system")


def answer_text(converted: Mapping[str, Any]) -> str:
    """What the model learns to answer."""
    if "messages" in converted:
        return str(converted["messages"][-1]["content"])
    if "answers" in converted:
        return "\n".join(converted["answers"]["text"])
    value = next(converted[name] for name in ("completion", "summary", "chosen") if name in converted)
    return value if isinstance(value, str) else "\n".join(str(m["content"]) for m in value)


def _any_task(line: Line, shape: shapes.Shape) -> None:
    if line.get("answers") is not None and line.get("context") is not None:
        _extractive(line, False)
    else:
        shape.read(line)


def _generation(line: Line, use_chat_template: bool) -> dict[str, Any]:
    exchange = shapes.exchange(line)
    if use_chat_template:
        return {"messages": _dumped((*exchange.asked, Message("assistant", exchange.answer)))}
    return {"prompt": plain(exchange.asked), "completion": exchange.answer}


def _summarization(line: Line, _: bool) -> dict[str, Any]:
    """Of lines that ask for a summary in words, the words stay: they are part of the document."""
    if reading.found(line, (*shapes.CONVERSATIONS, "instruction", "prompt", *shapes.QUESTIONS)):
        exchange: Exchange = shapes.exchange(line)
        return {"document": plain(exchange.asked), "summary": exchange.answer}
    return {
        "document": reading.required(line, (*shapes.DOCUMENTS, "input", "context")),
        "summary": reading.required(line, (*shapes.SUMMARIES, *shapes.ANSWERS, "ideal_output")),
    }


def _extractive(line: Line, _: bool) -> dict[str, Any]:
    """The answer has to stand in the passage, word for word. In Alpaca lines `input` is the passage."""
    asked = reading.found(line, (*shapes.QUESTIONS, "instruction", "prompt"))
    passages = (*PASSAGES, "input") if asked else PASSAGES
    context = reading.required(line, passages)
    question = reading.required(line, (asked or "question", "input"))
    name = reading.found(line, ("answers", *shapes.ANSWERS))
    if name is None:
        raise missing("answers")
    spans = [_span(context, *given, name) for given in _answers(line[name], name)]
    return {
        "context": context,
        "question": question,
        "answers": {"text": [text for text, _ in spans], "answer_start": [start for _, start in spans]},
    }


def _answers(value: Any, name: str) -> list[tuple[str, int | None]]:
    """(text, where it begins or None) from every form that SQuAD and its kin use. Raises Invalid."""
    if isinstance(value, dict):
        texts, starts = value.get("text"), value.get("answer_start")
        texts = texts if isinstance(texts, list) else [] if texts is None else [texts]
        starts = starts if isinstance(starts, list) else [starts]
        starts = [*starts, *[None] * len(texts)][: len(texts)]
        given = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
    else:
        given = value if isinstance(value, list) else [value]
    if len(given) > MOST_ANSWERS:
        raise Invalid(f"Field '{name}' has {len(given)} answers: at most {MOST_ANSWERS} can be read", field=name)
    return [_answer(one, name) for one in given]


def _answer(given: Any, name: str) -> tuple[str, int | None]:
    if not isinstance(given, dict):
        return reading.text(given, name), None
    start = given.get("answer_start", given.get("start"))
    at = start if isinstance(start, int) and not isinstance(start, bool) else None
    return reading.text(given.get("text"), name), at


def _span(context: str, text: str, start: int | None, name: str) -> tuple[str, int]:
    """The place of the text nearest to where it is said to begin. Raises Invalid where it is nowhere."""
    near = min(max(start or 0, 0), len(context))
    if context.startswith(text, near):
        return text, near
    before, after = context.rfind(text, 0, near + len(text)), context.find(text, near)
    if before < 0 and after < 0:
        shown = text if len(text) <= reading.QUOTED else f"{text[: reading.QUOTED]}..."
        raise Invalid(f"Field '{name}': the answer {shown!r} does not stand in the context word for word", field=name)
    if before < 0 or (after >= 0 and after - near < near - before):
        return text, after
    return text, before


def _preference(line: Line, use_chat_template: bool) -> dict[str, Any]:
    if reading.found(line, (*shapes.CHOSEN, *shapes.REJECTED, "data")) is None:
        raise missing("chosen" if reading.found(line, ("prompt",)) else "prompt")
    exchange = shapes.exchange(line)
    if exchange.rejected is None:
        raise missing("rejected")
    if not use_chat_template:
        return {"prompt": plain(exchange.asked), "chosen": exchange.answer, "rejected": exchange.rejected}
    chosen, rejected = (_dumped([Message("assistant", said)]) for said in (exchange.answer, exchange.rejected))
    return {"prompt": _dumped(exchange.asked), "chosen": chosen, "rejected": rejected}


def _dumped(said: Iterable[Message]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in said]


_BY_TASK = {
    "text-generation": _generation,
    "summarization": _summarization,
    "extractive-question-answering": _extractive,
}


def _labels(line: Line) -> dict[str, Any]:
    """`id` and `topic`, of the line or its metadata: results are told by them."""
    metadata = line.get("metadata")
    inner: Line = metadata if isinstance(metadata, dict) else {}
    places = (line, inner)
    identifier = next((p[n] for p in places for n in ("id", "record_id") if _is_label(p.get(n))), None)
    topic = next((p[n] for p in places for n in ("topic", "category") if isinstance(p.get(n), str) and p[n]), None)
    found = {"id": identifier, "topic": topic}
    return {name: repair_surrogates(str(value))[:MOST_LABEL] for name, value in found.items() if value is not None}


def _is_label(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63)

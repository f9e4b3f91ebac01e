"""Training data, from wherever it comes, as the files that the training program reads.

The request settles which files they are and looks at their first lines; the state PrepareData reads all of them, line
by line and as often as needed, so that memory does not grow with them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import repeat
from typing import Any, cast

import orjson

from dataforge.errors import Conflict, Invalid
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store.runs import Run
from dataforge.training import examples, jsonl, splitting
from dataforge.training.examples import LEAST_EXAMPLES, Validation
from dataforge.training.measuring import Lengths
from dataforge.training.options import Options
from dataforge.training.splitting import TRAIN, VALIDATION, Asked, Split
from dataforge.workflows.training import data_sources, jobs, project_data
from dataforge.workflows.training.data_sources import Source

NDJSON = "application/x-ndjson"
LOOK_SECONDS = 5.0
"""How long a request reads lines of a dataset, so that what cannot be trained on is refused before anything starts."""
MOST_SAID = 5
"""Problems of lines that one message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    dataset: Source
    eval_dataset: Source | None = None

    def to_item(self) -> Item:
        held_out = self.eval_dataset.to_item() if self.eval_dataset else None
        return {"dataset": self.dataset.to_item(), "eval_dataset": held_out}


@dataclass(slots=True, kw_only=True)
class Prepared:
    """What the files hold that were written."""

    train: int
    validation: int
    held_out: int = 0
    """Lines of the dataset that was given for evaluation."""
    left_out: int = 0
    """Lines that are on no side, because their prompts leak."""
    use_chat_template: bool
    """As the lines need it."""
    train_tokens: int
    longest: int
    """Tokens of the longest line."""
    notes: list[str] = field(default_factory=list)

    def to_item(self) -> Item:
        return cast(Item, asdict(self))


def check(org_id: str, chosen: Options) -> Sources:
    """Which files a request means. Raises NotFound, Conflict, or Invalid where lines do not fit task and strategy."""
    found = data_sources.find(org_id, chosen.dataset)
    _look(found, chosen, "dataset", least=LEAST_EXAMPLES)
    held_out = None
    if chosen.eval_dataset is not None:
        held_out = data_sources.find(org_id, chosen.eval_dataset, name="eval_dataset")
        _look(held_out, chosen, "eval_dataset", least=1)
    return Sources(dataset=found, eval_dataset=held_out)


def prepare(run: Run, chosen: Options) -> Prepared:
    """Write train.jsonl, validation.jsonl and, if a dataset is given for it, eval.jsonl. Again writes the same.

    Raises Invalid naming lines, Conflict when a file is not any more what it was when the training was asked for.
    """
    stored = cast("dict[str, Any]", run.config["data"])
    source, held_out = data_sources.of_item(stored["dataset"]), stored.get("eval_dataset")
    found = _checked(source, chosen, least=LEAST_EXAMPLES)
    chat, notes = _template(found, chosen)
    lines = _Converted(source, chosen, chat, marks=project_data.keep_sources(run))
    made = splitting.split(lines.asked, chosen.eval_split, chosen.seed)
    evaluated = 0
    if held_out is not None:
        evaluated = _write_held_out(run, _Converted(data_sources.of_item(held_out), chosen, chat), lines, made)
    lengths = Lengths()
    _write(run, jobs.VALIDATION, _side(lines, made, VALIDATION, lambda _: None))
    limit, too_long = chosen.max_seq_length, 0

    def measure(line: Mapping[str, Any]) -> None:
        nonlocal too_long
        length = lengths.add(line)
        too_long += limit is not None and length > limit

    _write(run, jobs.TRAIN, _side(lines, made, TRAIN, measure))
    if too_long:
        notes.append(f"{too_long:,} lines are longer than max_seq_length ({limit:,} tokens) and are cut there")
    return Prepared(
        train=made.count(TRAIN),
        validation=made.count(VALIDATION),
        held_out=evaluated,
        left_out=made.count(splitting.LEFT_OUT),
        use_chat_template=chat,
        train_tokens=lengths.tokens,
        longest=lengths.longest,
        notes=[*notes, *made.notes],
    )


def _look(source: Source, chosen: Options, option: str, *, least: int) -> None:
    """Read the first lines. Raises Invalid naming the option."""
    end = time.monotonic() + LOOK_SECONDS
    rows = jsonl.rows(current().files.stream(source.key), enough=lambda: time.monotonic() > end)
    _refuse(examples.check(rows, chosen.task, chosen.strategy), source, chosen, option, least=least)


def _checked(source: Source, chosen: Options, *, least: int) -> Validation:
    """All lines. Raises Invalid."""
    found = examples.check(jsonl.rows(_stream(source)), chosen.task, chosen.strategy)
    _refuse(found, source, chosen, "dataset", least=least)
    return found


def _refuse(found: Validation, source: Source, chosen: Options, option: str, *, least: int) -> None:
    if found.error_count:
        more = f" (and {found.error_count - MOST_SAID} more)" if found.error_count > MOST_SAID else ""
        problems = "; ".join(found.listed[:MOST_SAID])
        raise Invalid(
            f"{option}: {source.name} does not fit task {chosen.task} and strategy {chosen.strategy}: {problems}{more}",
            field=option,
        )
    if found.num_examples < least:
        raise Invalid(
            f"{option}: {source.name} has {found.num_examples} lines; at least {least} are needed", field=option
        )


def _template(found: Validation, chosen: Options) -> tuple[bool, list[str]]:
    """Whether lines are written as messages, and what is to be said about it."""
    talks = found.shapes["messages"]
    if "use_chat_template" in chosen.given or chosen.use_chat_template:
        flat = talks and not chosen.use_chat_template
        return chosen.use_chat_template, [f"{talks:,} conversations are written as plain text"] if flat else []
    if talks * 2 > found.num_examples:
        return True, ["The lines hold messages, so the model's chat template is used (use_chat_template)"]
    return False, []


def _stream(source: Source) -> Iterator[bytes]:
    """Raises Conflict when the file is gone, or another one."""
    info = current().files.info(source.key)
    if info is None or info.etag != source.etag:
        raise Conflict(
            f"{source.name} was replaced or deleted after the training was asked for: start the training again"
        )
    return current().files.stream(source.key)


@dataclass(frozen=True, slots=True)
class _Converted:
    """The lines of a file as the program reads them; every iteration reads the file again."""

    source: Source
    chosen: Options
    chat: bool
    marks: Callable[[], Iterator[Mapping[str, Any]]] | None = None
    """What is known of each line beside what it says: `id`, `topic`, `chunk_id`."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for line, _ in self._pairs():
            yield line

    def asked(self) -> Iterator[Asked]:
        for line, source in self._pairs():
            yield Asked(examples.asked_text(line), source)

    def _pairs(self) -> Iterator[tuple[dict[str, Any], str | None]]:
        known: Iterator[Mapping[str, Any]] = self.marks() if self.marks else repeat({})
        for row, marks in zip(jsonl.rows(_stream(self.source)), known, strict=False):
            if row.value is None:
                raise Invalid(str(row.problem), field="dataset")
            value = {**row.value, **marks}
            try:
                made = examples.convert(value, self.chosen.task, self.chosen.strategy, self.chat)
            except Invalid as problem:
                raise Invalid(f"{self.source.name}: {problem.message} on line {row.number}", field="dataset") from None
            yield made, splitting.source_of(value)


def _side(
    lines: _Converted, made: Split, side: int, look: Callable[[Mapping[str, Any]], object]
) -> Iterator[dict[str, Any]]:
    for line, own in zip(lines, made.sides, strict=True):
        if own == side:
            look(line)
            yield line


def _write_held_out(run: Run, held_out: _Converted, lines: _Converted, made: Split) -> int:
    """How many lines it has. What is trained on and is nearly the same is left out."""
    splitting.leave_out(lines.asked, made, (a.prompt for a in held_out.asked()))
    count = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal count
        for line in held_out:
            count += 1
            yield line

    _write(run, jobs.EVAL, counted())
    return count


def _write(run: Run, name: str, lines: Iterator[Mapping[str, Any]]) -> None:
    def blocks() -> Iterator[bytes]:
        held: list[bytes] = []
        for line in lines:
            held.append(orjson.dumps(line) + b"\n")
            if len(held) >= 1000:
                yield b"".join(held)
                held = []
        yield b"".join(held)

    current().files.write_stream(jobs.data_key(run, name), blocks(), content_type=NDJSON)

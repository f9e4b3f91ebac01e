"""The shipped fake: answers from a script, counts its calls. For tests, demos of failure and load runs."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from dataforge.errors import Invalid
from dataforge.records import Answer, Question
from dataforge.teachers.ports import Capabilities
from dataforge.teachers.reciting import recite

Line = str | Exception | Callable[[Question], str]


class ScriptedTeacher:
    """Each call takes the next line: a string is the reply, an exception is raised, a function makes the reply.

    A script that ends starts again. `delay` is seconds per call.
    """

    can = Capabilities(json_schema=True)

    def __init__(self, script: Iterable[Line], *, name: str = "scripted", delay: float = 0.0) -> None:
        self.name, self.delay, self.asked = name, delay, list[Question]()
        lines = list(script)
        if not lines:
            raise Invalid("A scripted teacher needs at least one line")
        self._lines = itertools.cycle(lines)

    async def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        line = next(self._lines)
        await asyncio.sleep(self.delay)
        if isinstance(line, Exception):
            raise line
        text = line(question) if callable(line) else line
        return Answer(
            text,
            self.name,
            input_tokens=sum(len(m.content) for m in question.messages) // 4,
            output_tokens=len(text) // 4,
        )

    async def close(self) -> None:
        """Nothing to close."""


def from_file(path: str) -> ScriptedTeacher:
    """A JSON array of replies. Raises Invalid when the file is not one. Empty path: `recite` for every call."""
    if not path:
        return ScriptedTeacher([recite])
    try:
        lines = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise Invalid(f"DATAFORGE_SCRIPT={path} is not a readable JSON array of replies: {problem}") from problem
    if not isinstance(lines, list):
        raise Invalid(f"DATAFORGE_SCRIPT={path} must hold a JSON array of replies")
    return ScriptedTeacher([line if isinstance(line, str) else json.dumps(line) for line in lines])

"""A record as the checks see it: its texts, and views of them that several checks need, each made once."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from typing import Any

from dataforge.quality.checks.reading import Claim, claims_of, quoted_pieces, source_of
from dataforge.records import Message
from dataforge.text.languages import LANGUAGES
from dataforge.text.languages.identifying import language_of
from dataforge.text.languages.phrases import Phrases, phrases_of
from dataforge.text.normal_forms import composed, normalise
from dataforge.text.sentences import sentences

MOST_CLAIMS = 60


@dataclass(frozen=True)
class CheckedRecord:
    """Of any origin: written from documents, from a description, uploaded rows, a file of strangers.

    Its texts are composed (NFC) when it is made, so that no check sees in which form they were written.
    """

    question: str
    """Of a conversation: what the user says first. Of a summary: the request with the text it brings along."""
    answer: str
    """Of a conversation: what the assistant says last."""
    kind: str = ""
    """A key of `recipes.RECIPES`; anything else counts as a question with its answer."""
    passage: str | None = None
    """The whole source, several passages joined by an empty line; None: there is none to compare with."""
    headings: tuple[str, ...] = ()
    """Above the passage, outermost first: a year or a name may stand there only."""
    turns: tuple[Message, ...] = ()
    """Every message of a conversation; empty for one question and its answer."""
    evidence: tuple[str, ...] = ()
    """What the teacher quoted from the passage."""
    material_at: int | None = None
    """Where in `question` the text begins that it brings along; None: it brings none."""
    system_prompt: str = ""
    """What the teacher was told, which must not come back."""
    finish_reason: str = "stop"
    labels: tuple[str, ...] = ()
    """Of a classification."""
    question_type: str = ""
    """What was asked for: the style of a summary, the task of an instruction."""
    wanted_language: str | None = None
    """ISO 639-1 code of `config.language`; None: that of the question."""

    def __post_init__(self) -> None:
        if self.material_at is not None and not unicodedata.is_normalized("NFC", self.question):
            object.__setattr__(self, "material_at", len(composed(self.question[: self.material_at])))
        for name in ("question", "answer", "passage", "system_prompt"):
            if (text := getattr(self, name)) is not None:
                object.__setattr__(self, name, composed(text))
        for name in ("headings", "evidence", "labels"):
            object.__setattr__(self, name, tuple(map(composed, getattr(self, name))))
        turns = tuple(m if m.content.isascii() else replace(m, content=composed(m.content)) for m in self.turns)
        object.__setattr__(self, "turns", turns)

    @property
    def is_digest(self) -> bool:
        """A summary: the request says nothing about the matter."""
        return self.kind == "summary"

    @property
    def is_work(self) -> bool:
        """A task with the work done, which has more in it than facts of the passage."""
        return self.kind == "instruction"

    @property
    def is_label(self) -> bool:
        return bool(self.labels)

    @property
    def is_answer(self) -> bool:
        """Of a question, alone or in a conversation."""
        return not (self.is_digest or self.is_work or self.is_label)

    @cached_property
    def notes(self) -> dict[str, Any]:
        """What checks of one module found together, by a name of theirs."""
        return {}

    @cached_property
    def request(self) -> str:
        """The question without the text that it brings along."""
        return self.question[: self.material_at].rstrip()

    @cached_property
    def material(self) -> str:
        """The text that the question brings along; empty: none."""
        return "" if self.material_at is None else self.question[self.material_at :]

    @cached_property
    def source(self) -> str:
        """What the answer may say: headings and passage, and a message to answer that the task brings along; empty
        without a source."""
        if self.passage is None:
            return ""
        brought = self.kind == "instruction" and normalise(self.material) not in normalise(self.passage)
        return "\n".join((*self.headings, self.passage, *([self.material] if brought else ())))

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """All that the model would learn to say: the assistant's messages of a conversation, else the answer."""
        said = tuple(m.content for m in self.turns if m.role == "assistant")
        return said or (self.answer,)

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """Of the passage, with its headings."""
        return tuple(s.text for s in sentences(self.source))

    @cached_property
    def exchanges(self) -> tuple[tuple[str, str], ...]:
        """Each answer of the assistant with what it answers: the user's messages so far, the last one first."""
        if not self.turns:
            return ((self.request or self.question, self.answer),)
        asked: list[str] = []
        found: list[tuple[str, str]] = []
        for message in self.turns:
            if message.role == "user":
                asked.insert(0, message.content)
            elif message.role == "assistant":
                found.append(("\n".join(asked), message.content))
        return tuple(found) or ((self.question, self.answer),)

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """The sentences of all answers, held against the passage; empty without one."""
        if self.passage is None or not self.passage.strip():
            return ()
        source = source_of(self.passage, self.headings)
        quoted = quoted_pieces(source, self.evidence)
        found = (claims_of(asked, said, source, quoted) for asked, said in self.exchanges)
        return tuple(islice(chain.from_iterable(found), MOST_CLAIMS))

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Those of LANGUAGES that its texts are in; empty: none that a check knows."""
        texts = (self.request, self.answer, self.passage or "", *(m.content for m in self.turns[2:]))
        found = (language_of(text) for text in texts)
        return tuple(dict.fromkeys(one for one in found if one in LANGUAGES))

    @cached_property
    def own_phrases(self) -> tuple[Phrases, ...]:
        """Of each of its languages."""
        return tuple(phrases for one in self.languages if (phrases := phrases_of(one)))

    @cached_property
    def phrases(self) -> tuple[Phrases, ...]:
        """Of its languages and of English, into which teachers fall back."""
        english = phrases_of("en")
        return self.own_phrases if english in self.own_phrases or english is None else (*self.own_phrases, english)

"""The window of a model, as far as it is known: from the catalogue, and from what its server says when a request does
not fit. Prompt and reply share a window, so a long prompt leaves less room for the reply.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataforge.records import Answer, Question
from dataforge.teachers.response import Response, complaint

LEAST_ROOM = 256
"""Tokens; a reply with less room holds no record."""
_LEAST_WINDOW = 256
_SLACK = 1.05
"""Above the tokens of a prompt that were measured: the next one is never quite like it."""
_LEAST_PER_CHARACTER = 0.15
"""Fewer tokens no text takes: a server that tells so counts otherwise."""
_TEMPLATE_TOKENS = 40
"""What a chat template adds to a short prompt."""
ADVICE = (
    "Ways out: a larger context of the server (num_ctx, --max-model-len, --ctx-size), a smaller DATAFORGE_CHUNK_TOKENS "
    "for new documents, fewer max_tokens (--max-tokens), or `context` of this model in DATAFORGE_MODELS."
)

_NUMBER = r"(\d[\d,_]{0,12})"
_OVERFLOW = re.compile(rf"{_NUMBER} ?\+ ?{_NUMBER} ?> ?{_NUMBER}")
"""Prompt, reply, window: Anthropic."""
_DIFFERENCE = re.compile(rf"> ?{_NUMBER} ?- ?{_NUMBER}")
"""Window, prompt: vLLM."""
_WINDOW = (
    re.compile(rf"{_NUMBER}(?: tokens?)? (?:maximum|max) (?:context|sequence|model)"),
    re.compile(
        r"(?:context.?(?:length|window|size|limit)|sequence.?length|max_model_len|max_seq_len|n_ctx|num_ctx)"
        rf"[^\d]{{0,40}}{_NUMBER}"
    ),
    re.compile(rf"inputs?\W{{0,3}} tokens? ?\+ ?\W?max_new_tokens\W? must be <= {_NUMBER}"),
)
_PROMPT = (
    re.compile(rf"{_NUMBER} (?:tokens )?in (?:the |your )?(?:messages|prompt|input)"),
    re.compile(rf"{_NUMBER} .?(?:input|prompt|inputs).? tokens"),
    re.compile(rf"given: {_NUMBER} .?inputs"),
    re.compile(rf"(?:request|prompt|messages|input)(?: has| have| contains| resulted in| is)? ?\(?{_NUMBER} tokens"),
)
_OUTPUT = (
    re.compile(rf"at most {_NUMBER} (?:completion|output|new) tokens"),
    re.compile(rf"range of max_\w{{0,20}}tokens is \[\d+, ?{_NUMBER}\]"),
    re.compile(
        r"max_\w{0,20}tokens\W{0,3}[^\d]{0,40}(?:less than or equal to|at most|<=|maximum(?: value)?(?: is| of)?)"
        rf"[^\d]{{0,6}}{_NUMBER}"
    ),
    re.compile(rf"> {_NUMBER}, which is the maximum"),
    re.compile(rf"maximum tokens you requested exceeds the model limit of {_NUMBER}"),
)


@dataclass(frozen=True, slots=True)
class StatedLimits:
    """Tokens, as an error message says; None: it does not say."""

    window: int | None = None
    prompt: int | None = None
    output: int | None = None


def stated(response: Response) -> StatedLimits | None:
    """The limits that a refusal names; None: it is about something else."""
    if response.status not in (400, 413, 422, 500):
        return None
    text = complaint(response.raw)
    prompt = _first(text, *_PROMPT)
    if found := _OVERFLOW.search(text):
        return StatedLimits(_whole(found[3]), _whole(found[1]))
    window = _first(text, *_WINDOW)
    if window is not None and window >= _LEAST_WINDOW:
        difference = _DIFFERENCE.search(text)
        return StatedLimits(window, prompt or (_whole(difference[2]) if difference else None))
    output = _first(text, *_OUTPUT)
    return None if output is None or output < 1 else StatedLimits(output=output)


class TokenWindow:
    """What one teacher knows of the window of its model. window, output: tokens; None: not known."""

    def __init__(self, window: int | None = None, output: int | None = None) -> None:
        self.window, self.output = window, output
        self.is_learnt = False
        """A refusal said so, not the catalogue."""
        self._per_character = 0.35
        """Tokens of a prompt, at first more than any European language takes."""

    def reply_tokens(self, question: Question) -> int:
        """How many tokens the reply may have: as many as asked for, or as there is room for."""
        most = min(question.max_tokens, self.output or question.max_tokens)
        return most if self.window is None else min(most, max(LEAST_ROOM, self.room(question)))

    def room(self, question: Question) -> int:
        """Tokens that the prompt leaves; below LEAST_ROOM it is too long. Only where the window is known."""
        return (self.window or 0) - int(_size(question) * self._per_character) - _TEMPLATE_TOKENS

    def most_reply(self, question: Question, most: int | None) -> int | None:
        """The longest reply to questions like this one, for `Capabilities.max_output`. most: as known before."""
        known = [n for n in (most, self.output) if n is not None]
        if self.window is not None:
            known.append(max(LEAST_ROOM, self.room(question)))
        return min(known, default=None)

    def note_answer(self, question: Question, answer: Answer) -> None:
        """Prompts of a language other than English may have twice as many tokens for their characters."""
        if self.window is not None and 0 < answer.input_tokens < 2 * _size(question):
            measured = _SLACK * answer.input_tokens / max(1, _size(question))
            self._per_character = max(measured, 0.9 * self._per_character, _LEAST_PER_CHARACTER)

    def learn(self, question: Question, sent: int, limits: StatedLimits) -> bool:
        """Whether the same question fits now with fewer tokens for its reply. sent: tokens that were asked for."""
        self.is_learnt = True
        if limits.output is not None:
            self.output = min(limits.output, self.output or limits.output)
        if limits.window is not None:
            self.window = limits.window
            if limits.prompt is not None and limits.prompt < 4 * _size(question):
                self._per_character = _SLACK * limits.prompt / max(1, _size(question))
            if self.room(question) < LEAST_ROOM:
                return False
        if self.reply_tokens(question) >= sent > LEAST_ROOM:
            self.output = max(LEAST_ROOM, 3 * sent // 4)  # the prompt has more tokens than was assumed
        return self.reply_tokens(question) < sent

    def stored(self) -> dict[str, Any]:
        """For a file. Read it with `load`."""
        return {"window": self.window, "output": self.output, "per_character": self._per_character}

    def learnt(self) -> dict[str, Any]:
        """As `stored`; empty where nothing but the catalogue is known."""
        return {**self.stored(), "is_learnt": True} if self.is_learnt else {}

    def load(self, stored: Mapping[str, Any]) -> None:
        self.window, self.output = stored.get("window"), stored.get("output")
        self._per_character = float(stored.get("per_character") or self._per_character)
        self.is_learnt = bool(stored.get("is_learnt", self.is_learnt))


def _size(question: Question) -> int:
    return sum(len(m.content) for m in question.messages)


def _first(text: str, *patterns: re.Pattern[str]) -> int | None:
    return next((_whole(found[1]) for pattern in patterns if (found := pattern.search(text))), None)


def _whole(text: str) -> int:
    return int(text.replace(",", "").replace("_", ""))

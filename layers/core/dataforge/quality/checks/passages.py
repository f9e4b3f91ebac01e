"""Answers that hand back their passage."""

from __future__ import annotations

from functools import lru_cache

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.text.claims import tokens
from dataforge.text.normal_forms import folded

_LEAST_WORDS, _SHARE, _RUN, _VERBATIM = 40, 0.6, 4, 0.8


def _copy_of_passage(record: CheckedRecord) -> Signal | None:
    """Most of the passage, word for word, in answer to a question. A short passage may well be its own answer, and work
    on a whole text holds most of it."""
    if not record.passage or record.is_work or record.is_label or len(record.turns) > 2:
        return None
    said = [folded(t) for t in tokens(record.answer)]
    held, runs = _runs(record.passage)
    if held < _LEAST_WORDS or len(said) < _SHARE * held:
        return None
    own = [" ".join(said[i : i + _RUN]) for i in range(len(said) - _RUN + 1)]
    return Signal() if sum(run in runs for run in own) >= _VERBATIM * len(own) else None


@lru_cache(maxsize=16)  # the records of a passage come one after another
def _runs(passage: str) -> tuple[int, frozenset[str]]:
    """How many words, and every four that follow each other."""
    words = [folded(t) for t in tokens(passage)]
    return len(words), frozenset(" ".join(words[i : i + _RUN]) for i in range(len(words) - _RUN + 1))


CHECKS: dict[str, Check] = {
    "copy_of_passage": Check(_copy_of_passage, "review", "The answer is most of the passage"),
}

"""Is a record of a synthetic schema well formed? The checks of pairs that need no passage, and some of longer texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataforge.quality import checks
from dataforge.quality.checks.record import CheckedRecord

MOST_CHARACTERS = 40_000
TOLERANCE = 0.25
"""Models cannot count: a length bound is broken by more than a quarter only."""
WORDS_PER_TOKEN = 0.75
LEAST_MARGIN = 2.0
_BORROWED = ("empty_question", "empty_answer", "truncated", "unclosed_code", "prompt_leak", "role_tokens")
_LOOP_WORDS, _LOOP_RUN, _LOOP_SHARE = 60, 5, 0.5


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of an answer, in tokens."""

    least: int | None = None
    most: int | None = None


def check(
    asked: str,
    answered: Mapping[str, str],
    *,
    bounds: Bounds | None = None,
    rules: str = "",
    finish_reason: str = "stop",
) -> list[str]:
    """What is wrong with a record's form; empty: nothing. answered: each text that a model would write, by its name.

    rules: what the writer was told, which must not come back in a record.
    """
    found: list[str] = []
    for name, text in answered.items():
        record = CheckedRecord(asked, text, kind="instruction", system_prompt=rules, finish_reason=finish_reason)
        found += [f"{name}: {reason}" for reason in checks.failing(record, _BORROWED)]
        found += [
            f"{name}: {reason}"
            for reason, fails in (
                ("too_long", len(text) > MOST_CHARACTERS),
                ("copies_the_prompt", copies(asked, text)),
                ("repeats_itself", loops(text)),
            )
            if fails
        ]
        if bounds:
            found += [f"{name}: {reason}" for reason in outside(text, bounds)]
    if len(asked) > MOST_CHARACTERS:
        found.append("too_long")
    texts = [" ".join(t.split()) for t in answered.values()]
    if len(set(texts)) < len(texts):
        found.append("same_text_twice")
    return list(dict.fromkeys(found))


def copies(asked: str, answered: str) -> bool:
    """The answer is the prompt, or hardly more."""
    prompt, reply = (" ".join(t.casefold().split()).strip(" .?!") for t in (asked, answered))
    return len(prompt) > 20 and (prompt == reply or (prompt in reply and len(reply) < 1.2 * len(prompt)))


def loops(text: str) -> bool:
    """A long text that says the same words again and again, as models that lost their way do."""
    words = text.casefold().split()
    if len(words) < _LOOP_WORDS:
        return False
    runs = [" ".join(words[i : i + _LOOP_RUN]) for i in range(len(words) - _LOOP_RUN + 1)]
    return len(set(runs)) < _LOOP_SHARE * len(runs)


def estimated_tokens(text: str) -> float:
    """Words / 0.75; scripts without spaces by their characters, two to three of which make a word."""
    unspaced = sum(c >= "\u2e80" for c in text)
    return len(text.split()) / WORDS_PER_TOKEN + unspaced / 1.5


def outside(text: str, bounds: Bounds) -> list[str]:
    tokens = estimated_tokens(text)
    found = []
    if bounds.least is not None and tokens < bounds.least * (1 - TOLERANCE):
        found.append("below_min_tokens")
    if bounds.most is not None and tokens > bounds.most * (1 + TOLERANCE) + 2:
        found.append("above_max_tokens")
    return found


def preference(chosen: str, rejected: str, chosen_score: float, rejected_score: float) -> str | None:
    """`too_similar`, `low_margin` or None."""
    from dataforge.quality.duplicates import THRESHOLD  # numpy: see text.normal_forms
    from dataforge.quality.odd_sketches import trigrams

    ours, theirs = trigrams(chosen), trigrams(rejected)
    shared = len(set(ours.tolist()) & set(theirs.tolist()))
    if shared * THRESHOLD.denominator > THRESHOLD.numerator * (len(ours) + len(theirs) - shared):
        return "too_similar"
    return "low_margin" if chosen_score - rejected_score < LEAST_MARGIN else None

"""Stretches of a passage's words, of which recipes make well-formed samples of their replies. Not training data."""

from __future__ import annotations

from dataforge.records import Passage, Question

WORDS = 12
"""In one stretch."""


def stretch(passage: Passage, number: int) -> tuple[int, str]:
    """The position of the number-th stretch's first word, from 1, and its words."""
    words = passage.content.split() or ["nothing"]
    start = number * WORDS % len(words)
    return start + 1, " ".join(words[start : start + WORDS])


def quotes(question: Question, number: int) -> tuple[int, list[str]]:
    """The number-th stretch of each passage, and the position of the first one's first word, from 1."""
    found = [stretch(passage, number) for passage in question.passage.all]
    return found[0][0], [quote for _, quote in found]


def ended(text: str) -> str:
    """As a sentence ends: a stretch is cut anywhere, and a sample must not look cut off."""
    return text.rstrip(" .,;:-–([") + "."

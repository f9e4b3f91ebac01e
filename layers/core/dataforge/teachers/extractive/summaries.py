"""Summaries out of the passage's own sentences: those that say most of what the others say, in their order.

Centrality of sentences in the graph of their likeness (Erkan & Radev 2004, "LexRank"), with a share for the first
sentences and for words of the headings; taken greedily, each less welcome the more it repeats what is chosen (Carbonell
& Goldstein 1998). Only sentences that can stand for themselves are taken, so a pronoun never loses its noun.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from zlib import crc32

from dataforge.recipes import summary
from dataforge.records import Draft, Passage
from dataforge.teachers.extractive import scene as scenes
from dataforge.teachers.extractive import statements
from dataforge.teachers.extractive.statements import Statement
from dataforge.text.claims import content_words, tokens

_DAMPING, _ROUNDS = 0.85, 30
_UNFIT = re.compile(
    r"^(?:It|They|He|She|This|These|Those|That|Its|Their|His|Her|Both|Such|Each of these|The (?:former|latter))\b|"
    r"\bsee [A-Z]|(?<![.!?])(?<![.!?][\"”'’)])$"
)
"""Points back to another sentence, refers to another page, or is a caption."""
_LEAST_WORDS = 5
_LEAST_SENTENCES = 4
_LEAST_SHARE = 0.15
"""Of the passage's words: less leaves too much out."""
_PROSE_SHARE = 0.6
"""What is mostly a table or a list has no sentences that could stand for it."""
_REQUESTS = {
    "sentence": (
        "Summarise the following text in one sentence.",
        "What does the text below say, in a single sentence?",
        "Give me the main point of this text in one sentence.",
    ),
    "paragraph": (
        "Summarise the following text in a short paragraph.",
        "Please give me a brief summary of the text below.",
        "Shorten this text to its most important points, as running text.",
    ),
    "bullets": (
        "Summarise the following text in a few bullet points.",
        "List the key points of the text below.",
        "Give me the most important points of this text as a list.",
    ),
}

Vector = dict[str, float]


@lru_cache(maxsize=1024)
def summary_of(content: str, headings: tuple[str, ...], content_type: str, style: str) -> tuple[str, Draft] | None:
    """(request, draft), or None when the passage does not allow it. `mixed` is a paragraph: a list of the same
    sentences would say the same twice, and one sentence of many seldom stands for all; both must be asked for."""
    said = _sentences(content, headings, content_type)
    if len(said) < _LEAST_SENTENCES:
        return None
    name = "paragraph" if style == "mixed" else style
    chosen = _chosen(said, _order(said, headings), name, content)
    return (_request(name, content), _draft(chosen, name)) if chosen else None


def ranking(content: str, headings: tuple[str, ...]) -> list[str]:
    """All sentences that could stand in a summary, best first (for `benchmarks/summaries.py`)."""
    said = _sentences(content, headings, "paragraph")
    return [said[i].text for i in _order(said, headings)]


def _sentences(content: str, headings: tuple[str, ...], content_type: str) -> list[Statement]:
    if content_type in ("code", "heading"):
        return []
    scene = scenes.read(Passage(content, headings))
    words = sum(len(tokens(s.text)) for s in scene.sentences)
    if not scene.english or words < _PROSE_SHARE * len(tokens(content)) or words < summary.LEAST_WORDS:
        return []
    alone = (s for s in statements.read(scene) if not s.joined and s.paragraph > 0)
    return [s for s in alone if len(tokens(s.text)) >= _LEAST_WORDS and not _UNFIT.search(s.text)]


def _order(said: list[Statement], headings: tuple[str, ...]) -> list[int]:
    """Sentences by worth, each counted down by its likeness to those before it."""
    vectors = _vectors([content_words(s.text) for s in said])
    alike = [[_cosine(a, b) for b in vectors] for a in vectors]
    central = _central(alike)
    heading = {w for h in headings[-2:] for w in content_words(h)}
    worth = [0.6 * central[i] + 0.25 / (1 + i) + 0.15 * bool(heading & set(vectors[i])) for i in range(len(said))]
    left, order = list(range(len(said))), list[int]()
    while left:
        best = max(left, key=lambda i: (worth[i] - max((0.7 * alike[i][j] for j in order), default=0.0), -i))
        left.remove(best)
        order.append(best)
    return order


def _vectors(texts: list[list[str]]) -> list[Vector]:
    """Words by how often a sentence has them and how few sentences do; length 1."""
    frequency = Counter(w for words in texts for w in set(words))
    made: list[Vector] = []
    for words in texts:
        raw = {w: n * math.log(1 + len(texts) / frequency[w]) for w, n in Counter(words).items()}
        length = math.sqrt(sum(v * v for v in raw.values())) or 1.0
        made.append({w: v / length for w, v in raw.items()})
    return made


def _cosine(a: Vector, b: Vector) -> float:
    return sum(v * b[w] for w, v in a.items() if w in b)


def _central(alike: list[list[float]]) -> list[float]:
    """The stationary share of a walk from sentence to like sentence; the largest is 1."""
    n = len(alike)
    sums = [sum(row) or 1.0 for row in alike]
    share = [1.0 / n] * n
    for _ in range(_ROUNDS):
        share = [
            (1 - _DAMPING) / n + _DAMPING * sum(share[j] * alike[j][i] / sums[j] for j in range(n)) for i in range(n)
        ]
    most = max(share)
    return [s / most for s in share]


def _chosen(said: list[Statement], order: list[int], style: str, content: str) -> list[Statement]:
    """In the passage's order; empty when the style does not suit it."""
    whole = len(tokens(content))
    if style == "sentence":
        best = next((i for i in order if 10 <= len(tokens(said[i].text)) <= 45), None)
        return [said[best]] if best is not None and 4 * len(tokens(said[best].text)) <= whole else []
    most = summary.most_words(content) if style == "paragraph" else whole // 2
    longest, least, limit = (60, 2, 5) if style == "paragraph" else (32, 3, 6)
    taken: list[int] = []
    room = most
    for i in order:
        words = len(tokens(said[i].text))
        if words <= min(room, longest) and len(taken) < limit:
            taken.append(i)
            room -= words
    enough = least <= len(taken) < len(said) and most - room >= max(20, _LEAST_SHARE * whole)
    return [said[i] for i in sorted(taken)] if enough else []


def _draft(chosen: list[Statement], style: str) -> Draft:
    text = "\n".join(f"- {s.text}" for s in chosen) if style == "bullets" else " ".join(s.text for s in chosen)
    evidence = tuple(dict.fromkeys(e for s in chosen for e in s.evidence))
    return Draft("", text, style, "easy" if style == "sentence" else "medium", evidence)


def _request(style: str, content: str) -> str:
    wordings = _REQUESTS[style]
    return wordings[crc32(content.encode()) % len(wordings)]

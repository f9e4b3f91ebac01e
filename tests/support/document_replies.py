"""What a capable model answers to the questions of a document run, for stand-ins of model servers."""

from __future__ import annotations

import re


def pairs_for(prompt: str) -> list[dict[str, object]]:
    """Well-formed pairs out of the passage itself, as many as the prompt asks for."""
    passage = re.search(r"<passage>\n(.*?)\n</passage>", prompt, re.DOTALL)
    words = (passage[1] if passage else prompt).split()
    wanted = re.search(r"exactly (\d+) pair", prompt)
    count = int(wanted[1]) if wanted else 1
    step = max(1, len(words) // count)
    pairs: list[dict[str, object]] = []
    for n in range(count):
        quote = " ".join(words[n * step : n * step + min(step, 24)])
        pairs.append(
            {
                "question": f"What do the rules say about {' '.join(words[n * step + 2 : n * step + 7])}?",
                "answer": quote.rstrip(".,;") + ".",
                "question_type": "factual",
                "difficulty": "easy",
                "evidence": [quote],
            }
        )
    return pairs

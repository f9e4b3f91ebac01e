"""The texts of a passage that can be put before somebody who is to label them: the whole, then its longer parts."""

from __future__ import annotations

import re
from functools import lru_cache

from dataforge.text.headings import plain

LEAST_CHARACTERS, LEAST_UNSPACED = 60, 24
"""Less says too little to be labelled; scripts without spaces say more in a character."""
_HEADING = re.compile(r"#{1,6}\s")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s|\|")


@lru_cache(maxsize=1024)
def excerpts(content: str) -> tuple[str, ...]:
    """No two share more than three fifths of their text. Headings are left out: they would give the label away."""
    blocks = _blocks(content)
    whole = "\n\n".join(blocks)
    if not _says_enough(whole):
        return ()
    parts = [b for b in blocks if _says_enough(b) and 5 * len(b) <= 3 * len(whole)]
    return (whole, *parts)


def _blocks(content: str) -> list[str]:
    """Paragraphs; a list or table stands with the paragraph that leads into it."""
    made: list[list[str]] = []
    for raw in re.split(r"\n\s*\n", content):
        block = "\n".join(line for line in raw.splitlines() if not _HEADING.match(line)).strip("\n")
        if not block.strip():
            continue
        if made and _ITEM.match(block) and (made[-1][-1].rstrip().endswith(":") or _ITEM.match(made[-1][0])):
            made[-1].append(block)
        else:
            made.append([block])
    return ["\n\n".join(parts) for parts in made]


def _says_enough(text: str) -> bool:
    least = LEAST_CHARACTERS if text.isascii() or " " in text[:40] else LEAST_UNSPACED
    return len(plain(text)) >= least

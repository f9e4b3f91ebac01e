"""Tokens of the `o200k_base` encoding, from ranks that the package carries; nothing is fetched at run time.

The encoding is built on first use (about 0.3 s and 100 MB) and kept for the life of the process.
"""

from __future__ import annotations

import gzip
import hashlib
from binascii import a2b_base64
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiktoken import Encoding

NAME = "o200k_base"
SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
"""Of the unpacked rank file; the same hash tiktoken pins."""

MOST_PER_CHARACTER = 4
"""One character is at most four bytes, and every byte is a token of its own."""

WINDOW = 20_000
"""Characters given to the encoder at once: its regular expression overflows on very long runs of one kind."""

# How the encoding cuts text into pieces before it merges bytes: words with the space before them (and an English
# clitic behind), numbers of up to three digits, punctuation, white space. Part of the encoding's definition.
_CLITIC = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_PIECES = "|".join(
    (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CLITIC}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CLITIC}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)


def ranks(packed: bytes) -> dict[bytes, int]:
    """Token bytes -> rank. Raises ValueError when the unpacked file is not the one tiktoken pins."""
    raw = gzip.decompress(packed)
    found = hashlib.sha256(raw).hexdigest()
    if found != SHA256:
        raise ValueError(f"the {NAME} rank file is damaged: sha256 {found}, expected {SHA256}")
    # 200,000 lines of "token rank", for which every cold start of the parser waits; a rank is the number of its line.
    return {token: rank for rank, token in enumerate(map(a2b_base64, raw.split()[::2]))}


@cache
def encoding() -> Encoding:
    from tiktoken import Encoding  # heavy; most commands never count a token

    packed = resources.files("dataforge").joinpath("data", f"{NAME}.tiktoken.gz").read_bytes()
    specials = {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}
    return Encoding(NAME, pat_str=_PIECES, mergeable_ranks=ranks(packed), special_tokens=specials)


def count(text: str) -> int:
    """Tokens of `text`; special tokens are read as plain text.

    Text above 20,000 characters is counted in pieces cut at white space where there is any, so a huge text may come
    out one token a cut away from a single pass.
    """
    if len(text) <= WINDOW:
        return len(encoding().encode_ordinary(text))
    total, start = 0, 0
    while start < len(text):
        end = min(start + WINDOW, len(text))
        if end < len(text):
            end = max(text.rfind(" ", start + WINDOW // 2, end), text.rfind("\n", start + WINDOW // 2, end), -1)
            end = end if end > start else start + WINDOW
        total += len(encoding().encode_ordinary(text[start:end]))
        start = end
    return total


def prefix(text: str, limit: int) -> int:
    """The largest n found such that `text[:n]` has at most `limit` tokens; at least 1 for a non-empty text.

    Cuts between tokens. Raises ValueError when `limit` is under 4, where a single character may not fit.
    """
    if limit < MOST_PER_CHARACTER:
        raise ValueError(f"limit must be at least {MOST_PER_CHARACTER} tokens, not {limit}")
    head = text[:WINDOW]
    tokens = encoding().encode_ordinary(head)
    if len(tokens) <= limit:
        return len(head)
    # Half a character at the cut is dropped. Re-encoding a prefix may merge otherwise, hence the loop.
    end = len(encoding().decode_bytes(tokens[:limit]).decode("utf-8", errors="ignore"))
    while end > 1 and count(head[:end]) > limit:
        end -= 1
    return max(end, 1)

"""Text as it is compared, and text that can be stored. Apart from `quality.duplicates`, whose numpy costs 0.1 s to
import."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    """Compatibility forms unified (NFKC), case folded, white space runs one blank, ends trimmed."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def repair_surrogates(text: str) -> str:
    """Halves of surrogate pairs, which no file and no table can hold, joined where they meet, else U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

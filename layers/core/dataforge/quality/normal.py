"""Text as it is compared. Apart from `duplicates`, which needs numpy: that costs a cold start 0.1 s."""

from __future__ import annotations

import unicodedata


def normalise(text: str) -> str:
    """Compatibility forms unified (NFKC), case folded, white space runs one blank, ends trimmed."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())

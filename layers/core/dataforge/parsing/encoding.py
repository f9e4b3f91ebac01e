"""Bytes of a text file -> text, whatever encoding they are in."""

from __future__ import annotations

import codecs
import re

_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*+=\s*+[\"']?+\s*+([A-Za-z0-9_:.-]{2,40})", re.I)
_SAMPLE = 200_000
_KANA = re.compile("[\u3040-\u30ff\uff66-\uff9f]")


def bom(data: bytes) -> str | None:
    """The codec that a byte order mark names; UTF-32 before UTF-16, whose mark it begins with."""
    return next((name for mark, name in _BOMS.items() if data.startswith(mark)), None)


def decode(data: bytes, *, html: bool = False) -> str:
    """By byte order mark, then valid UTF-8, then (HTML) the declared charset, then by statistics; never raises.

    UTF-8 goes before a declaration because bytes that are valid UTF-8 beyond ASCII are hardly ever anything else,
    while declarations often lie.
    """
    if name := bom(data):
        return data.decode(name, errors="replace")
    if name := _wide(data):
        return data.decode(name, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if html and (found := _META.search(data[:4096])):
        text = _try(data, found.group(1).decode("ascii"))
        if text is not None:
            return text
    return _guess(data)


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: Latin text has a zero in every second byte."""
    sample = data[:2000]
    if len(sample) < 4 or b"\0" not in sample:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > half * 0.6 and even < half * 0.1:
        return "utf-16-le"
    if even > half * 0.6 and odd < half * 0.1:
        return "utf-16-be"
    return None


def _try(data: bytes, name: str) -> str | None:
    try:
        return data.decode(codecs.lookup(name).name)
    except (LookupError, UnicodeDecodeError):
        return None


def _guess(data: bytes) -> str:
    # Short Japanese text carries too little for statistics; kana after a clean cp932 or EUC-JP decode settles it.
    for name in ("cp932", "euc_jp"):
        text = _try(data, name)
        if text is not None and len(_KANA.findall(text)) >= max(2, sum(ord(c) > 127 for c in text) // 5):
            return text
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE]).best()
    text = _try(data, best.encoding) if best else None
    if text is not None:
        return text
    # The sample may have ended inside a character, or the file may have a few broken bytes: mend, do not refuse.
    return data.decode(best.encoding if best else "cp1252", errors="replace")

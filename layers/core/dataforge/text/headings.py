"""What a heading says without its mark-up and number, and which headings name no subject."""

from __future__ import annotations

import re

_FOOTNOTE = re.compile(r"(?:\[\s?(?:\d{1,3}|note \d+|citation needed|[a-z])\s?\])+(?::\s?\d+(?:[–-]\d+)?)?")
_LINK = re.compile(r"!?\[([^\[\]]*+)\]\((?:[^()\s]++|\([^()\s]*+\))*+(?:\s\"[^\"]*+\")?\)")
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)((?:(?!\1).)++)(?<=\S)\1|(?<![\w*])\*(?=\S)([^*]++)(?<=\S)\*(?![\w*])")
_COMMENT = re.compile(r"<!--(?:(?!-->|<!--).)*+-->|</?[a-z][a-z0-9]*+(?: [^<>]*+|/)?>")
_NUMBERING = re.compile(
    r"^(?:(?:chapter|section|part|appendix|article)\s+)?(?:\d+(?:\.\d+)*|[ivx]+|[a-z])[.):]?\s+(?=\S)", re.IGNORECASE
)
_GENERIC_WORDS = """
    introduction overview general scope purpose background summary contents notes note references conclusion
    conclusions appendix other miscellaneous details about welcome more see also external links citations sources
    further reading definitions terms glossary example examples handbook manual guide policy report document page
    chapter section part faq questions data sheet home intro foreword preface abstract information info description
    analysis discussion results result method methods experiment experiments setup and future
"""
GENERIC = frozenset(_GENERIC_WORDS.split())
"""A heading made of these alone says nothing of what stands under it."""


def plain(text: str) -> str:
    """Without comments, tags, links, emphasis and footnote marks; white space runs are one blank."""
    text = _COMMENT.sub(" ", text.replace("\u200b", ""))
    text = _LINK.sub(r"\1", text)
    text = _EMPHASIS.sub(lambda m: m.group(2) or m.group(3), text)
    return " ".join(_FOOTNOTE.sub("", text).replace("\\|", "|").split())


def title(heading: str) -> str:
    """A heading without its number: "4.2 Hours of rest" -> "Hours of rest"."""
    text = plain(heading).rstrip(":. ")
    if text.isupper() and len(text) > 6:
        text = text.capitalize()
    bare = _NUMBERING.sub("", text)
    return bare if len(bare) > 2 and not text.casefold().startswith(("a ", "i ")) else text


def names_a_subject(heading: str) -> bool:
    words = re.findall(r"[^\W\d_]+", heading.casefold())
    return bool(words) and not all(w in GENERIC for w in words)

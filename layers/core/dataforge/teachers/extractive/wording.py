"""Capitals, anchors and the last look at a question before it is let out."""

from __future__ import annotations

import re
from zlib import crc32

from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.verbs import base_of
from dataforge.text.claims import STOP_WORDS, content_words
from dataforge.text.headings import GENERIC

_ABSTRACT = ("tion", "sion", "ment", "ance", "ence", "ness", "ity", "ing", "ship", "ure", "age", "ism", "hood", "work")
_IN_NAMES = frozenset(["the", "of", "da", "de", "van", "von", "and", "del", "bin", "is", "was"])
_ANCHORS = ("Regarding", "When it comes to", "With regard to", "Concerning")
_DANGLING = re.compile(
    r"\b(this|these|those|such|it|they|them|he|she|him|here|above|below|former|latter|following|latters?|"
    r"aforementioned|"
    r"same|ones|I|we|us|our|my)\b",
    re.IGNORECASE,
)
_POSSESSIVE = re.compile(r"\b(its|their|his|her)\b", re.IGNORECASE)
_BROKEN = re.compile(
    r"[<>{}\\|#*_=~]|\s[,;:?]|\(\s|\.\.|\?.*\?|,\?|\b(\w+) \1\b|[:;–—-]\?|\b(?:and|or|the|a|an|of)\?|\w[.!] [A-Z]|"
    r"_{2,}|\"[^\"]*$",
    re.IGNORECASE,
)


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def lower_first(text: str, scene: Scene) -> str:
    """The first word as it would stand inside a sentence; a name keeps its capital, and so does what may be one."""
    first, _, rest = text.partition(" ")
    bare = first.strip("\"'“”‘’(),")
    if not bare[:1].isupper() or (not bare[1:].islower() and len(bare) > 1) or bare == "I":
        return text
    word = bare.casefold()
    if bare.endswith(("'s", "’s")) and word not in scene.lower_words and word[:-2] not in scene.lower_words:
        return text
    function = word in english.DETERMINERS | english.PREPOSITIONS | english.CONDITIONS | english.RELATIVES | STOP_WORDS
    if not function and bare in scene.proper_words and word not in scene.lower_words:
        return text
    second = rest.split(" ")[0] if rest else ""
    named = bare in scene.proper_words or word not in scene.lower_words
    if not function and named and second[:1].isupper() and second[1:2].islower():
        return text
    common = (
        function
        or word in scene.lower_words
        or (second[:1].islower() and second not in _IN_NAMES)
        or english.is_plural(word)
        or word in english.MASS_NOUNS
        or word.endswith(_ABSTRACT)
        or base_of(word, "base") is not None
    )
    return text[:1].lower() + text[1:] if common else text


def topic(headings: tuple[str, ...], scene: Scene, *, allow_gerund: bool = False) -> str | None:
    """The nearest heading that names a thing, in running case; None when there is none."""
    for heading in reversed(headings):
        words = heading.split()
        stems = [w for w in re.findall(r"[^\W\d_]+", heading.casefold()) if w not in STOP_WORDS]
        fits = 0 < len(words) <= 7 and stems and not all(w in GENERIC for w in stems)
        if not fits or stems[-1] in GENERIC or heading.endswith(("?", "!")) or re.search(r"[:;,|\d/&()“”\"]", heading):
            continue
        first = words[0].casefold()
        if first in english.RELATIVES | english.PRONOUNS | english.PREPOSITIONS | english.BE | english.MODALS | {
            "how",
            "let’s",
        }:
            continue
        if len(words) == 1 and base_of(first, "gerund") and not allow_gerund:
            continue
        if any(w.casefold() in english.BE | english.MODALS | english.RELATIVES | english.DO for w in words):
            continue
        name = _running(heading, scene)
        if len(words) == 1 and name[:1].isupper() and name not in scene.proper_words and not allow_gerund:
            return None
        return name
    return None


def _running(heading: str, scene: Scene) -> str:
    """Title Case to sentence case, but for names and acronyms that the text itself capitalises."""
    words = heading.split()
    if len(words) > 1 and all(w[:1].isupper() or w.casefold() in STOP_WORDS for w in words):
        running = scene.lower_words | STOP_WORDS
        if not all(w.casefold() in running for w in words[1:] if w[1:].islower() and w not in scene.proper_words):
            return heading
        words = [words[0], *(w if w in scene.proper_words or not w[1:].islower() else w.lower() for w in words[1:])]
    lowered = lower_first(" ".join(words), scene)
    used = (
        rf"\bthe {re.escape(lowered)}(?=[.,;:)]| (?:is|are|was|were|of|and|or|in|on|at|for|to|must|may|can|has|will)\b)"
    )
    known = not english.is_plural(words[-1]) and re.search(used, scene.content, re.IGNORECASE) is not None
    return (
        f"the {lowered}"
        if known and lowered[:1].islower() and words[0].casefold() not in english.DETERMINERS
        else lowered
    )


def anchored(question: str, headings: tuple[str, ...], scene: Scene, *, always: bool = False) -> str:
    """ "How long is it open?" -> "Regarding lost property, how ...?" when the question alone would leave one asking
    "of what?": its subject is definite or it has few words of its own, and no word of the heading is in it yet."""
    name = topic(headings, scene)
    if not name:
        return question
    if re.match(r"[A-Z][^,?]+, (?:what|how|when|who|which|where|why|by|in|at|to)\b", question):
        return question
    mine, theirs = set(content_words(question)), set(content_words(name))
    if theirs & mine or len(mine | theirs) == len(mine):
        return question
    if not always and not vague(question):
        return question
    lead = _ANCHORS[crc32(question.encode()) % len(_ANCHORS)]
    return f"{lead} {name}, {lower_first(question, scene)}"


def with_adjunct(adjunct: str, question: str) -> str:
    """ "In fog, how ...?"; without it when it is only background, too long to open a question; empty, and so unsound,
    when what is said holds only under it."""
    if not adjunct:
        return question
    opener = adjunct.split()[0].casefold()
    if opener in english.CONDITIONS | {"without", "except", "under", "until", "despite"}:
        return ""
    background = opener in (
        "as",
        "although",
        "while",
        "whereas",
        "because",
        "since",
        "with",
        "to",
        "from",
        "like",
        "unlike",
    )
    if background or len(adjunct.split()) > 6 or base_of(opener, "participle") or base_of(opener, "gerund"):
        return question
    return f"{adjunct}, {question[0].lower()}{question[1:]}"


def vague(question: str) -> bool:
    words = question.rstrip("?").split()
    names = [w for w in words[1:] if w[:1].isupper()]
    definite = any(w.casefold() == "the" for w in words)
    return not names and len(set(content_words(question))) < (5 if definite else 3)


def is_sound(question: str, *, own: bool = False) -> bool:
    """Whether a reader without the passage can take it: no dangling pronoun, no debris, of a length one asks in.

    own: the text itself asks, so "I" and "we" are whoever asks.
    """
    words = question.split()
    if not 3 <= len(words) <= 40 or not question.endswith("?") or not content_words(question):
        return False
    free = re.sub(r"\b(?:I|we|us|our|my)\b", "", question) if own else question
    if _DANGLING.search(_expletives_out(free)) or _BROKEN.search(question):
        return False
    owner = _POSSESSIVE.search(question)
    if owner and not content_words(question[: owner.start()]):
        return False
    return question.count("(") == question.count(")") and question.count("“") == question.count("”")


def _expletives_out(question: str) -> str:
    """What stands for nothing, and pronouns that a clause of the question itself explains, do not count."""
    text = re.sub(
        r"\bWhen it comes to\b|\bat the same time\b|\bon the same (?:day|page)\b|\bthe same\b",
        "",
        question,
        flags=re.IGNORECASE,
    )
    text = re.sub(r"\b(?:If|When|happens if|happens when|do if|do when) (?:a|an|the|any|no|one) \w+.*", "", text)
    return re.sub(r"\b(?:that|which|who)\b (?:it|they|he|she)\b", "", text)

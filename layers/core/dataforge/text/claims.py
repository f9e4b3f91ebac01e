"""What a text claims, as far as its surface shows: content words, numbers with units, names, negated words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from dataforge.text.normal_forms import LETTER, folded

_STOP = """
    a about above after again all also although am an and any are as at be because been before being below between
    both but by can could did do does doing down during each either else few for from further had has have having he
    her here hers him his how i if in into is it its itself just may me might more most must my neither nor no not
    of off on once only or other our ours out over own per same shall she should so some such than that the their
    theirs them then there these they this those through thus to too under until up upon us very was we were what
    when where whether which while who whom whose why will with within without would yes you your yours
"""
STOP_WORDS = frozenset(_STOP.split())
_UP_TO_TWENTY = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
"""
_TENS = "thirty forty fifty sixty seventy eighty ninety"
_NUMBER_WORDS = {word: str(value) for value, word in enumerate(_UP_TO_TWENTY.split())} | {
    word: str(value) for value, word in zip(range(30, 100, 10), _TENS.split(), strict=True)
}
_UNITS = {
    unit: family[0]
    for family in (
        ("second", "sec"),
        ("minute", "min"),
        ("hour", "hr"),
        ("day",),
        ("week",),
        ("month",),
        ("year",),
        ("decade",),
        ("century", "centuries"),
        ("%", "percent"),
        ("kg", "kilogram"),
        ("g", "gram"),
        ("km", "kilometre", "kilometer"),
        ("m", "metre", "meter"),
        ("cm",),
        ("mm",),
        ("mile",),
        ("foot", "feet"),
        ("inch", "inches"),
        ("litre", "liter"),
        ("thousand",),
        ("million",),
        ("billion",),
        ("trillion",),
        ("euro", "eur"),
        ("dollar", "usd"),
        ("pound", "gbp"),
        ("mb",),
        ("gb",),
        ("tb",),
        ("kb",),
        ("degree",),
        ("hz",),
        ("mhz",),
        ("ghz",),
        ("volt",),
        ("watt",),
    )
    for unit in family
}
_BEFORE_UNIT = frozenset(["working", "business", "calendar", "consecutive", "full", "nautical", "square", "cubic"])
_NOT = """
    not no never none nothing nobody nowhere neither nor without cannot unable except excluding lack lacks
"""
_NEGATIONS = frozenset(_NOT.split())
_TOKEN = re.compile(rf"\d+(?:[.,\u00a0\u202f]\d+)*|{LETTER}++(?:['’]{LETTER}++)?|%")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_ARTICLE = re.compile(r"^(?:[وف]?(?:[بك]?ال|لل)|و(?=.{4}))(?=..)")
_NAME = re.compile(
    r"[^\W\d_a-z](?:[^\W_]|[&'’.\-](?=\w))*(?:\s+(?:(?:of|the|de|van|von|and|for)\s+)?"
    r"[^\W\d_a-z](?:[^\W_]|[&'’.\-](?=\w))*)*"
)


@dataclass(frozen=True, slots=True)
class Number:
    """value: digits and one point ("1,000" -> "1000", "twelve" -> "12"); unit: singular, or empty."""

    value: str
    unit: str
    text: str


def tokens(text: str) -> list[str]:
    """Words and numbers as written, letters with their combining marks; scripts without spaces give overlapping pairs
    of characters."""
    if not _UNSPACED.search(text):
        return _TOKEN.findall(text)
    found: list[str] = []
    for word in _TOKEN.findall(text):
        word = unicodedata.normalize("NFC", word)
        if len(word) > 1 and _UNSPACED.search(word):
            found += [word[i : i + 2] for i in range(len(word) - 1)]
        else:
            found.append(word)
    return found


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Inflection off (plural, -ed, -ing, possessive, final e; the Arabic article and what is written with it); not a
    dictionary form."""
    word = folded(word).split("'")[0].split("’")[0]
    if word[:1].isdigit():
        return number_value(word)
    if word in _NUMBER_WORDS:
        return _NUMBER_WORDS[word]
    if "\u0621" <= word[:1] <= "\u064a":
        return _ARTICLE.sub("", word)
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 5 and word.endswith("ing"):
        word = word[:-3]
    elif len(word) > 4 and word.endswith("ed"):
        word = word[:-2]
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def content_words(text: str) -> list[str]:
    """Stems that carry meaning, in order, repeated as often as they stand there."""
    return list(_content_words(text))


@lru_cache(maxsize=1024)  # a check looks at the same few texts from several sides
def _content_words(text: str) -> tuple[str, ...]:
    return tuple(stem(t) for t in tokens(text) if t != "%" and t.casefold() not in STOP_WORDS)


def number_value(written: str) -> str:
    """`1,000` and `1 000` -> 1000; `2.50` -> 2.5; `3,5` -> 3.5 (a group of three after a comma is thousands)."""
    written = written.replace("\u00a0", "").replace("\u202f", "")
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", written):
        written = written.replace(",", "")
    elif re.fullmatch(r"\d{1,3}(\.\d{3})+,\d+", written):
        written = written.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d+,\d+", written):
        written = written.replace(",", ".")
    whole, point, rest = written.partition(".")
    rest = rest.rstrip("0") if "." not in rest else rest
    return (whole.lstrip("0") or "0") + (point + rest if rest else "")


def numbers(text: str) -> list[Number]:
    """In order. "one" is left out: it is a pronoun as often as a number."""
    found: list[Number] = []
    spelled = [(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(text)]
    for at, (word, start, end) in enumerate(spelled):
        folded = word.casefold()
        if not word[0].isdigit() and (folded not in _NUMBER_WORDS or folded == "one"):
            continue
        value = number_value(word) if word[0].isdigit() else _NUMBER_WORDS[folded]
        later = [s for s in spelled[at + 1 : at + 3] if s[0].casefold() not in _BEFORE_UNIT]
        following = later[0] if later else ("", end, end)
        near = text[end : following[1]].strip(" \n-").casefold() in {"", *_BEFORE_UNIT}
        unit = _UNITS.get(_singular(following[0].casefold()), "") if near else ""
        found.append(Number(value, unit, text[start : following[2] if unit else end]))
    return found


def _singular(word: str) -> str:
    return word if word in _UNITS else word.removesuffix("s")


def names(text: str) -> list[str]:
    """Runs of capitalised words and acronyms. A single capitalised word that opens a sentence is no evidence of one."""
    found: list[str] = []
    for match in _NAME.finditer(text):
        words = match.group().split()
        if _opens_sentence(text, match.start()):
            if words[0].casefold() in STOP_WORDS:
                words = words[1:]
            elif len(words) == 1 and not (len(words[0]) > 1 and words[0].isupper()):
                words = []
        while words and words[0].casefold() in STOP_WORDS:
            words = words[1:]
        if words:
            found.append(" ".join(words).rstrip(".'’-"))
    return found


def _opens_sentence(text: str, at: int) -> bool:
    while at and text[at - 1] in " \t\"'“‘([*_":
        at -= 1
    return not at or text[at - 1] in ".!?:;\n|-•…"


def negated(text: str) -> list[str]:
    """The stems that a negation bears on: the first content word after it ("must not exceed" -> "exceed")."""
    found: list[str] = []
    open_cue = False
    for word in tokens(text):
        folded = word.casefold().replace("’", "'")
        if folded in _NEGATIONS or folded.endswith("n't"):
            open_cue = True
        elif open_cue and folded not in STOP_WORDS:
            found.append(stem(word))
            open_cue = False
    return found

"""Quantities of a text: what each number is worth, what it counts or measures, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from dataforge.text.languages.numerals import numerals
from dataforge.text.languages.unit_words import BETWEEN, BY_WORD, LARGE, MONTHS, PER, Unit
from dataforge.text.normal_forms import Word, folded, words

CLOCK = Unit("clock", "clock", 1)
"""Values in minutes after midnight."""
DATE = Unit("day of a month", "date", 0)
YEAR = Unit("calendar year", "calendar", 0)
CODE = Unit("code", "code", 0)
"""Versions, numbers of sections, numbers with letters: names made of digits."""
COUNT = Unit("", "", 0)
"""No unit, or one that the table does not have: a number of things."""

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९", "0123456789" * 3)
_NUMBER = re.compile(
    r"(?<![\d.,:])(?P<before>[€$£¥₹§#])?\s?(?P<digits>\d{1,3}(?:[ '’]\d{3})++(?![\d])|\d++(?:[.,:]\d++)*+)"
    r"(?P<ordinal>(?:st|nd|rd|th|er|re|ème|º|ª|e)(?![^\W\d_]))?"
)
_LONGEST = 24
"""Characters of a number; what is longer is a code."""
_GROUPS = re.compile(r"\d{1,3}(?:([.,' ’])\d{3})(?:\1\d{3})*")
_POINT_IS_DECIMAL = frozenset(("en", "zh", "ja", "ar", "hi"))
_CLOCK = re.compile(r"([01]?\d|2[0-4])[:h]([0-5]\d)")
_AT = re.compile(r"(?:^|\W)(?:à|avant|après|vers|dès|entre|et|de|jusqu'à)\s?$", re.IGNORECASE)
_MERIDIEM = re.compile(r"\s?([ap])\.?m\b", re.IGNORECASE)
_HOURS = re.compile(r"\s?(h|[Uu]hr|heures?|点|點|时|時|o'clock)(?![^\W\d_])")
_MINUTES = re.compile(r"\s?([0-5]\d)(?!\d)")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_CJK_UNIT = re.compile(
    "|".join(sorted((re.escape(w) for w in BY_WORD if _CJK.match(w)), key=len, reverse=True)), re.IGNORECASE
)
_CJK_LARGE = re.compile("[千万萬亿億]")
_SYMBOL = re.compile(r"\s?(%|°\s?[cf]\b|°|€|\$|£|¥|km/h|m/s|[kmg]bit/s|m2|m3|km2|元|円)", re.IGNORECASE)
_MONEY = {sign: BY_WORD[sign] for sign in "€$£¥₹"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    values: tuple[float, ...]
    """What the digits may mean: "1.500" is a thousand and a half in German, one and a half in English."""
    unit: Unit
    start: int
    end: int
    """Of number and unit in the text that was given."""
    text: str
    per: str = ""
    """The name of the unit that it is counted by ("a day"), or empty."""
    counted: str = ""
    """The word after it, folded, where that is no unit of measure."""
    month: int = 0
    written: bool = False
    """In words, not digits."""

    @property
    def value(self) -> float:
        return self.values[0]


class _More(TypedDict, total=False):
    per: str
    counted: str
    month: int
    written: bool


def _found(text: str, span: tuple[int, int], values: tuple[float, ...], unit: Unit, **more: Unpack[_More]) -> Quantity:
    start, end = span
    return Quantity(values=values, unit=unit, start=start, end=end, text=text[start:end].strip(), **more)


def quantities(text: str, language: str = "en") -> list[Quantity]:
    """In order. language: of its number words, ISO 639-1."""
    plain = text.translate(_DIGITS)
    found = list(_in_digits(plain, language))
    taken = [(q.start, q.end) for q in found]
    written = [n for n in numerals(plain, language) if not any(a < n.end and n.start < b for a, b in taken)]
    found += [_measured(plain, (float(n.value),), n.start, n.end, written=True) for n in written]
    return _ranges(plain, sorted(found, key=lambda q: q.start))


_JOINER = re.compile(
    r"\s?(?:and|to|or|until|bis|und|oder|à|et|ou|a|y|o|e|i|do|tot|en|至|到|和|و|إلى|से|-|–|~)\s?(?:[€$£])?",
    re.IGNORECASE,
)


def _ranges(text: str, found: list[Quantity]) -> list[Quantity]:
    """ "Between 20 and 85 percent": the first number has the unit of the second."""
    for at in range(len(found) - 2, -1, -1):
        one, other = found[at], found[at + 1]
        between = text[one.start + len(one.text) : other.start]
        if one.unit is COUNT and other.unit.dimension and other.unit is not CODE and _JOINER.fullmatch(between):
            found[at] = replace(one, unit=other.unit, per=other.per, counted="", month=other.month)
    return found


def _in_digits(text: str, language: str) -> Iterator[Quantity]:
    last = 0
    for match in _NUMBER.finditer(text):
        found = _one(text, match, language) if match.start("digits") >= last else None
        if found:
            last = found.end
            yield found


def _one(text: str, match: re.Match[str], language: str) -> Quantity | None:
    start, end = match.start("digits"), match.end("digits")
    digits = match.group("digits")
    if (
        len(digits) > _LONGEST
        or match.group("before") in ("§", "#")
        or (digits.count(".") > 1 and not _GROUPS.fullmatch(digits))
    ):
        return _found(text, (start, end), (0.0,), CODE)
    if _is_code(text, start, end, match.group("ordinal")):
        return None
    if clock := _clock(text, digits, start, end):
        return clock
    if match.group("before"):
        return _money(text, _values(digits, language), match)
    if match.group("ordinal") and digits.isdigit():
        month = _month(text, start, _following(text, match.end()))
        unit = DATE if month else COUNT
        return _found(text, (start, match.end()), (float(digits),), unit, month=month)
    return _measured(text, _values(digits, language), start, end)


def _is_code(text: str, start: int, end: int, ordinal: str | None) -> bool:
    """K-12, R3, 4G, PW1250DK: letters that are no unit stand at the number."""
    before = text[max(0, start - 2) : start]
    if before[-1:].isalpha() and not _CJK.match(before[-1]) and not "\u0600" <= before[-1] <= "\u06ff":
        return True
    if before[-1:] in ("-", "_") and before[:1].isalpha() and before[:1].isascii():
        return True
    after = re.compile(r"[^\W\d_]+").match(text, end)
    if not after or ordinal or _CJK.match(after.group()):
        return False
    word = folded(after.group())
    return (
        word not in BY_WORD
        and word not in LARGE
        and word not in ("am", "pm", "uhr", "x", "h")
        and not _CLOCK.match(text, start)
    )


def _values(digits: str, language: str) -> tuple[float, ...]:
    """Every reading of separators."""
    plain = re.sub(r"[ '’]", "", digits)
    if _GROUPS.fullmatch(digits) and not digits.startswith("0"):
        grouped = float(re.sub(r"[.,' ’]", "", digits))
        marks = plain.count(".") + plain.count(",")
        if marks == 1 and (language in _POINT_IS_DECIMAL) == ("." in plain):
            decimal = float(plain.replace(",", "."))
            return (decimal,) if language in _POINT_IS_DECIMAL else (grouped, decimal)
        return (grouped,) if marks != 1 or language in _POINT_IS_DECIMAL else (grouped, float(plain.replace(",", ".")))
    if re.fullmatch(r"\d{1,3}([.,])\d{3}(\1\d{3})*[.,]\d+", plain):
        head, tail = re.split(r"[.,](?=\d+$)", plain)
        return (float(re.sub(r"[.,]", "", head) + "." + tail),)
    parts = re.split(r"[.,:]", plain)
    return (float(".".join(parts[:2])),)


def _clock(text: str, digits: str, start: int, end: int) -> Quantity | None:
    """A time of day: 22:00, 8 h 45, 9 Uhr, 10点, 6 pm."""
    match = _CLOCK.match(text, start)
    if match and not text[match.end() : match.end() + 1].isdigit():
        minutes, end = int(match[1]) * 60 + int(match[2]), match.end()
    elif not digits.isdigit() or int(digits) > 24:
        return None
    elif hours := _HOURS.match(text, end):
        more = _MINUTES.match(text, hours.end())
        if hours[1] in ("h", "heure", "heures") and not more and not _AT.search(text[max(0, start - 12) : start]):
            return None  # a length of time
        minutes, end = int(digits) * 60 + int(more[1] if more else 0), (more or hours).end()
    elif _MERIDIEM.match(text, end):
        minutes = int(digits) * 60
    else:
        return None
    if meridiem := _MERIDIEM.match(text, end):
        minutes, end = minutes % 720 + (720 if meridiem[1] in "pP" else 0), meridiem.end()
    return _found(text, (start, end), (float(minutes),), CLOCK)


def _money(text: str, values: tuple[float, ...], match: re.Match[str]) -> Quantity:
    sign, end = match.group("before"), match.end("digits")
    values, end = _multiplied(text, values, end)
    return _found(text, (match.start(), end), values, _MONEY[sign], per=_per(text, end)[0])


def _multiplied(text: str, values: tuple[float, ...], end: int) -> tuple[tuple[float, ...], int]:
    """By "million" and its like after the number."""
    cjk = _CJK_LARGE.match(text, end)
    if cjk:
        return tuple(v * LARGE[cjk.group()] for v in values), cjk.end()
    after = re.compile(r"[ -]?([^\W\d_]+)").match(text, end)
    if after and (by := LARGE.get(folded(after[1]))) and not (len(after[1]) == 1 and after.group()[:1] == " "):
        return tuple(v * by for v in values), after.end()
    return values, end


def _measured(text: str, values: tuple[float, ...], start: int, end: int, *, written: bool = False) -> Quantity:
    values, end = _multiplied(text, values, end)
    symbol = _SYMBOL.match(text, end)
    if symbol:
        per, end = _per(text, symbol.end())
        return _found(text, (start, end), values, BY_WORD[folded(symbol[1].replace(" ", ""))], per=per, written=written)
    if cjk := _CJK_UNIT.match(text, end + (text[end : end + 1] == " ")):
        return _chinese(text, values, start, cjk, written=written)
    following = _following(text, end + (text[end : end + 2] == ". "))
    if (month := _month(text, start, following)) and values[0] <= 31:
        return _found(text, (start, end), values, DATE, month=month)
    unit: Unit | None
    for at, word in enumerate(following[:3]):
        for length in (2, 1):
            joined = " ".join(w.folded for w in following[at : at + length])
            if len(following) >= at + length and (unit := unit_of(joined)):
                last = following[at + length - 1].end
                per, last = _per(text, last)
                return _found(text, (start, last), values, unit, per=per, written=written)
        if word.folded not in BETWEEN:
            break
    counted = following[0].folded if following else ""
    if _CJK.match(counted):
        counted = counted[:1]
    if (not written and not counted and 1000 <= values[0] <= 2100) or _is_year(text, values, start, end, counted):
        return _found(text, (start, end), values, YEAR)
    return _found(text, (start, end), values, COUNT, counted=counted, written=written)


_YEAR_BEFORE = re.compile(
    r"(?:\b(?:in|since|from|until|by|of|before|after|year|to|and|im|seit|bis|ab|jahr|von|en|depuis|de|desde|hasta|año|em|"
    r"nel|dal|sinds|roku|w)|عام|سنة|في)\s$",
    re.IGNORECASE,
)


def _is_year(text: str, values: tuple[float, ...], start: int, end: int, counted: str) -> bool:
    return (
        len(text[start:end]) == 4
        and text[start:end].isdigit()
        and 1000 <= values[0] <= 2100
        and (
            _YEAR_BEFORE.search(text[max(0, start - 12) : start]) is not None
            or text[start - 2 : start] == ", "
            or counted in MONTHS
        )
    )


def _chinese(text: str, values: tuple[float, ...], start: int, match: re.Match[str], *, written: bool) -> Quantity:
    unit = BY_WORD[match.group()]
    if match.group() == "年" and values[0] >= 1000:
        return _found(text, (start, match.end()), values, YEAR)
    if match.group() == "日" or (match.group() == "天" and "月" in text[max(0, start - 2) : start]):
        unit = DATE
    return _found(text, (start, match.end()), values, unit, written=written)


def _following(text: str, end: int) -> list[Word]:
    """The next words that no punctuation parts from the number."""
    found: list[Word] = []
    for word in words(text[end : end + 60]):
        if word.apart or word.folded[:1].isdigit():
            break
        found.append(Word(word.folded, word.start + end, word.end + end, word.apart))
        if len(found) == 4:
            break
    return found


def unit_of(word: str) -> Unit | None:
    if unit := BY_WORD.get(word):
        return unit
    for ending in ("s", "n", "en", "es"):
        if word.endswith(ending) and len(word) - len(ending) > 2 and (unit := BY_WORD.get(word[: -len(ending)])):
            return unit
    return None


def _month(text: str, start: int, following: list[Word]) -> int:
    """April 1, 1 April, 1 de abril, the 1st of April."""
    ahead = [w.folded for w in following if w.folded not in ("of", "de", "del", "di")][:1]
    if ahead and ahead[0] in MONTHS:
        return MONTHS[ahead[0]]
    before = words(text[max(0, start - 14) : start])
    return (
        MONTHS.get(before[-1].folded, 0)
        if before and not text[before[-1].end + max(0, start - 14) : start].strip()
        else 0
    )


_PER_HERE = re.compile(r"\s?(/|à l['’])\s?([^\W\d_]+)|\s+([^\W\d_]+)\s+([^\W\d_]+)|\s?(每)\s?([^\W\d_]{1,2})")


def _per(text: str, end: int) -> tuple[str, int]:
    """ "a day", "par heure", "/ kg" after a unit."""
    match = _PER_HERE.match(text, end)
    if not match:
        return "", end
    groups = [g for g in match.groups() if g]
    if len(groups) == 2 and folded(groups[0]) in PER and (unit := unit_of(folded(groups[1]))):
        return unit.name, match.end()
    return "", end

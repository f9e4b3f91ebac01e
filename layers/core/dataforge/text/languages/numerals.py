"""Numbers written as words, in twelve languages: where they stand and what they are worth.

"One" alone is left out, an article or a pronoun as often as a number. Halves and other fractions, ordinals and dual
forms are no numerals here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from dataforge.text.languages import numeral_words
from dataforge.text.normal_forms import Word, folded, words

_LARGEST = 10**15
_CJK_DIGITS = {c: v for v, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}
_CJK_PLACES = {"十": 10, "百": 100, "千": 1000}
_CJK_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_CJK = re.compile(r"[零一二三四五六七八九〇两兩十百千万萬亿億]++")
_CJK_COUNTER = re.compile(
    r"\s?(?:个|個|名|位|人|次|天|日|年|月|周|週|星期|小时|小時|时|時|点|點|分钟|分|秒|元|块|美元|欧元|岁|歳|才|米|公里|公斤|"
    r"克|升|度|页|頁|条|章|项|種|种|件|台|辆|层|階|楼|本|枚|冊|回|匹|円|つ|キロ|メートル|ヶ月|か月|倍|割|成|步|家|所|张|座|棵|艘|"
    r"节|段|组|班|期|号|級|级|届|部|支|只|頭|头|间|間|グラム|リットル|セット|ユーロ|ドル|パーセント)"
)
_VERY = re.compile("十分(?!钟|鐘|间|間|以|の|后|後|前)")
_CJK_OTHER = frozenset(["一", "千万", "万一", "万", "百", "千", "一一", "十", "零", "万万", "千千万万"])
"""Alone, words of other meaning more often than numbers."""


@dataclass(frozen=True, slots=True)
class Numeral:
    """start, end: where it stands in the text that was given."""

    value: int
    start: int
    end: int


def numerals(text: str, language: str) -> list[Numeral]:
    """In order, not overlapping; none for a language that is not known. language: ISO 639-1."""
    if language in ("zh", "ja"):
        return list(_ideographic(text))
    table = _table(language)
    return list(_composed(words(text), table, language)) if table else []


@cache
def _table(language: str) -> Mapping[str, int]:
    rows = numeral_words.WORDS.get(language, {})
    written = {word: value for value, row in rows.items() for word in row.split()}
    return {folded(word): value for word, value in (numeral_words.below_hundred(language) | written).items()}


def _composed(found: list[Word], table: Mapping[str, int], language: str) -> Iterator[Numeral]:
    """Runs of number words, each as one number as far as they can be one."""
    joiners = numeral_words.JOINERS.get(language, frozenset())
    at = 0
    while at < len(found):
        reading = _Reading(language)
        end = place = at
        while place < len(found) and not (place > at and found[place].apart):
            word = found[place].folded
            value = _value(word, table, language)
            if value is not None and reading.take(value, joined=place > end):
                place = end = place + 1
            elif place == end > at and word in joiners:
                place += 1
            else:
                break
        if end - at > 1 or (end > at and reading.value != 1):
            yield Numeral(reading.value, found[at].start, found[end - 1].end)
        at = max(end, at + 1)


def _value(word: str, table: Mapping[str, int], language: str) -> int | None:
    """Of one word, which may be a compound; None: it is no number word."""
    if word in table:
        return table[word]
    if language in numeral_words.CUTS:
        return _compound(word, table, numeral_words.CUTS[language])
    return table.get(word[1:]) if language == "ar" and word[:1] == "و" else None


def _compound(word: str, table: Mapping[str, int], cuts: tuple[str, ...]) -> int | None:
    """ "zweihundertfünfundzwanzig": cut at the thousand, then at the hundred."""
    if word in table or not cuts:
        return table.get(word)
    worth = 1000 if len(cuts) == 2 else 100
    before, cut, after = word.partition(cuts[0])
    if not cut and worth == 1000 and word.startswith("mille"):
        before, cut, after = "", "mille", word[5:]
    if not cut:
        return _compound(word, table, cuts[1:])
    times = _compound(before, table, cuts[1:]) if before else 1
    rest = _compound(after.removeprefix("und"), table, cuts[1:]) if after else 0
    return None if times is None or rest is None or not rest < worth > times else times * worth + rest


class _Reading:
    """A number as it is read word by word: "two" "hundred" "and" "five"."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._done = self._open = 0
        self._least_group = _LARGEST

    @property
    def value(self) -> int:
        return self._done + self._open

    def take(self, value: int, *, joined: bool) -> bool:
        """False: the word begins another number. joined: an "and" stands before it."""
        if joined and not self._may_join(value):
            return False
        if value >= 1000 and value.bit_length() < 40:
            if not value < self._least_group or (self._done and not self._open):
                return False
            self._done += (self._open or 1) * value
            self._open, self._least_group = 0, value
            return True
        if value == 100 and 0 < self._open < 100:
            self._open *= value
        elif self._language == "fr" and value == 20 and self._open % 100 == 4:
            self._open += 76
        elif not self._open or self._fits_below(value):
            self._open += value
        else:
            return False
        return not (value == 0 and self._done)

    def _may_join(self, value: int) -> bool:
        if self._language == "en":
            return self.value >= 100 and self.value % 100 == 0
        if self._language == "fr":
            return value in (1, 11)
        return self._language != "es" or value < 10

    def _fits_below(self, value: int) -> bool:
        """Two hundred takes twenty, twenty takes five. Arabic says the unit before the ten; French says ten-seven,
        sixty-ten and four-twenty-ten."""
        tail = self._open % 100
        if value == 0 or value >= 100:
            return False
        if self._language == "ar" and 0 < tail < 10:
            return value % 10 == 0
        if self._language == "fr" and (tail in (60, 80) or tail % 20 == 10):
            return value < 20 if tail in (60, 80) else value in (7, 8, 9)
        return self._open % (10 if value < 10 else 100) == 0 and tail != 10


def _ideographic(text: str) -> Iterator[Numeral]:
    for found in _CJK.finditer(text):
        run = found.group()
        counted = _CJK_COUNTER.match(text, found.end()) is not None or text[found.start() - 1 : found.start()] == "第"
        if (run in _CJK_OTHER and not (counted and run in ("十", "百", "千"))) or (len(run) == 1 and not counted):
            continue
        value = _ideographic_value(run) if not _VERY.match(text, found.start()) else None
        if value is not None:
            yield Numeral(value, found.start(), found.end())


def _ideographic_value(run: str) -> int | None:
    """二十五, 三千零五十, and digit by digit 二〇二五; None: no number can be read so."""
    if all(c in _CJK_DIGITS for c in run):
        return int("".join(str(_CJK_DIGITS[c]) for c in run)) if len(run) < 13 else None
    total = group = digit = 0
    for c in run:
        if c in _CJK_DIGITS:
            if digit:
                return None
            digit = _CJK_DIGITS[c]
        elif c in _CJK_PLACES:
            group += (digit or 1) * _CJK_PLACES[c]
            digit = 0
        else:
            total = (
                (total + group + digit) * _CJK_MYRIADS[c] if not total else total + (group + digit) * _CJK_MYRIADS[c]
            )
            group = digit = 0
        if total > _LARGEST:
            return None
    return total + group + digit

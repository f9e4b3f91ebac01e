"""Which language a text is in: by its script, and by the function words in it.

Kept without a model: the best small library takes a second of CPU and 50 MB to start, and answers "German" for every
text that is in none of the languages it is asked about. A text without function words has no language here.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from dataforge.text.languages import LANGUAGES
from dataforge.text.languages.function_words import votes
from dataforge.text.normal_forms import composed, words

LONGEST = 2000
"""Characters that are looked at."""
_LEAST_SHARE, _LEAST_LEAD = 0.12, 1.25
_SURE_SHARE, _SURE_LEAD, _SURE_WORDS = 0.2, 1.8, 3
_KANA = re.compile(r"[\u3041-\u30fa]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_HANGUL = re.compile(r"[\u1100-\u11ff\uac00-\ud7af]")
_ARABIC = re.compile(r"[\u0621-\u064a\u066e-\u06d3]")
_NOT_ARABIC = re.compile(r"[\u067e\u0686\u0698\u06af\u06a9\u06cc\u0679\u0688\u0691\u06d2\u06ba]")
_DEVANAGARI = re.compile(r"[\u0904-\u0939]")
_NOT_HINDI = re.compile(r"(?<!\w)(?:आहे|आहेत|आणि|मध्ये|नाही|छ|छन्|हुन्छ|गर्न|तथा च)(?!\w)")
_LATIN = re.compile(r"[a-zà-öø-ÿāăąćčďđēėęěğīįıłńňōőœřśşšťūůűųźżž]", re.IGNORECASE)
_ALPHABETS = {
    "en": "éï", "de": "äöüß", "fr": "àâæçéèêëîïôœùûüÿ", "es": "áéíñóúü¿¡", "pt": "áâãàçéêíóôõúü", "it": "àèéìíîòóùú",
    "nl": "áèéêëïóöü", "pl": "ąćęłńóśźż", "sv": "åäöé", "da": "æøåé", "no": "æøåé", "fi": "äöå",
}  # fmt: skip
"""What a language writes besides a to z; a letter that it does not know speaks against it."""
_ACCENTED = frozenset("àáâãäåæçèéêëìíîïðñòóôõöøùúûüýÿāăąćčďđęěğıłńňőœřśşšßťůűźżž¿¡ơưạảấầẩậắằặẹẻếềệỉịọỏốồộớờợụủứừựỳỵ")
_FOREIGN = 0.75
_LETTER = re.compile(r"[^\W\d_]")


def letters(text: str) -> int:
    return len(_LETTER.findall(text))


def language_of(text: str, *, sure: bool = False) -> str | None:
    """ISO 639-1, of LANGUAGES or of a language that is none of them; None where it cannot be told. sure: nor where it
    only is the most likely."""
    return _language_of(text[:LONGEST], sure)


@lru_cache(maxsize=4096)  # several checks ask for the same few texts
def _language_of(text: str, sure: bool) -> str | None:
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    latin = len(_LATIN.findall(text))
    arabic, devanagari = len(_ARABIC.findall(text)), len(_DEVANAGARI.findall(text))
    if 3 * (han + kana) > latin and han + kana > arabic + devanagari:
        return "ja" if 20 * kana > han and kana > 1 else "zh"
    if len(_HANGUL.findall(text)) > latin:
        return "ko"
    if arabic > latin:
        return "ar" if 50 * len(_NOT_ARABIC.findall(text)) <= arabic else None
    if devanagari > latin:
        return "hi" if not _NOT_HINDI.search(text) else None
    return _by_function_words(composed(text), sure) if 2 * latin > letters(text) else None


def _by_function_words(text: str, sure: bool) -> str | None:
    """Each word speaks for its languages, one that is of few languages, or long, more than one of many."""
    said = [w.folded for w in words(text.replace("'", " ").replace("’", " ")) if w.folded[0].isalpha()]
    beyond = [c for c in composed(text.casefold()) if c in _ACCENTED]
    table = votes()
    score: dict[str, float] = {}
    heard: Counter[str] = Counter()
    for word in said:
        languages = table.get(word, ())
        for language in languages:
            score[language] = score.get(language, 0.0) + (1.0 if len(word) > 1 else 0.5) / len(languages)
            heard[language] += 1
    for language, alphabet in _ALPHABETS.items():
        if language in score:
            score[language] *= _FOREIGN ** min(sum(c not in alphabet for c in beyond), 6)
    ranked = sorted(score.items(), key=lambda one: -one[1])[:2]
    if not ranked or heard[ranked[0][0]] < _least_heard(len(said), sure):
        return None
    best = ranked[0]
    if len(ranked) > 1 and best[1] < (_SURE_LEAD if sure else _LEAST_LEAD) * ranked[1][1]:
        return None
    return best[0]


def _least_heard(said: int, sure: bool) -> float:
    return max(_SURE_SHARE * said, _SURE_WORDS) if sure else max(_LEAST_SHARE * said, 1 + (said > 4))


def is_known(language: str | None) -> bool:
    return language in LANGUAGES
